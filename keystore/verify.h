// Looks at everything in a keystore, and puts in order what a crash left.
#ifndef JET_KEYSTORE_VERIFY_H_
#define JET_KEYSTORE_VERIFY_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "keystore/keystore.h"

namespace jet::keystore {

enum class CheckResult {
  kVerified,
  kFailed,     // it is not what it should be; `problems` says what
  kOutOfDate,  // whole, but the certificate's dates do not include now; the kernel does not look
  kUnchecked,  // no fault was found, but not all of it could be checked; `problems` says why
  kLeftOver,   // of a killed writer; the next writer puts it in order. No fault of a key
};

enum class CheckedKind {
  kFolder,    // the keystore's folder and what is right in it: modes, owners, unknown entries
  kStoreKey,  // master.key
  kKey,
  kStaged,  // in staging/
};

// One object of the keystore and what was found.
struct CheckedObject {
  CheckedKind kind = CheckedKind::kKey;
  std::string name;  // the key's name; else the path relative to the keystore, "." for itself
  CheckResult result = CheckResult::kVerified;
  std::vector<std::string> problems;
};

struct VerifyReport {
  std::vector<CheckedObject> objects;

  size_t Count(CheckResult result) const;
};

// Checks the keystore at `path` under its shared lock, without changing a byte: modes and owners,
// unknown entries, the form of master.key and that the records were made under it; of each key its
// record, HMAC and hashes, that its certificate is one that the kernel can use (dates as of `now`),
// that the private key opens and belongs to it, and that no other key goes by its key id.
// Whatever is wrong in the store is in the report. A status means that it could not be looked at:
// NOT_FOUND when there is no keystore.
absl::StatusOr<VerifyReport> Verify(const std::string& path, const MasterKeyOptions& master_key,
                                    absl::Time now);

// Takes away what modes in the keystore allow too much and gives the owner back what they lack;
// then opens the store for writing, which finishes or takes back what a killed writer left. Says
// each thing that it did in words; `status` is what stopped it. Never deletes a key.
struct RepairReport {
  std::vector<std::string> done;
  absl::Status status;
};
RepairReport Repair(const std::string& path, const MasterKeyOptions& master_key);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_VERIFY_H_

// Puts a key into the keystore and its certificate into the kernel's keyring: what
// `jet-keystore generate` and `jet-keystore import` have in common.
#ifndef JET_CLI_STORE_KEY_H_
#define JET_CLI_STORE_KEY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "cli/replication.h"
#include "ima/signing_certificate.h"
#include "keystore/keystore.h"

namespace jet::cli {

// What a refusal of a certificate by .ima (ENOKEY: no key that this kernel trusts signed it) means.
enum class UntrustedByKernel {
  kFails,    // import: nothing is stored
  kIsNoted,  // generate: the key is stored, as other kernels may trust it
};

// What it means that the keystore has the very certificate under the very name.
enum class SameKey {
  kIsTaken,    // ALREADY_EXISTS
  kIsWelcome,  // there is nothing to store; it is mirrored again
};

struct StoreKeyOptions {
  absl::optional<std::string> keyring;
  UntrustedByKernel untrusted = UntrustedByKernel::kFails;
  ima::ExpiredCertificates expired = ima::ExpiredCertificates::kRefuse;
  SameKey same_key = SameKey::kIsTaken;
  // A certificate alone is joined to the key of that name that waits for it.
  bool join = false;
  PeerOptions peers;
};

// What became of the certificate in the kernel's keyring, as "mirror" in JSON says it.
struct Mirrored {
  const char* word = "none";  // "none", "added", "present" or "refused"
  std::string keyring;
  std::string message;    // for "refused" and "none"
  bool doubtful = false;  // "none", though nobody asked for that
};

// A key that is in the keystore now.
struct KeyInStore {
  keystore::StoredKey key;
  Mirrored mirrored;
  std::vector<std::string> warnings;
  bool was_there = false;                               // SameKey::kIsWelcome
  bool joined = false;                                  // to a key that waited for the certificate
  absl::optional<crypto::PrivateKey> private_key = {};  // of a key joined, to be sent to peers
};

// Checks the certificate, stores the key and mirrors it, all or nothing. `replication` may be null;
// else the key is noted for the peers. Prints nothing.
absl::StatusOr<KeyInStore> StoreAndMirror(const Session& session, const keystore::NewKey& key,
                                          const StoreKeyOptions& options, Replication* replication);

// As StoreAndMirror, prints the result, and tells the peers. kCouldNotDo when not all of them have
// the key now.
absl::StatusOr<ExitStatus> StoreKey(Session& session, const keystore::NewKey& key,
                                    const StoreKeyOptions& options);

}  // namespace jet::cli

#endif  // JET_CLI_STORE_KEY_H_

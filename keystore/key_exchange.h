// Puts another folder in the place of a stored key's, so that no crash leaves the key without one.
#ifndef JET_KEYSTORE_KEY_EXCHANGE_H_
#define JET_KEYSTORE_KEY_EXCHANGE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "keystore/store_folder.h"

namespace jet::keystore {

// The folder of the keystore that holds a key while another is put in its place, only on a file
// system that cannot exchange two names in one step. A reader that misses a key in keys/ finds it
// there (docs/formats/keystore.md).
inline constexpr char kReplaced[] = "replaced";

// Exchanges the folder `staged` in staging/ with keys/`name` and syncs keys/. What was there is in
// staging/ afterwards. When it fails the key is still stored, in the one or the other form.
absl::Status ExchangeKey(const StoreFolder& folder, const std::string& staged,
                         const std::string& name);

// Empties and removes replaced/ after a crash, and says in words what it did. A key that is missing
// in keys/ is put back. REQUIRES: `folder` is opened for writing.
absl::StatusOr<std::vector<std::string>> FinishExchanges(StoreFolder& folder);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_KEY_EXCHANGE_H_

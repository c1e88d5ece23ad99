// Takes a key out of the kernel's keyring and out of the keystore: what `jet-keystore delete` and
// `jet-keystore receive` have in common.
#ifndef JET_CLI_REMOVE_KEY_H_
#define JET_CLI_REMOVE_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "ima/keyring.h"
#include "keystore/keystore.h"

namespace jet::cli {

// The ring to take the key out of: of `given`, else of the configuration; none when there is no
// ring that could hold it.
absl::StatusOr<absl::optional<ima::Keyring>> RingToClear(const Session& session,
                                                         const absl::optional<std::string>& given);

struct RemovedKey {
  bool unlinked = false;  // a certificate was to be taken out of the ring
  bool readable = false;  // false: damaged; then neither `first` was called nor the ring changed
};

// Calls `first`; when that is OK unlinks the key `name` from `keyring`, unless it is stored under
// another name too, and removes it. REQUIRES: `store` is open for writing.
absl::StatusOr<RemovedKey> RemoveKey(keystore::Keystore& store, const std::string& name,
                                     const absl::optional<ima::Keyring>& keyring,
                                     keystore::KeyStep first);

}  // namespace jet::cli

#endif  // JET_CLI_REMOVE_KEY_H_

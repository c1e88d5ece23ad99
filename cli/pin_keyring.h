// `jet-ima load --pin`: the kernel keeps this keyring and no other user's can take its place.
#ifndef JET_CLI_PIN_KEYRING_H_
#define JET_CLI_PIN_KEYRING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "ima/keyring.h"
#include "keystore/keystore.h"

namespace jet::cli {

// Runs a small program from `folder` (TMPDIR, else /var/tmp), once unsigned and once signed by a
// key of `store` that is among `members`, and reports what that proves: kGood when it is proven,
// kNo when it is not. FAILED_PRECONDITION when no policy appraises the folder's file system.
absl::StatusOr<ExitStatus> PinKeyring(Session& session, const absl::optional<std::string>& folder,
                                      const keystore::Keystore& store,
                                      const std::vector<ima::KeyringMember>& members);

}  // namespace jet::cli

#endif  // JET_CLI_PIN_KEYRING_H_

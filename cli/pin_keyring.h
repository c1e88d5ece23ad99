// `jet-ima load --pin`: the kernel keeps this keyring and no other user's can take its place.
#ifndef JET_CLI_PIN_KEYRING_H_
#define JET_CLI_PIN_KEYRING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "ima/keyring.h"
#include "ima/pin.h"
#include "keystore/keystore.h"

namespace jet::cli {

// Where the pin program is executed from: `given`, else TMPDIR, else /var/tmp. It must be on a file
// system that the policy appraises.
std::string PinFolder(const absl::optional<std::string>& given);

// Runs a small program from `folder`, once unsigned and once signed by a key of `store` that is
// among `members`, and reports what that proves: kGood when it is proven, kNo when it is not.
// FAILED_PRECONDITION when no policy appraises the folder's file system.
absl::StatusOr<ExitStatus> PinKeyring(Session& session, const std::string& folder,
                                      const keystore::Keystore& store,
                                      const std::vector<ima::KeyringMember>& members);

// The same, with the policy that `load` brings into force once the program is signed.
absl::StatusOr<ExitStatus> PinKeyring(Session& session, const std::string& folder,
                                      const keystore::Keystore& store,
                                      const std::vector<ima::KeyringMember>& members,
                                      ima::PolicyLoader load);

}  // namespace jet::cli

#endif  // JET_CLI_PIN_KEYRING_H_

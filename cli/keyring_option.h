// The option --keyring, and what it comes to on this machine.
#ifndef JET_CLI_KEYRING_OPTION_H_
#define JET_CLI_KEYRING_OPTION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "cli/option_parser.h"
#include "ima/keyring.h"
#include "ima/mirror.h"

namespace jet::cli {

// Declares --keyring.
void DeclareKeyring(OptionParser& parser, absl::optional<std::string>& keyring);

// A usage error when `given`, or else what the configuration says, names no keyring. For commands
// that do other things first.
absl::Status CheckKeyring(const Session& session, const absl::optional<std::string>& given);

// Finds the keyring of `given`, else of the configuration, else "auto". An unknown name is a usage
// error.
absl::StatusOr<ima::ResolvedKeyring> FindKeyring(const Session& session,
                                                 const absl::optional<std::string>& given,
                                                 ima::MissingKeyring missing);

// The members of the keyring that the kernel's IMA uses, as far as this process can see it; nullopt
// when it cannot be known (no IMA, no privilege).
absl::optional<std::vector<ima::KeyringMember>> VisibleKeyringMembers(const Session& session);

}  // namespace jet::cli

#endif  // JET_CLI_KEYRING_OPTION_H_

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

namespace jet::cli {

// Declares --keyring.
void DeclareKeyring(OptionParser& parser, absl::optional<std::string>& keyring);

// Finds the keyring of `given`, else of the configuration, else "auto". An unknown name is a usage
// error. Warns where "auto" finds that this kernel has no IMA.
absl::StatusOr<ima::ResolvedKeyring> FindKeyring(Session& session,
                                                 const absl::optional<std::string>& given,
                                                 ima::MissingKeyring missing);

// The members of the keyring that the kernel's IMA uses, as far as this process can see it; nullopt
// when it cannot be known (no IMA, no privilege).
absl::optional<std::vector<ima::KeyringMember>> VisibleKeyringMembers(const Session& session);

// True when a member of `members` has the subject key identifier of `certificate`.
bool HoldsKeyOf(const std::vector<ima::KeyringMember>& members,
                const pki::Certificate& certificate);

}  // namespace jet::cli

#endif  // JET_CLI_KEYRING_OPTION_H_

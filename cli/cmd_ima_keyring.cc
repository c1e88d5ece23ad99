#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/key_commands.h"
#include "cli/keyring_option.h"
#include "cli/mirror_comparison.h"
#include "cli/option_parser.h"

namespace jet::cli {
namespace {

void PrintMember(Session& session, const ima::KeyringMember& member) {
  session.output.Object({{"type", "key"},
                         {"serial", member.serial},
                         {"key_kind", member.type},
                         {"description", member.description},
                         {"ski", IdentifierText(member)}});
  session.output.Labelled({{"Key Serial", absl::StrCat(member.serial)},
                           {"Key Description", member.description},
                           {"Key SKI", IdentifierText(member)}});
}

}  // namespace

absl::StatusOr<ExitStatus> RunImaKeyring(Session& session, const KeyringOptions& options) {
  JET_ASSIGN_OR_RETURN(const ima::ResolvedKeyring resolved,
                       FindKeyring(session, options.keyring, ima::MissingKeyring::kReport));
  if (!resolved.keyring.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat("no keyring to list: ", resolved.why_none));
  }
  JET_ASSIGN_OR_RETURN(const std::vector<ima::KeyringMember> members, resolved.keyring->List());
  const std::string serial = absl::StrCat(resolved.keyring->serial());
  const std::string& name = resolved.keyring->name();
  session.output.Line(absl::StrCat("Keyring: ", name,
                                   name == serial ? "" : absl::StrCat(" (", serial, ")"), ", ",
                                   members.size(), " keys"));
  for (const ima::KeyringMember& member : members) {
    session.output.Line("");
    PrintMember(session, member);
  }
  session.output.Object({{"type", "keyring"},
                         {"name", resolved.keyring->name()},
                         {"serial", resolved.keyring->serial()},
                         {"trusted", resolved.keyring->trusted()},
                         {"keys", members.size()}});
  return ExitStatus::kGood;
}

RunFunction DeclareImaKeyring(OptionParser& parser) {
  auto options = std::make_shared<KeyringOptions>();
  DeclareKeyring(parser, options->keyring);
  return [options](Session& session) { return RunImaKeyring(session, *options); };
}

}  // namespace jet::cli

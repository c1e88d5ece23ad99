#include "cli/keyring_option.h"

#include "base/status_macros.h"
#include "cli/option_parser.h"

namespace jet::cli {
namespace {

absl::StatusOr<ima::KeyringSelector> SelectorOf(const Session& session,
                                                const absl::optional<std::string>& given) {
  const std::string text =
      given.value_or(session.configuration.keyring.value_or(std::string("auto")));
  absl::StatusOr<ima::KeyringSelector> selector = ima::ParseKeyringSelector(text);
  if (!selector.ok()) return UsageError(selector.status().message());
  return selector;
}

}  // namespace

void DeclareKeyring(OptionParser& parser, absl::optional<std::string>& keyring) {
  parser.Value("--keyring", keyring, "RING",
               "Keyring: auto, none, .ima, _ima, @u, @s or a number (auto)");
}

absl::Status CheckKeyring(const Session& session, const absl::optional<std::string>& given) {
  return SelectorOf(session, given).status();
}

absl::StatusOr<ima::ResolvedKeyring> FindKeyring(const Session& session,
                                                 const absl::optional<std::string>& given,
                                                 ima::MissingKeyring missing) {
  JET_ASSIGN_OR_RETURN(const ima::KeyringSelector selector, SelectorOf(session, given));
  return ima::ResolveKeyring(selector, missing);
}

absl::optional<std::vector<ima::KeyringMember>> VisibleKeyringMembers(const Session& session) {
  const absl::StatusOr<ima::ResolvedKeyring> resolved =
      FindKeyring(session, absl::nullopt, ima::MissingKeyring::kReport);
  if (!resolved.ok() || !resolved->keyring.has_value()) return absl::nullopt;
  absl::StatusOr<std::vector<ima::KeyringMember>> members = resolved->keyring->List();
  if (!members.ok()) return absl::nullopt;
  return *std::move(members);
}

}  // namespace jet::cli

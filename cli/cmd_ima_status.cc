#include <sys/stat.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/keyring_option.h"
#include "cli/option_parser.h"
#include "ima/mirror.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

constexpr char kImaFolder[] = "/sys/kernel/security/ima";

bool Exists(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0;
}

// What can be told of the kernel without asking it to run something.
Fields KernelFields() {
  if (!Exists(kImaFolder)) {
    return {{"Kernel IMA", "not seen (no IMA in this kernel, or securityfs is not mounted)"}};
  }
  // Linux 6.1 with CONFIG_IMA_WRITE_POLICY unset removes the file once a policy was loaded.
  const bool final_policy = !Exists(absl::StrCat(kImaFolder, "/policy"));
  return {{"Kernel IMA", "present"},
          {"Policy", final_policy ? "loaded, and final until the kernel restarts"
                                  : "may still be loaded or extended"}};
}

absl::StatusOr<keystore::KeyListing> ListKeys(const Session& session) {
  absl::StatusOr<keystore::Keystore> store =
      keystore::Keystore::Open(session.keystore, keystore::Access::kRead);
  if (absl::IsNotFound(store.status())) return keystore::KeyListing();
  JET_RETURN_IF_ERROR(store.status());
  return store->List();
}

void PrintKey(Session& session, const std::string& name, const char* word, Tone tone) {
  session.output.Object({{"type", "check"}, {"key", name}, {"result", word}});
  session.output.Result({name, word, "", tone});
}

absl::StatusOr<ExitStatus> RunStatus(Session& session, const absl::optional<std::string>& keyring) {
  JET_RETURN_IF_ERROR(CheckKeyring(session, keyring));
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, ListKeys(session));
  session.output.Labelled(KernelFields());
  absl::StatusOr<ima::ResolvedKeyring> resolved =
      FindKeyring(session, keyring, ima::MissingKeyring::kReport);
  const bool absent = absl::IsNotFound(resolved.status());
  if (!resolved.ok() && !absent) return resolved.status();
  if (!absent && !resolved->keyring.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no keyring to compare the keystore with: ", resolved->why_none));
  }
  std::vector<ima::KeyringMember> members;
  if (!absent) {
    JET_ASSIGN_OR_RETURN(members, resolved->keyring->List());
  }
  std::vector<ima::NamedCertificate> certificates;
  for (const keystore::StoredKey& key : listing.keys) {
    certificates.push_back({key.name, key.certificate});
  }
  const ima::MirrorPlan plan = ima::PlanMirror(certificates, members);
  session.output.Labelled({{"Keyring", absent ? std::string("none yet (") +
                                                    std::string(resolved.status().message()) + ")"
                                              : resolved->keyring->name()}});
  for (const auto& key : plan.present) PrintKey(session, key.name, "in-keyring", Tone::kGood);
  for (const auto& key : plan.missing) PrintKey(session, key.name, "not-in-keyring", Tone::kBad);
  for (const ima::KeyringMember& member : plan.foreign) {
    PrintKey(session, member.description, "foreign", Tone::kPlain);
  }
  for (const keystore::DamagedKey& damaged : listing.damaged) {
    session.output.Error(
        absl::StrCat("key '", damaged.name, "' is damaged: ", damaged.error.message()));
  }
  if (!plan.missing.empty()) session.output.Note("jet-ima load mirrors what is missing");
  session.output.Object({{"type", "summary"},
                         {"keyring", absent ? Json(nullptr) : Json(resolved->keyring->name())},
                         {"in_keyring", plan.present.size()},
                         {"not_in_keyring", plan.missing.size()},
                         {"foreign", plan.foreign.size()},
                         {"damaged", listing.damaged.size()}});
  if (!listing.damaged.empty()) return ExitStatus::kCouldNotDo;
  if (plan.missing.empty()) return ExitStatus::kGood;
  return ExitStatus::kNo;
}

}  // namespace

RunFunction DeclareImaStatus(OptionParser& parser) {
  auto keyring = std::make_shared<absl::optional<std::string>>();
  DeclareKeyring(parser, *keyring);
  return [keyring](Session& session) { return RunStatus(session, *keyring); };
}

}  // namespace jet::cli

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/key_commands.h"
#include "cli/key_report.h"
#include "cli/keyring_option.h"
#include "cli/option_parser.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

using Members = absl::optional<std::vector<ima::KeyringMember>>;

absl::optional<bool> InKeyring(const Members& members, const keystore::StoredKey& key) {
  if (!members.has_value()) return absl::nullopt;
  return ima::HoldsKeyOf(*members, key.certificate);
}

void PrintKey(Session& session, const Members& members, const keystore::StoredKey& key) {
  const absl::optional<bool> in_keyring = InKeyring(members, key);
  session.output.Object(KeyObject(key, in_keyring));
  Fields fields = KeyFields(key);
  fields.emplace_back("In Keyring", InKeyringText(in_keyring));
  session.output.Labelled(fields);
}

absl::StatusOr<ExitStatus> ListOne(Session& session, const keystore::Keystore& store,
                                   const std::string& name) {
  JET_ASSIGN_OR_RETURN(const keystore::StoredKey key, store.Find(name));
  PrintKey(session, VisibleKeyringMembers(session), key);
  return ExitStatus::kGood;
}

}  // namespace

absl::StatusOr<ExitStatus> RunKeystoreList(Session& session, const ListOptions& options) {
  absl::StatusOr<keystore::Keystore> store =
      keystore::Keystore::Open(session.keystore, keystore::Access::kRead);
  // A keystore that nobody made yet holds no keys; that is an answer, not a failure.
  if (absl::IsNotFound(store.status()) && options.key_name.empty()) {
    session.output.Note(absl::StrCat("there is no keystore at '", session.keystore, "' yet"));
    session.output.Object({{"type", "summary"}, {"keys", 0}, {"damaged", 0}});
    return ExitStatus::kGood;
  }
  JET_RETURN_IF_ERROR(store.status());
  if (!options.key_name.empty()) return ListOne(session, *store, options.key_name);
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store->List());
  const Members members = VisibleKeyringMembers(session);
  for (size_t i = 0; i < listing.keys.size(); ++i) {
    if (i > 0) session.output.Line("");
    PrintKey(session, members, listing.keys[i]);
  }
  for (const keystore::DamagedKey& damaged : listing.damaged) {
    session.output.Error(
        absl::StrCat("key '", damaged.name, "' is damaged: ", damaged.error.message()));
  }
  session.output.Object(
      {{"type", "summary"}, {"keys", listing.keys.size()}, {"damaged", listing.damaged.size()}});
  return listing.damaged.empty() ? ExitStatus::kGood : ExitStatus::kCouldNotDo;
}

RunFunction DeclareKeystoreList(OptionParser& /*parser*/) {
  return [](Session& session) { return RunKeystoreList(session, {}); };
}

RunFunction DeclareKeystoreShow(OptionParser& parser) {
  auto name = std::make_shared<std::string>();
  parser.Value("NAME", *name, "", "Name of the key").Required();
  return [name](Session& session) -> absl::StatusOr<ExitStatus> {
    JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                         keystore::Keystore::Open(session.keystore, keystore::Access::kRead));
    JET_ASSIGN_OR_RETURN(const keystore::StoredKey key, store.Find(*name));
    const absl::optional<bool> in_keyring = InKeyring(VisibleKeyringMembers(session), key);
    session.output.Object(KeyObject(key, in_keyring));
    session.output.Labelled(DetailedKeyFields(key, in_keyring));
    if (key.has_private_key) {
      session.output.Note(
          "the private key is encrypted under master.key, which lies in the same folder: that "
          "guards single leaked files and backups without master.key, not a stolen disk");
    }
    return ExitStatus::kGood;
  };
}

}  // namespace jet::cli

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/key_commands.h"
#include "cli/key_report.h"
#include "cli/keyring_option.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/peer_status.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

constexpr int64_t kWarnDays = 30;

using Members = absl::optional<std::vector<ima::KeyringMember>>;

absl::optional<bool> InKeyring(const Members& members, const keystore::StoredKey& key) {
  if (!members.has_value()) return absl::nullopt;
  return ima::HoldsKeyOf(*members, key.certificate);
}

// The kernel does not look at the dates, but whoever issues and trusts the certificate does.
void WarnOfExpiry(Session& session, const keystore::StoredKey& key) {
  const absl::Time now = absl::Now();
  const absl::Time not_after = key.certificate.not_after();
  if (now > not_after) {
    session.output.Warning(
        absl::StrCat("the certificate of '", key.name, "' expired on ", TimeText(not_after)));
  } else if (DaysLeft(key.certificate, now) < kWarnDays) {
    session.output.Warning(absl::StrCat("the certificate of '", key.name, "' expires in ",
                                        DaysLeft(key.certificate, now), " days, on ",
                                        TimeText(not_after)));
  }
}

void PrintKey(Session& session, const Members& members, const keystore::StoredKey& key) {
  const absl::optional<bool> in_keyring = InKeyring(members, key);
  session.output.Object(KeyObject(key, in_keyring));
  Fields fields = KeyFields(key);
  fields.emplace_back("In Keyring", InKeyringText(in_keyring));
  session.output.Labelled(fields);
}

void PrintWaiting(Session& session, const keystore::WaitingKey& key) {
  session.output.Object(KeyObject(key));
  session.output.Labelled(KeyFields(key));
}

absl::StatusOr<ExitStatus> ListOne(Session& session, const keystore::Keystore& store,
                                   const std::string& name) {
  JET_ASSIGN_OR_RETURN(const absl::optional<keystore::WaitingKey> waiting, store.FindWaiting(name));
  if (waiting.has_value()) {
    NoteUnlessChecked(session, store);
    PrintWaiting(session, *waiting);
    return ExitStatus::kGood;
  }
  JET_ASSIGN_OR_RETURN(const keystore::StoredKey key, store.Find(name));
  NoteUnlessChecked(session, store);
  PrintKey(session, VisibleKeyringMembers(session), key);
  return ExitStatus::kGood;
}

struct ListCounts {
  size_t keys = 0;
  size_t waiting = 0;
  size_t damaged = 0;
};

ListCounts PrintListing(Session& session, const keystore::KeyListing& listing) {
  const Members members = VisibleKeyringMembers(session);
  for (size_t i = 0; i < listing.keys.size(); ++i) {
    if (i > 0) session.output.Line("");
    PrintKey(session, members, listing.keys[i]);
  }
  for (size_t i = 0; i < listing.waiting.size(); ++i) {
    if (i > 0 || !listing.keys.empty()) session.output.Line("");
    PrintWaiting(session, listing.waiting[i]);
  }
  for (const keystore::StoredKey& key : listing.keys) WarnOfExpiry(session, key);
  for (const keystore::DamagedKey& damaged : listing.damaged) {
    session.output.Error(
        absl::StrCat("key '", damaged.name, "' is damaged: ", damaged.error.message()));
  }
  return {listing.keys.size(), listing.waiting.size(), listing.damaged.size()};
}

absl::StatusOr<ListCounts> ListAll(Session& session) {
  const absl::StatusOr<keystore::Keystore> store = OpenKeystore(session, keystore::Access::kRead);
  // A keystore that nobody made yet holds no keys; that is an answer, not a failure.
  if (absl::IsNotFound(store.status())) {
    session.output.Note(absl::StrCat("there is no keystore at '", session.keystore, "' yet"));
    return ListCounts();
  }
  JET_RETURN_IF_ERROR(store.status());
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store->List());
  if (!listing.keys.empty() || !listing.waiting.empty()) NoteUnlessChecked(session, *store);
  return PrintListing(session, listing);
}

// Says exactly what the encryption of a private key guards against.
void NoteAtRest(Session& session, const keystore::Keystore& store) {
  if (store.IsProtected().value_or(false)) {
    session.output.Note(
        "the private key is encrypted under the store key, which a passphrase protects: a stolen "
        "disk is guarded as well as that passphrase cannot be guessed");
  } else if (!session.store_key.master_key_file.has_value()) {
    session.output.Note(
        "the private key is encrypted under master.key, which lies in the same folder: that "
        "guards single leaked files and backups without master.key, not a stolen disk");
  } else {
    session.output.Note(absl::StrCat(
        "the private key is encrypted under the store key in '", store.store_key_path(),
        "': that guards a disk or backup that does not hold that file"));
  }
}

}  // namespace

absl::StatusOr<ExitStatus> RunKeystoreList(Session& session, const ListOptions& options) {
  if (!options.key_name.empty()) {
    JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                         OpenKeystore(session, keystore::Access::kRead));
    return ListOne(session, store, options.key_name);
  }
  JET_ASSIGN_OR_RETURN(const ListCounts counts, ListAll(session));
  ExitStatus status = counts.damaged == 0 ? ExitStatus::kGood : ExitStatus::kCouldNotDo;
  if (options.peers) {
    JET_ASSIGN_OR_RETURN(const ExitStatus peers, ReportPeers(session, options.peer_options));
    status = Worse(status, peers);
  }
  session.output.Object({{"type", "summary"},
                         {"keys", counts.keys},
                         {"waiting", counts.waiting},
                         {"damaged", counts.damaged}});
  return status;
}

RunFunction DeclareKeystoreList(OptionParser& parser) {
  auto options = std::make_shared<ListOptions>();
  parser.Flag("--peers", options->peers, "Compare with the other Routing Engines too");
  DeclarePeerTimeout(parser, options->peer_options);
  return [options](Session& session) { return RunKeystoreList(session, *options); };
}

RunFunction DeclareKeystoreShow(OptionParser& parser) {
  auto name = std::make_shared<std::string>();
  parser.Value("NAME", *name, "", "Name of the key").Required();
  return [name](Session& session) -> absl::StatusOr<ExitStatus> {
    JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                         OpenKeystore(session, keystore::Access::kRead));
    JET_ASSIGN_OR_RETURN(const absl::optional<keystore::WaitingKey> waiting,
                         store.FindWaiting(*name));
    if (waiting.has_value()) {
      PrintWaiting(session, *waiting);
      NoteUnlessChecked(session, store);
      NoteAtRest(session, store);
      return ExitStatus::kGood;
    }
    JET_ASSIGN_OR_RETURN(const keystore::StoredKey key, store.Find(*name));
    const absl::optional<bool> in_keyring = InKeyring(VisibleKeyringMembers(session), key);
    session.output.Object(KeyObject(key, in_keyring));
    session.output.Labelled(DetailedKeyFields(key, in_keyring));
    NoteUnlessChecked(session, store);
    if (key.has_private_key && key.private_key_uri.empty()) NoteAtRest(session, store);
    return ExitStatus::kGood;
  };
}

}  // namespace jet::cli

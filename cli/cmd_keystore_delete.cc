#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/confirmation.h"
#include "cli/escape.h"
#include "cli/keyring_option.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/remove_key.h"
#include "cli/replication.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

struct DeleteOptions {
  std::string name;
  bool yes = false;
  absl::optional<std::string> keyring;
  PeerOptions peers;
};

absl::Status Confirm(const DeleteOptions& options) {
  if (options.yes) return absl::OkStatus();
  return Confirm(Question{absl::StrCat("Delete key '", Escape(options.name),
                                       "'? Its private key cannot be brought back."),
                          "deleting a key cannot be undone", "nothing was deleted"});
}

// A name that is not there is said before the question is asked, and without holding the lock
// while somebody thinks about the answer.
absl::Status CheckKeyExists(const Session& session, const std::string& name) {
  JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                       OpenKeystore(session, keystore::Access::kRead));
  const absl::Status found = store.Find(name).status();
  return absl::IsNotFound(found) ? found : absl::OkStatus();
}

// What was removed here, and how the peers are to be told.
struct Deletion {
  RemovedKey removed;
  bool waited = false;  // it had no certificate yet, so that neither ring nor peer knew of it
  absl::optional<ima::Keyring> keyring;
};

absl::StatusOr<Deletion> DeleteHere(const Session& session, const DeleteOptions& options,
                                    Replication& replication) {
  Deletion deletion;
  JET_ASSIGN_OR_RETURN(deletion.keyring, RingToClear(session, options.keyring));
  JET_ASSIGN_OR_RETURN(keystore::Keystore store, OpenKeystore(session, keystore::Access::kWrite));
  // A key that cannot be read does not wait; that is found again below.
  const absl::StatusOr<absl::optional<keystore::WaitingKey>> waiting =
      store.FindWaiting(options.name);
  deletion.waited = waiting.ok() && waiting->has_value();
  const auto note = [&replication](const keystore::StoredKey& key) -> absl::Status {
    JET_ASSIGN_OR_RETURN(const std::string sha256, key.certificate.Fingerprint());
    return replication.NoteRemoval(sha256);
  };
  absl::StatusOr<RemovedKey> removed = RemoveKey(store, options.name, deletion.keyring, note);
  // Its files may be left over while the key is gone: then the peers are to be told all the same.
  if (!removed.ok() && !absl::IsNotFound(store.Find(options.name).status())) {
    replication.TakeBack();
  }
  JET_RETURN_IF_ERROR(removed.status());
  replication.End();
  deletion.removed = *removed;
  return deletion;
}

ExitStatus TellPeers(Replication& replication, const RemovedKey& removed) {
  PeerOutcome here;
  here.operation = PeerOperation::kDelete;
  here.result = PeerResult::kDeleted;
  if (removed.readable) return replication.Deliver(std::move(here), KeyToSend());
  return replication.DeliverNothing(
      std::move(here), "the key was damaged here: which one is to be deleted there cannot be told");
}

absl::StatusOr<ExitStatus> RunDelete(Session& session, const DeleteOptions& options) {
  const absl::Status name = keystore::CheckKeyName(options.name);
  if (!name.ok()) return UsageError(name.message());
  JET_RETURN_IF_ERROR(CheckKeyring(session, options.keyring));
  JET_RETURN_IF_ERROR(CheckKeyExists(session, options.name));
  JET_RETURN_IF_ERROR(Confirm(options));
  Replication replication(session, options.name, options.peers);
  JET_ASSIGN_OR_RETURN(const Deletion deletion, DeleteHere(session, options, replication));
  const RemovedKey& removed = deletion.removed;
  session.output.Object(
      {{"type", "key"}, {"name", options.name}, {"deleted", true}, {"unlinked", removed.unlinked}});
  session.output.Line(absl::StrCat("key '", options.name, "' deleted"));
  if (deletion.waited) {
    session.output.Note(
        "it waited for its certificate: one that answers its request is of no use any more");
    return ExitStatus::kGood;
  }
  const ExitStatus status = TellPeers(replication, removed);
  if (!removed.readable && deletion.keyring.has_value()) {
    return absl::DataLossError(absl::StrCat(
        "the key was damaged: it is deleted, but which certificate of the keyring ",
        deletion.keyring->name(), " was its own cannot be told (jet-ima keyring lists them)"));
  }
  if (removed.unlinked) {
    session.output.Note(
        "files that the kernel has already appraised go on running until their "
        "inodes leave its cache (a reboot is the sure way)");
  }
  return status;
}

}  // namespace

RunFunction DeclareKeystoreDelete(OptionParser& parser) {
  auto options = std::make_shared<DeleteOptions>();
  parser.Value("NAME", options->name, "", "Name of the key").Required();
  parser.Flag("--yes", options->yes, "Do not ask");
  DeclareKeyring(parser, options->keyring);
  DeclarePeerTimeout(parser, options->peers);
  return [options](Session& session) { return RunDelete(session, *options); };
}

}  // namespace jet::cli

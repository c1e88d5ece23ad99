#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/replication.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

struct RenameOptions {
  std::string old_name;
  std::string new_name;
  PeerOptions peers;
};

// A key under its new name, with its private key where a peer waits for that.
struct RenamedKey {
  absl::optional<keystore::StoredKey> key;  // nullopt: it waits for its certificate
  absl::optional<crypto::PrivateKey> private_key;
};

// False for a rename that failed and left everything as it was.
bool HasItsNewName(const keystore::Keystore& store, const keystore::StoredKey& key,
                   const RenameOptions& options, const absl::Status& failure) {
  const absl::StatusOr<keystore::StoredKey> there = store.Find(options.new_name);
  return !absl::IsAlreadyExists(failure) && there.ok() &&
         there->certificate.der() == key.certificate.der();
}

absl::Status RenameNoted(keystore::Keystore& store, const RenameOptions& options,
                         const Replication& replication, RenamedKey& renamed) {
  if (replication.WantsPrivateKey() && renamed.key->holds_private_key()) {
    JET_ASSIGN_OR_RETURN(renamed.private_key, store.OpenPrivateKey(options.old_name));
  }
  JET_RETURN_IF_ERROR(store.Rename(options.old_name, options.new_name));
  JET_ASSIGN_OR_RETURN(renamed.key, store.Find(options.new_name));
  return absl::OkStatus();
}

absl::StatusOr<RenamedKey> RenameHere(const Session& session, const RenameOptions& options,
                                      Replication& replication) {
  JET_ASSIGN_OR_RETURN(keystore::Keystore store,
                       OpenUnlockedKeystore(session, keystore::Access::kWrite));
  JET_ASSIGN_OR_RETURN(const absl::optional<keystore::WaitingKey> waiting,
                       store.FindWaiting(options.old_name));
  if (waiting.has_value()) {
    JET_RETURN_IF_ERROR(store.Rename(options.old_name, options.new_name));
    return RenamedKey();
  }
  JET_ASSIGN_OR_RETURN(const keystore::StoredKey key, store.Find(options.old_name));
  JET_ASSIGN_OR_RETURN(const std::string sha256, key.certificate.Fingerprint());
  // What is pending of a key that has the name is not to be lost to a rename that will fail.
  if (absl::IsNotFound(store.Find(options.new_name).status())) {
    JET_RETURN_IF_ERROR(replication.NoteRename(options.old_name, sha256));
  }
  RenamedKey renamed = {key, absl::nullopt};
  const absl::Status status = RenameNoted(store, options, replication, renamed);
  // It may have its new name all the same: then the peers are to be told.
  if (!status.ok() && !HasItsNewName(store, key, options, status)) replication.TakeBack();
  JET_RETURN_IF_ERROR(status);
  replication.End();
  return renamed;
}

// The kernel's keyring holds certificates without the names that they have here: it stays as it is.
absl::StatusOr<ExitStatus> RunRename(Session& session, const RenameOptions& options) {
  for (const std::string& name : {options.old_name, options.new_name}) {
    const absl::Status good = keystore::CheckKeyName(name);
    if (!good.ok()) return UsageError(good.message());
  }
  Replication replication(session, options.new_name, options.peers);
  JET_ASSIGN_OR_RETURN(const RenamedKey renamed, RenameHere(session, options, replication));
  session.output.Object(
      {{"type", "key"}, {"name", options.new_name}, {"renamed_from", options.old_name}});
  session.output.Line(
      absl::StrCat("key '", options.old_name, "' renamed to '", options.new_name, "'"));
  // No peer knows of a key without a certificate.
  if (!renamed.key.has_value()) return ExitStatus::kGood;
  PeerOutcome here;
  here.operation = PeerOperation::kRename;
  here.result = PeerResult::kRenamed;
  here.private_key = renamed.key->has_private_key;
  return replication.Deliver(
      std::move(here),
      {.certificate = &renamed.key->certificate,
       .private_key = renamed.private_key.has_value() ? &*renamed.private_key : nullptr,
       .has_private_key = renamed.key->has_private_key});
}

}  // namespace

RunFunction DeclareKeystoreRename(OptionParser& parser) {
  auto options = std::make_shared<RenameOptions>();
  parser.Value("OLD", options->old_name, "", "Name of the key").Required();
  parser.Value("NEW", options->new_name, "", "Its new name").Required();
  DeclarePeerTimeout(parser, options->peers);
  return [options](Session& session) { return RunRename(session, *options); };
}

}  // namespace jet::cli

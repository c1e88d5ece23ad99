#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/authorized_key.h"
#include "cli/command.h"
#include "cli/option_parser.h"
#include "cli/replication.h"
#include "keystore/pending_work.h"

namespace jet::cli {
namespace {

constexpr size_t kMaxPublicKeyFile = 16 * 1024;

struct PeersOptions {
  std::string authorize;  // a public key file
  bool accept_delete = false;
  bool accept_private_key = false;
};

// Appends an option that names a file or folder. Whoever logs in over ssh has neither this shell's
// environment and working folder nor its --config.
absl::Status AppendPath(std::string& command, absl::string_view option, const std::string& path) {
  if (!IsPlainPath(path)) {
    return UsageError(absl::StrCat("'", path,
                                   "' cannot be named in authorized_keys: that takes an ",
                                   "absolute path of letters, digits, '/', '.', '_' and '-'"));
  }
  absl::StrAppend(&command, " ", option, " ", path);
  return absl::OkStatus();
}

// The command that the other Routing Engine may run here, and nothing else.
absl::StatusOr<std::string> ReceiveCommand(const Session& session, const PeersOptions& options) {
  std::string command = "jet-keystore receive";
  JET_RETURN_IF_ERROR(AppendPath(command, "--keystore", session.keystore));
  const StoreKeyInput& store_key = session.store_key;
  if (store_key.master_key_file.has_value()) {
    JET_RETURN_IF_ERROR(AppendPath(command, "--master-key-file", *store_key.master_key_file));
  }
  if (store_key.passphrase.file.has_value()) {
    JET_RETURN_IF_ERROR(AppendPath(command, "--store-passphrase-file", *store_key.passphrase.file));
  }
  if (options.accept_delete) absl::StrAppend(&command, " --accept-delete");
  if (options.accept_private_key) absl::StrAppend(&command, " --accept-private-key");
  return command;
}

absl::StatusOr<ExitStatus> Authorize(Session& session, const PeersOptions& options) {
  JET_ASSIGN_OR_RETURN(const std::string command, ReceiveCommand(session, options));
  JET_ASSIGN_OR_RETURN(const base::Bytes content,
                       base::ReadFile(options.authorize, kMaxPublicKeyFile));
  const absl::StatusOr<std::string> public_key = ParsePublicKeyFile(base::AsText(content));
  if (!public_key.ok()) {
    return base::Annotate(public_key.status(), absl::StrCat("'", options.authorize, "'"));
  }
  const std::string line = AuthorizedKeysLine(command, *public_key);
  session.output.Line(line);
  session.output.Object({{"type", "check"}, {"check", "authorize"}, {"line", line}});
  return ExitStatus::kGood;
}

void PrintPeer(Session& session, const Peer& peer) {
  session.output.Object(
      {{"type", "check"},
       {"check", "peer-settings"},
       {"peer", peer.name},
       {"destination", peer.local() ? Json(nullptr) : Json(peer.destination)},
       {"keystore", peer.keystore.has_value() ? Json(*peer.keystore) : Json(nullptr)}});
  std::string line = absl::StrCat(peer.name, ": ");
  absl::StrAppend(&line, peer.local() ? "this Routing Engine" : "ssh ", peer.destination);
  if (peer.keystore.has_value()) absl::StrAppend(&line, ", keystore ", *peer.keystore);
  session.output.Line(line);
}

void PrintPending(Session& session, const keystore::PendingItem& item, const char* operation,
                  bool private_key) {
  session.output.Object({{"type", "check"},
                         {"check", "pending"},
                         {"peer", item.peer},
                         {"key", item.name},
                         {"operation", operation},
                         {"private_key", private_key}});
  session.output.Result(
      {.subject = absl::StrCat(item.peer, ": ", item.name),
       .word = "pending",
       .rest = absl::StrCat(" (", operation, private_key ? ", with its private key)" : ")"),
       .tone = Tone::kDoubtful});
}

// Prints what is pending for one key; an entry that cannot be read is the only failure.
ExitStatus PrintItem(Session& session, const keystore::PendingItem& item) {
  if (!item.entry.ok()) {
    session.output.Error(item.entry.status().message());
    return ExitStatus::kCouldNotDo;
  }
  const keystore::PendingEntry& entry = *item.entry;
  if (!entry.removals.empty()) PrintPending(session, item, "delete", false);
  const bool renames = std::any_of(
      entry.renames.begin(), entry.renames.end(),
      [&entry](const auto& rename) { return !entry.Removes(rename.certificate_sha256); });
  if (renames) PrintPending(session, item, "rename", false);
  // It goes without saying where the key is renamed.
  if (entry.put.has_value() && !renames) {
    PrintPending(session, item, "put", entry.put->with_private_key);
  }
  return ExitStatus::kGood;
}

absl::StatusOr<ExitStatus> PrintQueue(Session& session) {
  JET_ASSIGN_OR_RETURN(const absl::optional<keystore::PendingWork> pending,
                       keystore::PendingWork::OpenExisting(session.keystore));
  if (!pending.has_value()) return ExitStatus::kGood;
  JET_ASSIGN_OR_RETURN(const std::vector<keystore::PendingItem> items, pending->List());
  ExitStatus status = ExitStatus::kGood;
  for (const keystore::PendingItem& item : items) {
    if (PrintItem(session, item) != ExitStatus::kGood) status = ExitStatus::kCouldNotDo;
  }
  return status;
}

absl::StatusOr<ExitStatus> RunPeers(Session& session, const PeersOptions& options) {
  if (!options.authorize.empty()) return Authorize(session, options);
  if (options.accept_delete || options.accept_private_key) {
    return UsageError("--accept-delete and --accept-private-key are for --authorize");
  }
  if (OtherPeers(session).empty()) session.output.Note("no other Routing Engine is configured");
  for (const Peer& peer : session.configuration.peers) PrintPeer(session, peer);
  return PrintQueue(session);
}

}  // namespace

RunFunction DeclareKeystorePeers(OptionParser& parser) {
  auto options = std::make_shared<PeersOptions>();
  parser.Value("--authorize", options->authorize, "FILE",
               "Print the line of authorized_keys that lets this public key reach this keystore");
  parser.Flag("--accept-delete", options->accept_delete,
              "With --authorize: let it delete keys here");
  parser.Flag("--accept-private-key", options->accept_private_key,
              "With --authorize: let it store private keys here");
  return [options](Session& session) { return RunPeers(session, *options); };
}

}  // namespace jet::cli

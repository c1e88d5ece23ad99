#include "cli/replication.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::cli {
namespace {

constexpr int kMostSeconds = 3600;

}  // namespace

void DeclarePeerTimeout(OptionParser& parser, PeerOptions& options) {
  parser
      .Value("--peer-timeout", options.timeout, "SECONDS",
             absl::StrCat("How long a peer may take to answer (", kPeerTimeout, ")"))
      .InRange(1, kMostSeconds);
}

void DeclarePeerOptions(OptionParser& parser, PeerOptions& options) {
  parser.Flag("--with-private-key", options.with_private_key,
              "Send the private key to the peers too (they can only verify with it)");
  DeclarePeerTimeout(parser, options);
}

std::vector<Peer> OtherPeers(const Session& session) {
  std::vector<Peer> others = session.configuration.peers;
  std::erase_if(others, [](const Peer& peer) { return peer.local(); });
  return others;
}

std::string LocalName(const Session& session) {
  for (const Peer& peer : session.configuration.peers) {
    if (peer.local()) return peer.name;
  }
  return "local";
}

absl::Status Replication::Note(absl::FunctionRef<void(keystore::PendingEntry&)> change) {
  if (peers_.empty()) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(pending_, keystore::PendingWork::Open(session_.keystore));
  for (const Peer& peer : peers_) {
    keystore::PendingEntry before;
    JET_RETURN_IF_ERROR(pending_->Change(peer.name, name_, [&](keystore::PendingEntry& entry) {
      before = entry;
      change(entry);
    }));
    before_.push_back(std::move(before));
  }
  return absl::OkStatus();
}

absl::Status Replication::NotePut(const keystore::PendingPut& put) {
  return base::Annotate(Note([&](keystore::PendingEntry& entry) { keystore::NotePut(entry, put); }),
                        "cannot note it for the peers");
}

absl::Status Replication::NoteRemoval(const std::string& certificate_sha256) {
  return base::Annotate(Note([&](keystore::PendingEntry& entry) {
                          keystore::NoteRemoval(entry, certificate_sha256);
                        }),
                        "cannot note it for the peers");
}

void Replication::TakeBack() {
  for (size_t i = 0; i < before_.size(); ++i) {
    // What stays noted is about a key that is not there: `sync` drops it.
    (void)pending_->Change(peers_[i].name, name_,
                           [&](keystore::PendingEntry& entry) { entry = before_[i]; });
  }
  before_.clear();
}

std::vector<PeerOutcome> Replication::DeliverTo(const Peer& peer, const KeyToSend& key) const {
  PeerOutcome failed;
  failed.peer = peer.name;
  failed.key = name_;
  const absl::StatusOr<keystore::PendingWork::PeerLock> lock = pending_->LockPeer(peer.name);
  if (!lock.ok()) {
    failed.pending = true;
    failed.detail = std::string(lock.status().message());
    return {failed};
  }
  absl::StatusOr<std::vector<PeerOutcome>> outcomes =
      DeliverKey({*pending_, peer, options_.Timeout()}, name_, key);
  if (!outcomes.ok()) {
    failed.pending = true;
    failed.detail = std::string(outcomes.status().message());
    return {failed};
  }
  if (outcomes->empty()) {
    failed.result = PeerResult::kDoneByOther;
    return {failed};
  }
  return *std::move(outcomes);
}

ExitStatus Replication::Print(PeerOutcome here) const {
  here.peer = LocalName(session_);
  here.key = name_;
  PrintPeerOutcome(session_, here, ShowKey::kNo);
  return ExitStatusOf(here);
}

ExitStatus Replication::Deliver(PeerOutcome here, const KeyToSend& key) {
  if (peers_.empty()) return ExitStatus::kGood;
  ExitStatus status = Print(std::move(here));
  for (const Peer& peer : peers_) {
    // The last says what became of this change; those before it were pending from earlier.
    for (const PeerOutcome& outcome : DeliverTo(peer, key)) {
      PrintPeerOutcome(session_, outcome, ShowKey::kNo);
      status = Worse(status, ExitStatusOf(outcome));
    }
  }
  return status;
}

ExitStatus Replication::DeliverNothing(PeerOutcome here, const std::string& why) {
  if (peers_.empty()) return ExitStatus::kGood;
  ExitStatus status = Print(std::move(here));
  for (const Peer& peer : peers_) {
    PeerOutcome outcome;
    outcome.peer = peer.name;
    outcome.key = name_;
    outcome.operation = PeerOperation::kDelete;
    outcome.detail = why;
    PrintPeerOutcome(session_, outcome, ShowKey::kNo);
    status = Worse(status, ExitStatusOf(outcome));
  }
  return status;
}

}  // namespace jet::cli

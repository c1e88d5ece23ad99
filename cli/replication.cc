#include "cli/replication.h"

#include <algorithm>
#include <iterator>

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

absl::Status Replication::Note(Change change) {
  if (peers_.empty()) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(pending_, keystore::PendingWork::Open(session_.keystore));
  for (const Peer& peer : peers_) {
    keystore::PendingEntry before;
    JET_RETURN_IF_ERROR(pending_->Change(peer.name, name_, [&](keystore::PendingEntry& entry) {
      before = entry;
      change(peer, entry);
    }));
    before_.push_back(std::move(before));
  }
  return absl::OkStatus();
}

// A certificate that had this name, got another and has this one again as well is not to lose it at
// a peer, and with it perhaps a private key.
absl::Status Replication::ForgetRenamesFromHere(const std::string& certificate_sha256) {
  if (!pending_.has_value()) return absl::OkStatus();
  const keystore::PendingRename rename = {name_, certificate_sha256};
  JET_ASSIGN_OR_RETURN(const std::vector<keystore::PendingItem> items, pending_->List());
  for (const keystore::PendingItem& item : items) {
    if (!item.entry.ok() || item.entry->renames.empty()) continue;
    JET_RETURN_IF_ERROR(
        pending_->Change(item.peer, item.name, [&rename](keystore::PendingEntry& entry) {
          std::erase(entry.renames, rename);
        }));
  }
  return absl::OkStatus();
}

absl::Status Replication::NotePut(const keystore::PendingPut& put) {
  const auto note = [&](const Peer& /*peer*/, keystore::PendingEntry& entry) {
    keystore::NotePut(entry, put);
  };
  absl::Status noted = Note(note);
  if (noted.ok()) noted = ForgetRenamesFromHere(put.certificate_sha256);
  return base::Annotate(noted, "cannot note it for the peers");
}

absl::Status Replication::NoteRemoval(const std::string& certificate_sha256) {
  const auto note = [&](const Peer& /*peer*/, keystore::PendingEntry& entry) {
    keystore::NoteRemoval(entry, certificate_sha256);
  };
  return base::Annotate(Note(note), "cannot note it for the peers");
}

absl::Status Replication::NoteRename(const std::string& from,
                                     const std::string& certificate_sha256) {
  old_name_ = from;
  renamed_sha256_ = certificate_sha256;
  const auto note = [&](const Peer& peer, keystore::PendingEntry& entry) {
    // What cannot be read is found again by comparing the stores.
    keystore::PendingEntry old_entry =
        pending_->Find(peer.name, from).value_or(keystore::PendingEntry());
    keystore::NoteRename(entry, {from, name_, certificate_sha256, std::move(old_entry)});
    wants_private_key_ = wants_private_key_ || entry.put->with_private_key;
  };
  return base::Annotate(Note(note), "cannot note it for the peers");
}

void Replication::EndRename() {
  if (!old_name_.has_value()) return;
  (void)ForgetRenamesFromHere(renamed_sha256_);
  for (const Peer& peer : peers_) {
    // What stays noted is about a key that is not there: `sync` drops it.
    (void)pending_->Change(peer.name, *old_name_, [](keystore::PendingEntry& entry) {
      keystore::DropStale(entry, /*stored_sha256=*/"");
    });
  }
}

void Replication::TakeBack() {
  for (size_t i = 0; i < before_.size(); ++i) {
    // What stays noted is about a key that is not there: `sync` drops it.
    (void)pending_->Change(peers_[i].name, name_,
                           [&](keystore::PendingEntry& entry) { entry = before_[i]; });
  }
  before_.clear();
}

// Also what is left of the old name: keys that had it before and are to be deleted.
absl::StatusOr<std::vector<PeerOutcome>> Replication::DeliverAll(const Peer& peer,
                                                                 const KeyToSend& key) const {
  const Delivery delivery = {*pending_, peer, options_.Timeout()};
  std::vector<PeerOutcome> outcomes;
  if (old_name_.has_value()) {
    JET_ASSIGN_OR_RETURN(outcomes, DeliverKey(delivery, *old_name_, KeyToSend()));
  }
  JET_ASSIGN_OR_RETURN(std::vector<PeerOutcome> of_name, DeliverKey(delivery, name_, key));
  std::move(of_name.begin(), of_name.end(), std::back_inserter(outcomes));
  return outcomes;
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
  absl::StatusOr<std::vector<PeerOutcome>> outcomes = DeliverAll(peer, key);
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

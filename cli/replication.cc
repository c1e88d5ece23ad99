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

absl::Status Replication::NoteForEach(Change change) {
  if (peers_.empty()) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(pending_, keystore::PendingWork::Open(session_.keystore));
  for (const Peer& peer : peers_) {
    JET_RETURN_IF_ERROR(pending_->Change(peer.name, name_, [&](keystore::PendingEntry& entry) {
      before_.push_back(entry);
      change(peer, entry);
    }));
  }
  return absl::OkStatus();
}

absl::Status Replication::Note(Change change) {
  const absl::Status noted = NoteForEach(change);
  if (!noted.ok()) TakeBack();
  return base::Annotate(noted, "cannot note it for the peers");
}

// A certificate that had this name, got another and has this one again as well is not to lose it at
// a peer, and with it perhaps a private key.
absl::Status Replication::ForgetRenamesFromHere() const {
  const keystore::PendingRename rename = {name_, sha256_};
  JET_ASSIGN_OR_RETURN(const std::vector<keystore::PendingItem> items, pending_->List());
  for (const keystore::PendingItem& item : items) {
    if (!item.entry.ok() || item.entry->renames.empty()) continue;
    JET_RETURN_IF_ERROR(pending_->Change(
        item.peer, item.name,
        [&rename](keystore::PendingEntry& entry) { std::erase(entry.renames, rename); }));
  }
  return absl::OkStatus();
}

absl::Status Replication::NotePut(const keystore::PendingPut& put) {
  sha256_ = put.certificate_sha256;
  return Note(
      [&](const Peer& /*peer*/, keystore::PendingEntry& entry) { keystore::NotePut(entry, put); });
}

absl::Status Replication::NoteRemoval(const std::string& certificate_sha256) {
  return Note([&](const Peer& /*peer*/, keystore::PendingEntry& entry) {
    keystore::NoteRemoval(entry, certificate_sha256);
  });
}

absl::Status Replication::NoteRename(const std::string& from,
                                     const std::string& certificate_sha256) {
  old_name_ = from;
  sha256_ = certificate_sha256;
  return Note([&](const Peer& peer, keystore::PendingEntry& entry) {
    // What cannot be read is found again by comparing the stores.
    keystore::PendingEntry old_entry =
        pending_->Find(peer.name, from).value_or(keystore::PendingEntry());
    keystore::NoteRename(entry, {from, name_, certificate_sha256, std::move(old_entry)});
    wants_private_key_ = wants_private_key_ || entry.put->with_private_key;
  });
}

absl::Status Replication::DropStale() {
  for (const Peer& peer : peers_) {
    JET_RETURN_IF_ERROR(pending_->Change(peer.name, name_, [this](keystore::PendingEntry& entry) {
      keystore::DropStale(entry, sha256_);
    }));
    if (!old_name_.has_value()) continue;
    const auto leave = [this](keystore::PendingEntry& entry) {
      // First the removal of this key that a killed deletion may have left.
      keystore::DropStale(entry, sha256_);
      keystore::DropStale(entry, /*stored_sha256=*/"");
    };
    JET_RETURN_IF_ERROR(pending_->Change(peer.name, *old_name_, leave));
  }
  return sha256_.empty() ? absl::OkStatus() : ForgetRenamesFromHere();
}

void Replication::End() {
  if (pending_.has_value()) ended_ = DropStale();
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
  if (!pending_.has_value()) {
    return absl::FailedPreconditionError("it was not noted (jet-keystore sync finds it)");
  }
  // Else the peer could be told to remove what was stored just now: `sync` puts that in order.
  JET_RETURN_IF_ERROR(ended_);
  JET_ASSIGN_OR_RETURN(const keystore::PendingWork::PeerLock lock, pending_->LockPeer(peer.name));
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
      PrintPeerOutcome(session_, outcome, outcome.key == name_ ? ShowKey::kNo : ShowKey::kYes);
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

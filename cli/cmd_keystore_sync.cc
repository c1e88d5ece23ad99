#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/delivery.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/peer_status.h"
#include "cli/replication.h"

namespace jet::cli {
namespace {

using keystore::PeerDifference;
using keystore::PendingEntry;

// A key of this keystore, with its private key where that is to be sent.
struct LocalKey {
  keystore::StoredKey stored;
  absl::optional<crypto::PrivateKey> private_key;
};

// This keystore, and what was pending for one peer, at one moment.
struct Snapshot {
  std::map<std::string, LocalKey> keys;
  std::vector<keystore::PeerKey> told;  // of the keys, as a peer is told of them
  std::set<std::string> waiting;        // names of keys that wait for their certificates
  std::map<std::string, PendingEntry> pending;
};

struct Counts {
  size_t peers = 0;
  size_t in_step = 0;
  size_t changed = 0;
  size_t differ = 0;
  size_t failed = 0;
};

// What a run has to hand.
struct Run {
  Session& session;
  const PeerOptions& options;
  const keystore::PendingWork& pending;
  Counts counts;
  ExitStatus status = ExitStatus::kGood;
};

KeyToSend ToSend(const Snapshot& snapshot, const std::string& name) {
  const auto found = snapshot.keys.find(name);
  if (found == snapshot.keys.end()) return KeyToSend();
  const LocalKey& key = found->second;
  return {.certificate = &key.stored.certificate,
          .private_key = key.private_key.has_value() ? &*key.private_key : nullptr,
          .has_private_key = key.stored.has_private_key};
}

// The key `name` among `keys`; null when it is not there.
const keystore::PeerKey* FindKey(const std::vector<keystore::PeerKey>& keys,
                                 const std::string& name) {
  for (const keystore::PeerKey& key : keys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

bool IsDamaged(const keystore::PeerKey* key) {
  return key != nullptr && key->certificate_sha256.empty();
}

// SHA-256 of the certificate of a key; empty when there is no key.
std::string Sha256Of(const keystore::PeerKey* key) {
  return key == nullptr ? std::string() : key->certificate_sha256;
}

// True when the key has the name here that it is to give up: it got that again, or never lost it.
bool IsHere(const Snapshot& snapshot, const keystore::PendingRename& rename) {
  return Sha256Of(FindKey(snapshot.told, rename.from)) == rename.certificate_sha256;
}

// Reads what is pending for `peer` and drops from it what does not fit the keys that are here: its
// writer was killed before he could change the keystore. REQUIRES: the keystore's lock is held, or
// a writer could be between the two.
absl::Status TakePending(const Run& run, const Peer& peer, Snapshot& snapshot) {
  JET_ASSIGN_OR_RETURN(const std::vector<keystore::PendingItem> items, run.pending.List());
  for (const keystore::PendingItem& item : items) {
    if (item.peer != peer.name || !keystore::CheckKeyName(item.name).ok()) continue;
    const keystore::PeerKey* const here = FindKey(snapshot.told, item.name);
    if (IsDamaged(here)) continue;
    if (!item.entry.ok()) {
      run.session.output.Warning(absl::StrCat(item.entry.status().message(),
                                              "; a removal that it may have asked for is lost"));
    }
    PendingEntry kept;
    JET_RETURN_IF_ERROR(run.pending.Change(peer.name, item.name, [&](PendingEntry& entry) {
      keystore::DropStale(entry, Sha256Of(here));
      std::erase_if(entry.renames, [&](const keystore::PendingRename& rename) {
        return IsHere(snapshot, rename);
      });
      kept = entry;
    }));
    snapshot.pending.emplace(item.name, std::move(kept));
  }
  return absl::OkStatus();
}

// The private key goes along when this run says so, or the import that could not be finished did.
bool WantsPrivateKey(const Run& run, const Snapshot& snapshot, const std::string& name) {
  const auto pending = snapshot.pending.find(name);
  return run.options.with_private_key ||
         (pending != snapshot.pending.end() && pending->second.put.has_value() &&
          pending->second.put->with_private_key);
}

// Opens the keystore with its store key: a key whose record was not checked is not handed on.
absl::StatusOr<keystore::Keystore> OpenToHandOn(const Session& session) {
  absl::StatusOr<keystore::Keystore> unlocked =
      OpenUnlockedKeystore(session, keystore::Access::kRead);
  if (!absl::IsNotFound(unlocked.status())) return unlocked;
  // The store key is made with the first key: where there are none it is not missed.
  JET_ASSIGN_OR_RETURN(keystore::Keystore store, OpenKeystore(session, keystore::Access::kRead));
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store.List());
  if (!listing.keys.empty() || !listing.waiting.empty()) return unlocked;
  return store;
}

absl::StatusOr<Snapshot> Take(const Run& run, const Peer& peer) {
  Snapshot snapshot;
  JET_ASSIGN_OR_RETURN(const keystore::Keystore store, OpenToHandOn(run.session));
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store.List());
  JET_ASSIGN_OR_RETURN(snapshot.told, keystore::KeysForPeer(listing));
  snapshot.waiting = WaitingNames(listing);
  JET_RETURN_IF_ERROR(TakePending(run, peer, snapshot));
  for (const keystore::StoredKey& key : listing.keys) {
    LocalKey local = {key, absl::nullopt};
    if (key.holds_private_key() && WantsPrivateKey(run, snapshot, key.name)) {
      JET_ASSIGN_OR_RETURN(local.private_key, store.OpenPrivateKey(key.name));
    }
    snapshot.keys.emplace(key.name, std::move(local));
  }
  return snapshot;
}

void Print(Run& run, const PeerOutcome& outcome) {
  const ExitStatus status = ExitStatusOf(outcome);
  run.status = Worse(run.status, status);
  if (status != ExitStatus::kGood) {
    ++(status == ExitStatus::kNo ? run.counts.differ : run.counts.failed);
  } else {
    ++(outcome.operation == PeerOperation::kCompare ? run.counts.in_step : run.counts.changed);
  }
  PrintPeerOutcome(run.session, outcome, ShowKey::kYes);
}

// Puts the key on the queue, unless somebody is about to delete it.
absl::Status NoteMissing(const Run& run, const Peer& peer, const Snapshot& snapshot,
                         const std::string& name) {
  const std::string sha256 = Sha256Of(FindKey(snapshot.told, name));
  return run.pending.Change(peer.name, name, [&](PendingEntry& entry) {
    PendingEntry fitting = entry;
    keystore::DropStale(fitting, sha256);
    if (fitting.removals.size() != entry.removals.size()) return;
    entry.put = keystore::PendingPut{sha256, WantsPrivateKey(run, snapshot, name)};
  });
}

// What the comparison says where nothing is to be sent for the key.
absl::Status PrintCompared(Run& run, const Peer& peer, const Snapshot& snapshot,
                           const keystore::KeyComparison& comparison) {
  PeerOutcome outcome = OutcomeOf(peer, comparison, snapshot.waiting);
  if (outcome.result == PeerResult::kVerifyOnly &&
      ToSend(snapshot, comparison.name).private_key != nullptr) {
    outcome.operation = PeerOperation::kPut;
    outcome.detail = "its private key is not added to a key that is there; delete it there first";
  }
  if (outcome.result == PeerResult::kConflict) outcome.operation = PeerOperation::kPut;
  Print(run, outcome);
  if (outcome.result == PeerResult::kDamagedHere || outcome.result == PeerResult::kDamagedThere) {
    return absl::OkStatus();
  }
  return run.pending.Change(peer.name, comparison.name,
                            [](PendingEntry& entry) { entry.put.reset(); });
}

// Drops removals of what the peer does not have, and returns whether there are others.
absl::StatusOr<bool> SettleRemovals(const Run& run, const Peer& peer, const std::string& name,
                                    const keystore::PeerKey* there) {
  bool left = false;
  JET_RETURN_IF_ERROR(run.pending.Change(peer.name, name, [&](PendingEntry& entry) {
    if (!IsDamaged(there)) {
      const std::string sha256 = Sha256Of(there);
      std::erase_if(entry.removals, [&](const std::string& removal) { return removal != sha256; });
    }
    left = !entry.removals.empty();
  }));
  return left;
}

absl::Status SyncKey(Run& run, const Peer& peer, const Snapshot& snapshot,
                     const keystore::KeyComparison& comparison, const keystore::PeerKey* there) {
  JET_ASSIGN_OR_RETURN(const bool removals, SettleRemovals(run, peer, comparison.name, there));
  const bool send = comparison.difference == PeerDifference::kMissing ||
                    (comparison.difference == PeerDifference::kConflict && removals);
  if (send) JET_RETURN_IF_ERROR(NoteMissing(run, peer, snapshot, comparison.name));
  if (!send && !removals) return PrintCompared(run, peer, snapshot, comparison);
  JET_ASSIGN_OR_RETURN(const std::vector<PeerOutcome> outcomes,
                       DeliverKey({run.pending, peer, run.options.Timeout()}, comparison.name,
                                  ToSend(snapshot, comparison.name)));
  for (const PeerOutcome& outcome : outcomes) Print(run, outcome);
  return absl::OkStatus();
}

// Does the renames that a peer has still to be told of: before the stores are compared by name, and
// in such an order that a name is given up by one key before another gets it.
class RenameSync {
 public:
  RenameSync(Run& run, const Peer& peer, const Snapshot& snapshot,
             const std::vector<keystore::PeerKey>& there)
      : run_(run), peer_(peer), snapshot_(snapshot), there_(there) {}

  // Prints what became of each.
  absl::Status RenameAll() {
    for (const auto& [name, entry] : snapshot_.pending) JET_RETURN_IF_ERROR(Rename(name));
    return absl::OkStatus();
  }

  bool asked() const { return asked_; }  // the peer's keys may be others now

  // Names of which nothing more is to be said: what became of them was printed.
  const std::set<std::string>& told() const { return told_; }

 private:
  absl::Status Rename(const std::string& name);
  absl::StatusOr<bool> Settle(const std::string& name);
  absl::Status GiveUp(const std::string& name);

  Run& run_;
  const Peer& peer_;
  const Snapshot& snapshot_;
  const std::vector<keystore::PeerKey>& there_;
  bool asked_ = false;
  std::set<std::string> visited_;
  std::set<std::string> told_;
};

absl::Status RenameSync::Rename(const std::string& name) {
  if (!visited_.insert(name).second) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(const bool left, Settle(name));
  if (!left) return absl::OkStatus();
  JET_RETURN_IF_ERROR(GiveUp(name));
  JET_ASSIGN_OR_RETURN(
      const std::vector<PeerOutcome> outcomes,
      DeliverKey({run_.pending, peer_, run_.options.Timeout()}, name, ToSend(snapshot_, name)));
  asked_ = true;
  for (const PeerOutcome& outcome : outcomes) {
    Print(run_, outcome);
    told_.insert(outcome.key);
    if (!outcome.pending) continue;
    for (const auto& rename : snapshot_.pending.at(name).renames) told_.insert(rename.from);
  }
  return absl::OkStatus();
}

// Drops renames from what the peer does not have, and returns whether there are others.
absl::StatusOr<bool> RenameSync::Settle(const std::string& name) {
  if (snapshot_.pending.at(name).renames.empty()) return false;
  bool left = false;
  JET_RETURN_IF_ERROR(run_.pending.Change(peer_.name, name, [&](PendingEntry& entry) {
    std::erase_if(entry.renames, [&](const keystore::PendingRename& rename) {
      const keystore::PeerKey* const key = FindKey(there_, rename.from);
      return !IsDamaged(key) && Sha256Of(key) != rename.certificate_sha256;
    });
    left = !entry.renames.empty();
  }));
  return left;
}

// First the rename that takes `name` from another key there.
absl::Status RenameSync::GiveUp(const std::string& name) {
  for (const auto& [other, entry] : snapshot_.pending) {
    for (const keystore::PendingRename& rename : entry.renames) {
      if (rename.from == name) JET_RETURN_IF_ERROR(Rename(other));
    }
  }
  return absl::OkStatus();
}

// Brings the peer, which has the keys `there`, in step, but for the keys `told`.
absl::Status SyncKeys(Run& run, const Peer& peer, const Snapshot& snapshot,
                      const std::vector<keystore::PeerKey>& there,
                      const std::set<std::string>& told) {
  std::map<std::string, PendingEntry> of_none = snapshot.pending;
  for (const std::string& name : told) of_none.erase(name);
  for (const keystore::KeyComparison& comparison : keystore::CompareKeys(snapshot.told, there)) {
    if (told.count(comparison.name) > 0) continue;
    JET_RETURN_IF_ERROR(SyncKey(run, peer, snapshot, comparison, FindKey(there, comparison.name)));
    of_none.erase(comparison.name);
  }
  // Removals of keys that neither side has any more.
  for (const auto& [name, entry] : of_none) {
    JET_RETURN_IF_ERROR(SettleRemovals(run, peer, name, nullptr).status());
  }
  return absl::OkStatus();
}

absl::Status SyncPeer(Run& run, const Peer& peer) {
  JET_ASSIGN_OR_RETURN(const keystore::PendingWork::PeerLock lock, run.pending.LockPeer(peer.name));
  JET_ASSIGN_OR_RETURN(const Snapshot snapshot, Take(run, peer));
  PeerOutcome failed;
  absl::StatusOr<std::vector<keystore::PeerKey>> there = ListPeer(peer, run.options, failed);
  if (!there.ok()) {
    failed.pending = !snapshot.pending.empty();
    Print(run, failed);
    return absl::OkStatus();
  }
  RenameSync renames(run, peer, snapshot, *there);
  JET_RETURN_IF_ERROR(renames.RenameAll());
  if (!renames.asked()) return SyncKeys(run, peer, snapshot, *there, renames.told());
  const absl::StatusOr<std::vector<keystore::PeerKey>> now = ListPeer(peer, run.options, failed);
  if (now.ok()) return SyncKeys(run, peer, snapshot, *now, renames.told());
  Print(run, failed);
  return absl::OkStatus();
}

void PrintSummary(const Run& run) {
  const Counts& counts = run.counts;
  run.session.output.Line(absl::StrCat("peers ", counts.peers, ", in step ", counts.in_step,
                                       ", changed ", counts.changed, ", differ ", counts.differ,
                                       ", failed ", counts.failed));
  run.session.output.Object({{"type", "summary"},
                             {"peers", counts.peers},
                             {"in_step", counts.in_step},
                             {"changed", counts.changed},
                             {"differ", counts.differ},
                             {"failed", counts.failed}});
}

absl::StatusOr<ExitStatus> RunSync(Session& session, const PeerOptions& options) {
  JET_ASSIGN_OR_RETURN(const std::vector<Peer> peers, NeededPeers(session));
  // Nobody waits for somebody who is typing: neither for the keystore nor for a peer.
  JET_RETURN_IF_ERROR(AskForStorePassphrase(session));
  // That there is a keystore, before a folder is made in it; and a rename that was killed is to be
  // finished before anybody hears of its two names.
  JET_RETURN_IF_ERROR(OpenKeystore(session, keystore::Access::kWrite).status());
  JET_ASSIGN_OR_RETURN(const keystore::PendingWork pending,
                       keystore::PendingWork::Open(session.keystore));
  Run run = {session, options, pending, {}, ExitStatus::kGood};
  run.counts.peers = peers.size();
  for (const Peer& peer : peers) {
    const absl::Status synced = SyncPeer(run, peer);
    if (synced.ok()) continue;
    PeerOutcome failed;
    failed.peer = peer.name;
    failed.detail = std::string(synced.message());
    Print(run, failed);
  }
  PrintSummary(run);
  return run.status;
}

}  // namespace

RunFunction DeclareKeystoreSync(OptionParser& parser) {
  auto options = std::make_shared<PeerOptions>();
  DeclarePeerOptions(parser, *options);
  return [options](Session& session) { return RunSync(session, *options); };
}

}  // namespace jet::cli

#include "cli/delivery.h"

#include <algorithm>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/key_report.h"
#include "cli/peer_exchange.h"
#include "keystore/transfer.h"

namespace jet::cli {
namespace {

using keystore::PendingEntry;
using keystore::PendingPut;
using keystore::TransferReply;
using keystore::TransferStatus;

// The two good results of an operation.
struct GoodResults {
  PeerResult done;
  PeerResult already;
};

// What a reply, or none, means.
PeerOutcome OutcomeOf(const absl::StatusOr<TransferReply>& reply, GoodResults good) {
  PeerOutcome outcome;
  if (!reply.ok()) {
    outcome.result =
        absl::IsUnavailable(reply.status()) ? PeerResult::kUnreachable : PeerResult::kFailed;
    outcome.pending = true;
    outcome.detail = std::string(reply.status().message());
    return outcome;
  }
  outcome.detail = reply->message;
  switch (reply->status) {
    case TransferStatus::kDone:
      outcome.result = good.done;
      break;
    case TransferStatus::kAlready:
      outcome.result = good.already;
      break;
    case TransferStatus::kMissing:
      outcome.result = PeerResult::kMissing;
      break;
    case TransferStatus::kConflict:
      // Asking again would not change it; comparing the stores shows it as long as it is there.
      outcome.result = PeerResult::kConflict;
      break;
    case TransferStatus::kRefused:
      outcome.result = PeerResult::kRefused;
      outcome.pending = true;
      break;
    case TransferStatus::kFailed:
      outcome.result = PeerResult::kFailed;
      outcome.pending = true;
      break;
  }
  return outcome;
}

PeerOutcome SendRemoval(const Delivery& delivery, const std::string& name,
                        const std::string& certificate_sha256) {
  keystore::TransferRequest request;
  request.operation = keystore::TransferOperation::kDelete;
  request.name = name;
  request.certificate_sha256 = certificate_sha256;
  PeerOutcome outcome = OutcomeOf(AskPeer(delivery.peer, std::move(request), delivery.timeout),
                                  {PeerResult::kDeleted, PeerResult::kAlreadyGone});
  outcome.operation = PeerOperation::kDelete;
  return outcome;
}

// True when the peer's program is older than renames: it could not read the request.
bool KnowsNoRename(const absl::StatusOr<TransferReply>& reply) {
  return reply.ok() && reply->id.empty() &&
         absl::StartsWith(reply->message, keystore::kUnknownOperation);
}

// The result is kMissing when the peer has the key under neither name: then it wants the put.
PeerOutcome SendRename(const Delivery& delivery, const std::string& name,
                       const keystore::PendingRename& rename) {
  keystore::TransferRequest request;
  request.operation = keystore::TransferOperation::kRename;
  request.name = rename.from;
  request.new_name = name;
  request.certificate_sha256 = rename.certificate_sha256;
  const absl::StatusOr<TransferReply> reply =
      AskPeer(delivery.peer, std::move(request), delivery.timeout);
  PeerOutcome outcome = OutcomeOf(reply, {PeerResult::kRenamed, PeerResult::kAlreadyThere});
  outcome.operation = PeerOperation::kRename;
  if (outcome.result == PeerResult::kRenamed || outcome.result == PeerResult::kAlreadyThere) {
    outcome.private_key = reply->has_private_key;
  }
  if (KnowsNoRename(reply)) {
    outcome.detail = absl::StrCat("it has an older jet, which cannot rename: the key stays '",
                                  rename.from, "' there until that is brought up to date");
  }
  return outcome;
}

absl::StatusOr<keystore::TransferRequest> PutRequest(const std::string& name, const KeyToSend& key,
                                                     const PendingPut& put) {
  keystore::TransferRequest request;
  request.operation = keystore::TransferOperation::kPut;
  request.name = name;
  request.subject_key_identifier = SubjectKeyIdentifierText(*key.certificate);
  request.certificate_sha256 = put.certificate_sha256;
  request.certificate = key.certificate->der();
  if (put.with_private_key && key.private_key != nullptr) {
    JET_ASSIGN_OR_RETURN(request.private_key, key.private_key->UnencryptedPem());
  }
  return request;
}

absl::StatusOr<PeerOutcome> SendPut(const Delivery& delivery, const std::string& name,
                                    const KeyToSend& key, const PendingPut& put) {
  JET_ASSIGN_OR_RETURN(keystore::TransferRequest request, PutRequest(name, key, put));
  const bool with_private_key = !request.private_key.empty();
  const absl::StatusOr<TransferReply> reply =
      AskPeer(delivery.peer, std::move(request), delivery.timeout);
  PeerOutcome outcome = OutcomeOf(reply, {PeerResult::kImported, PeerResult::kAlreadyThere});
  outcome.operation = PeerOperation::kPut;
  if (outcome.result != PeerResult::kImported && outcome.result != PeerResult::kAlreadyThere) {
    return outcome;
  }
  outcome.private_key = reply->has_private_key;
  outcome.verify_only = key.has_private_key && !reply->has_private_key;
  if (with_private_key && !reply->has_private_key) {
    outcome.result = PeerResult::kVerifyOnly;
    outcome.verify_only = false;
    outcome.detail =
        "it has the key without its private key, which is not added to a key that is there; delete "
        "it there first";
  }
  return outcome;
}

// The put that is to be sent; nullopt when the key is not, or not any more, what it is about.
absl::StatusOr<absl::optional<PendingPut>> PutToSend(const PendingEntry& entry,
                                                     const KeyToSend& key) {
  if (!entry.put.has_value() || key.certificate == nullptr) return absl::optional<PendingPut>();
  JET_ASSIGN_OR_RETURN(const std::string sha256, key.certificate->Fingerprint());
  if (sha256 != entry.put->certificate_sha256) return absl::optional<PendingPut>();
  return entry.put;
}

bool HasRenameFrom(const PendingEntry& entry, const std::string& name) {
  return std::any_of(
      entry.renames.begin(), entry.renames.end(),
      [&name](const keystore::PendingRename& rename) { return rename.from == name; });
}

// Tells a peer what is pending for one key, step by step.
class KeyDelivery {
 public:
  KeyDelivery(const Delivery& delivery, const std::string& name, const KeyToSend& key)
      : delivery_(delivery), name_(name), key_(key) {}

  absl::StatusOr<std::vector<PeerOutcome>> Run() {
    JET_ASSIGN_OR_RETURN(entry_, delivery_.pending.Find(delivery_.peer.name, name_));
    // Somebody is about to delete it, or was killed as he was.
    if (entry_.put.has_value() && entry_.Removes(entry_.put->certificate_sha256)) {
      entry_.put.reset();
    }
    JET_RETURN_IF_ERROR(Remove());
    JET_RETURN_IF_ERROR(Rename());
    JET_RETURN_IF_ERROR(Put());
    return std::move(outcomes_);
  }

 private:
  void Add(PeerOutcome outcome, const std::string& key_name) {
    outcome.peer = delivery_.peer.name;
    outcome.key = key_name;
    stopped_ = outcome.pending;
    outcomes_.push_back(std::move(outcome));
  }

  // Takes off the queue what is done.
  absl::Status Settle(absl::FunctionRef<void(PendingEntry&)> change) {
    change(entry_);
    return delivery_.pending.Change(delivery_.peer.name, name_, change);
  }

  absl::Status Remove();
  absl::StatusOr<bool> RemoveOldNames(const std::string& certificate_sha256);
  absl::Status Rename();
  absl::Status RenameFrom(const keystore::PendingRename& rename);
  absl::StatusOr<std::string> NewNameOfHolder() const;
  absl::Status Put();

  const Delivery& delivery_;
  const std::string& name_;
  const KeyToSend& key_;
  PendingEntry entry_;
  std::vector<PeerOutcome> outcomes_;
  bool stopped_ = false;         // something stays pending
  std::string why_not_renamed_;  // of the peer; empty when there is nothing to tell
};

absl::Status KeyDelivery::Remove() {
  while (!entry_.removals.empty()) {
    const std::string removal = entry_.removals.front();
    JET_ASSIGN_OR_RETURN(const bool removed, RemoveOldNames(removal));
    if (stopped_) return absl::OkStatus();
    PeerOutcome outcome = SendRemoval(delivery_, name_, removal);
    // Who has the name is none of this deletion's matter once the key went under an old one.
    if (!removed || outcome.result != PeerResult::kConflict) Add(std::move(outcome), name_);
    if (stopped_) return absl::OkStatus();
    JET_RETURN_IF_ERROR(Settle([&](PendingEntry& entry) { std::erase(entry.removals, removal); }));
  }
  return absl::OkStatus();
}

// A key that was renamed here, and then deleted, before the peer had renamed it. Returns whether it
// was there under an old name; another key that has one is not told of.
absl::StatusOr<bool> KeyDelivery::RemoveOldNames(const std::string& certificate_sha256) {
  bool removed = false;
  const std::vector<keystore::PendingRename> renames = entry_.renames;
  for (const keystore::PendingRename& rename : renames) {
    if (rename.certificate_sha256 != certificate_sha256) continue;
    PeerOutcome outcome = SendRemoval(delivery_, rename.from, certificate_sha256);
    removed = removed || outcome.result == PeerResult::kDeleted;
    if (outcome.result != PeerResult::kConflict) Add(std::move(outcome), rename.from);
    if (stopped_) return removed;
    JET_RETURN_IF_ERROR(Settle([&](PendingEntry& entry) { std::erase(entry.renames, rename); }));
  }
  return removed;
}

absl::Status KeyDelivery::Rename() {
  while (!stopped_ && !entry_.renames.empty()) {
    JET_RETURN_IF_ERROR(RenameFrom(keystore::PendingRename(entry_.renames.front())));
  }
  return absl::OkStatus();
}

absl::Status KeyDelivery::RenameFrom(const keystore::PendingRename& rename) {
  PeerOutcome outcome = SendRename(delivery_, name_, rename);
  if (outcome.result == PeerResult::kMissing) {
    why_not_renamed_ = outcome.detail;
    return Settle([&](PendingEntry& entry) { std::erase(entry.renames, rename); });
  }
  // The key has its old name there yet, or so it may be: `sync` sees that in what the peer lists.
  if (outcome.result == PeerResult::kConflict) outcome.pending = true;
  outcome.verify_only = key_.has_private_key && outcome.private_key == false;
  // What became of the private key, which was to be sent with the import, the put tells.
  const bool settles_put =
      !outcome.verify_only || !entry_.put.has_value() || !entry_.put->with_private_key;
  Add(std::move(outcome), name_);
  if (stopped_) return absl::OkStatus();
  const absl::optional<PendingPut> put = entry_.put;
  return Settle([&](PendingEntry& entry) {
    std::erase_if(entry.renames, [&](const keystore::PendingRename& other) {
      return other.certificate_sha256 == rename.certificate_sha256;
    });
    if (settles_put && entry.put == put) entry.put.reset();
  });
}

// The name that the key which has this one at the peer is still to get there; empty: none.
absl::StatusOr<std::string> KeyDelivery::NewNameOfHolder() const {
  JET_ASSIGN_OR_RETURN(const std::vector<keystore::PendingItem> items, delivery_.pending.List());
  for (const keystore::PendingItem& item : items) {
    if (item.peer != delivery_.peer.name || item.name == name_ || !item.entry.ok()) continue;
    if (HasRenameFrom(*item.entry, name_)) return item.name;
  }
  return std::string();
}

absl::Status KeyDelivery::Put() {
  if (stopped_) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(const absl::optional<PendingPut> put, PutToSend(entry_, key_));
  if (!put.has_value()) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(PeerOutcome outcome, SendPut(delivery_, name_, key_, *put));
  if (outcome.detail.empty()) outcome.detail = why_not_renamed_;
  if (outcome.result == PeerResult::kConflict) {
    JET_ASSIGN_OR_RETURN(const std::string new_name, NewNameOfHolder());
    outcome.pending = !new_name.empty();
    if (outcome.pending) {
      absl::StrAppend(&outcome.detail, "; it is to be renamed '", new_name,
                      "' there first (jet-keystore sync)");
    }
  }
  Add(std::move(outcome), name_);
  if (stopped_) return absl::OkStatus();
  return Settle([&](PendingEntry& entry) {
    if (entry.put == put) entry.put.reset();
  });
}

}  // namespace

absl::StatusOr<std::vector<PeerOutcome>> DeliverKey(const Delivery& delivery,
                                                    const std::string& name, const KeyToSend& key) {
  return KeyDelivery(delivery, name, key).Run();
}

}  // namespace jet::cli

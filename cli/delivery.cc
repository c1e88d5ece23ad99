#include "cli/delivery.h"

#include <utility>

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

}  // namespace

absl::StatusOr<std::vector<PeerOutcome>> DeliverKey(const Delivery& delivery,
                                                    const std::string& name, const KeyToSend& key) {
  const std::string& peer = delivery.peer.name;
  std::vector<PeerOutcome> outcomes;
  const auto add = [&](PeerOutcome outcome) {
    outcome.peer = peer;
    outcome.key = name;
    outcomes.push_back(std::move(outcome));
    return outcomes.back().pending;
  };
  JET_ASSIGN_OR_RETURN(const PendingEntry entry, delivery.pending.Find(peer, name));
  for (const std::string& removal : entry.removals) {
    if (add(SendRemoval(delivery, name, removal))) return outcomes;
    JET_RETURN_IF_ERROR(delivery.pending.Change(
        peer, name, [&](PendingEntry& now) { std::erase(now.removals, removal); }));
  }
  JET_ASSIGN_OR_RETURN(const absl::optional<PendingPut> put, PutToSend(entry, key));
  if (put.has_value()) {
    JET_ASSIGN_OR_RETURN(PeerOutcome outcome, SendPut(delivery, name, key, *put));
    if (add(std::move(outcome))) return outcomes;
    JET_RETURN_IF_ERROR(delivery.pending.Change(peer, name, [&](PendingEntry& now) {
      if (now.put == put) now.put.reset();
    }));
  }
  return outcomes;
}

}  // namespace jet::cli

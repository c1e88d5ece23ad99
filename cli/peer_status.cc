#include "cli/peer_status.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/open_keystore.h"
#include "cli/peer_exchange.h"

namespace jet::cli {
namespace {

PeerResult ResultOf(keystore::PeerDifference difference) {
  switch (difference) {
    case keystore::PeerDifference::kInStep:
      return PeerResult::kInStep;
    case keystore::PeerDifference::kVerifyOnly:
      return PeerResult::kVerifyOnly;
    case keystore::PeerDifference::kMissing:
      return PeerResult::kMissing;
    case keystore::PeerDifference::kOnlyThere:
      return PeerResult::kOnlyThere;
    case keystore::PeerDifference::kConflict:
      return PeerResult::kConflict;
    case keystore::PeerDifference::kDamagedHere:
      return PeerResult::kDamagedHere;
    case keystore::PeerDifference::kDamagedThere:
      break;
  }
  return PeerResult::kDamagedThere;
}

absl::StatusOr<keystore::KeyListing> ListHere(const Session& session) {
  const absl::StatusOr<keystore::Keystore> store = OpenKeystore(session, keystore::Access::kRead);
  if (absl::IsNotFound(store.status())) return keystore::KeyListing();
  JET_RETURN_IF_ERROR(store.status());
  return store->List();
}

}  // namespace

absl::StatusOr<std::vector<Peer>> NeededPeers(const Session& session) {
  std::vector<Peer> peers = OtherPeers(session);
  if (!peers.empty()) return peers;
  return absl::FailedPreconditionError(
      "no other Routing Engine is configured: add a table [[peers]] with name and destination to "
      "the configuration file");
}

std::set<std::string> WaitingNames(const keystore::KeyListing& listing) {
  std::set<std::string> names;
  for (const keystore::WaitingKey& key : listing.waiting) names.insert(key.name);
  return names;
}

absl::StatusOr<std::vector<keystore::PeerKey>> ListPeer(const Peer& peer,
                                                        const PeerOptions& options,
                                                        PeerOutcome& outcome) {
  outcome.peer = peer.name;
  outcome.operation = PeerOperation::kCompare;
  absl::StatusOr<keystore::TransferReply> reply =
      AskPeer(peer, keystore::TransferRequest(), options.Timeout());
  outcome.result =
      absl::IsUnavailable(reply.status()) ? PeerResult::kUnreachable : PeerResult::kFailed;
  outcome.detail = std::string(reply.ok() ? reply->message : reply.status().message());
  JET_RETURN_IF_ERROR(reply.status());
  if (reply->status == keystore::TransferStatus::kDone) return std::move(reply->keys);
  return absl::UnavailableError(reply->message);
}

PeerOutcome OutcomeOf(const Peer& peer, const keystore::KeyComparison& comparison,
                      const std::set<std::string>& waiting) {
  PeerOutcome outcome;
  outcome.peer = peer.name;
  outcome.key = comparison.name;
  outcome.operation = PeerOperation::kCompare;
  outcome.result = ResultOf(comparison.difference);
  if (comparison.difference == keystore::PeerDifference::kConflict) {
    outcome.detail = "it has another certificate under this name";
  }
  if (comparison.difference == keystore::PeerDifference::kOnlyThere &&
      waiting.count(comparison.name) > 0) {
    outcome.detail = "here a key waits for its certificate under this name";
  }
  return outcome;
}

absl::StatusOr<ExitStatus> ReportPeers(Session& session, const PeerOptions& options) {
  JET_ASSIGN_OR_RETURN(const std::vector<Peer> peers, NeededPeers(session));
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, ListHere(session));
  JET_ASSIGN_OR_RETURN(const std::vector<keystore::PeerKey> here, keystore::KeysForPeer(listing));
  const std::set<std::string> waiting = WaitingNames(listing);
  ExitStatus status = ExitStatus::kGood;
  const auto print = [&](const PeerOutcome& outcome) {
    PrintPeerOutcome(session, outcome, ShowKey::kYes);
    status = Worse(status, ExitStatusOf(outcome));
  };
  for (const Peer& peer : peers) {
    PeerOutcome asked;
    const absl::StatusOr<std::vector<keystore::PeerKey>> there = ListPeer(peer, options, asked);
    if (!there.ok()) {
      print(asked);
      continue;
    }
    if (!asked.detail.empty()) session.output.Note(absl::StrCat(peer.name, ": ", asked.detail));
    for (const keystore::KeyComparison& comparison : keystore::CompareKeys(here, *there)) {
      print(OutcomeOf(peer, comparison, waiting));
    }
  }
  return status;
}

}  // namespace jet::cli

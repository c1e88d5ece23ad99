// Compares the keystore with those of the peers: `jet-keystore list --peers`.
#ifndef JET_CLI_PEER_STATUS_H_
#define JET_CLI_PEER_STATUS_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/peer_report.h"
#include "cli/replication.h"
#include "keystore/peer_comparison.h"

namespace jet::cli {

// The other Routing Engines; FAILED_PRECONDITION when the configuration has none.
absl::StatusOr<std::vector<Peer>> NeededPeers(const Session& session);

// The names of the keys of a keystore that wait for their certificates.
std::set<std::string> WaitingNames(const keystore::KeyListing& listing);

// Asks `peer` what keys it has. On failure `outcome` says what it was; else its detail is what else
// the peer says of them.
absl::StatusOr<std::vector<keystore::PeerKey>> ListPeer(const Peer& peer,
                                                        const PeerOptions& options,
                                                        PeerOutcome& outcome);

// How a difference is told, the operation being a comparison. `waiting` are the keys of this
// keystore that wait for their certificates.
PeerOutcome OutcomeOf(const Peer& peer, const keystore::KeyComparison& comparison,
                      const std::set<std::string>& waiting);

// Compares this keystore with that of every peer and prints a line for each key and peer. Opens
// the keystore and closes it before anybody is asked. kGood when all are in step, kNo when a key is
// missing, in conflict, damaged there or only there, kCouldNotDo when a peer could not be asked.
absl::StatusOr<ExitStatus> ReportPeers(Session& session, const PeerOptions& options);

}  // namespace jet::cli

#endif  // JET_CLI_PEER_STATUS_H_

// Talks to the keystore of another Routing Engine, over OpenSSH.
#ifndef JET_CLI_PEER_EXCHANGE_H_
#define JET_CLI_PEER_EXCHANGE_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/configuration.h"
#include "keystore/transfer.h"

namespace jet::cli {

// Runs `jet-keystore receive` on `peer`, hands it `request` and returns its reply. UNAVAILABLE when
// there was none: not reached, host key unknown or changed, timed out, cut off. Then the far side
// may have done it all the same: ask again, nothing is done twice. DATA_LOSS when what came back
// is no reply to this request.
absl::StatusOr<keystore::TransferReply> AskPeer(const Peer& peer, keystore::TransferRequest request,
                                                absl::Duration timeout);

}  // namespace jet::cli

#endif  // JET_CLI_PEER_EXCHANGE_H_

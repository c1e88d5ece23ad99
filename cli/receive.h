// Does what another Routing Engine asks of this keystore.
#ifndef JET_CLI_RECEIVE_H_
#define JET_CLI_RECEIVE_H_

#include <string>

#include "absl/types/optional.h"
#include "cli/command.h"
#include "keystore/transfer.h"

namespace jet::cli {

// What this side allows, by an option or in its configuration. The far side's wishes do not come
// into it.
struct ReceiveOptions {
  bool accept_delete = false;
  bool accept_private_key = false;
  bool allow_expired = false;
  absl::optional<std::string> keyring;
};

// Does what `request` asks, as far as `options` allow. Never replaces a key, and deletes or renames
// only the key with the certificate that the request names. Prints nothing, tells no other peer.
keystore::TransferReply Answer(Session& session, const ReceiveOptions& options,
                               const keystore::TransferRequest& request);

}  // namespace jet::cli

#endif  // JET_CLI_RECEIVE_H_

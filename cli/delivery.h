// Tells a peer what is pending for one key.
#ifndef JET_CLI_DELIVERY_H_
#define JET_CLI_DELIVERY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/configuration.h"
#include "cli/peer_report.h"
#include "crypto/private_key.h"
#include "keystore/pending_work.h"
#include "pki/certificate.h"

namespace jet::cli {

// A key of this keystore as it can be sent.
struct KeyToSend {
  const pki::Certificate* certificate = nullptr;    // null: there is no such key
  const crypto::PrivateKey* private_key = nullptr;  // null: not at hand, or not to be sent
  bool has_private_key = false;                     // in this keystore
};

// Whom to tell, and how long to wait for an answer.
struct Delivery {
  const keystore::PendingWork& pending;
  const Peer& peer;
  absl::Duration timeout;
};

// Does what is pending for the key `name`, first removals, then renames, and takes it off the queue
// as it is settled; stops at the first thing that stays pending. REQUIRES: the peer's lock is held,
// and the keystore's is not. An error is one of this side's queue.
absl::StatusOr<std::vector<PeerOutcome>> DeliverKey(const Delivery& delivery,
                                                    const std::string& name, const KeyToSend& key);

}  // namespace jet::cli

#endif  // JET_CLI_DELIVERY_H_

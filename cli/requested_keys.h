// Keys that wait for the certificate that a CA is to issue: `jet-keystore generate --request` makes
// them, `jet-keystore import` joins the certificate to them.
#ifndef JET_CLI_REQUESTED_KEYS_H_
#define JET_CLI_REQUESTED_KEYS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "crypto/private_key.h"
#include "keystore/keystore.h"
#include "pki/certificate.h"

namespace jet::cli {

// The session in which the keystore is the one that they are kept in: the folder requests/ of the
// session's keystore, under the same store key, where each has a certificate of its own making as a
// stand-in. Nothing there is mirrored, trusted or signed with.
Session RequestedKeysSession(const Session& session);

// Opens that keystore. NOT_FOUND when none ever waited and `access` is not kCreate. Whoever holds the
// lock of both keystores took that of the session's first.
absl::StatusOr<keystore::Keystore> OpenRequestedKeys(const Session& session,
                                                     keystore::Access access);

// The waiting keys, sorted by name.
absl::StatusOr<std::vector<keystore::StoredKey>> ListRequestedKeys(const Session& session);

// Returns the private key that waits under `name`; nullopt when none does. FAILED_PRECONDITION when
// it is not the one that `certificate` is for.
absl::StatusOr<absl::optional<crypto::PrivateKey>> FindRequestedKey(
    const Session& session, const std::string& name, const pki::Certificate& certificate);

// Removes the key that waits under `name`: it has its certificate now, or is not wanted any more.
// NOT_FOUND when none does.
absl::Status RemoveRequestedKey(const Session& session, const std::string& name);

}  // namespace jet::cli

#endif  // JET_CLI_REQUESTED_KEYS_H_

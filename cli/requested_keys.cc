#include "cli/requested_keys.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/open_keystore.h"
#include "keystore/master_key.h"

namespace jet::cli {

Session RequestedKeysSession(const Session& session) {
  Session requests = session;
  requests.keystore = absl::StrCat(session.keystore, "/requests");
  if (!requests.store_key.master_key_file.has_value()) {
    requests.store_key.master_key_file =
        absl::StrCat(session.keystore, "/", keystore::kMasterKeyFile);
  }
  return requests;
}

absl::StatusOr<keystore::Keystore> OpenRequestedKeys(const Session& session,
                                                     keystore::Access access) {
  return OpenKeystore(RequestedKeysSession(session), access);
}

absl::StatusOr<std::vector<keystore::StoredKey>> ListRequestedKeys(const Session& session) {
  const absl::StatusOr<keystore::Keystore> requests =
      OpenRequestedKeys(session, keystore::Access::kRead);
  if (absl::IsNotFound(requests.status())) return std::vector<keystore::StoredKey>();
  JET_RETURN_IF_ERROR(requests.status());
  JET_ASSIGN_OR_RETURN(keystore::KeyListing listing, requests->List());
  if (!listing.damaged.empty()) return listing.damaged.front().error;
  return std::move(listing.keys);
}

absl::StatusOr<absl::optional<crypto::PrivateKey>> FindRequestedKey(
    const Session& session, const std::string& name, const pki::Certificate& certificate) {
  const absl::StatusOr<keystore::Keystore> requests =
      OpenRequestedKeys(session, keystore::Access::kRead);
  absl::optional<crypto::PrivateKey> none;
  if (absl::IsNotFound(requests.status())) return none;
  JET_RETURN_IF_ERROR(requests.status());
  const absl::StatusOr<keystore::StoredKey> waiting = requests->Find(name);
  if (absl::IsNotFound(waiting.status())) return none;
  JET_RETURN_IF_ERROR(waiting.status());
  if (!(waiting->certificate.public_key() == certificate.public_key())) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate is not for the key that waits as '", name,
                     "': name another key, or delete that one (jet-keystore delete ", name, ")"));
  }
  JET_ASSIGN_OR_RETURN(crypto::PrivateKey key, requests->OpenPrivateKey(name));
  return absl::optional<crypto::PrivateKey>(std::move(key));
}

absl::Status RemoveRequestedKey(const Session& session, const std::string& name) {
  JET_ASSIGN_OR_RETURN(keystore::Keystore requests,
                       OpenRequestedKeys(session, keystore::Access::kWrite));
  return requests.Remove(name, [](const keystore::StoredKey&) { return absl::OkStatus(); });
}

}  // namespace jet::cli

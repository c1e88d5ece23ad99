#include "cli/remove_key.h"

#include <vector>

#include "base/status_macros.h"
#include "cli/keyring_option.h"
#include "ima/mirror.h"

namespace jet::cli {
namespace {

absl::Status UnlinkFrom(const ima::Keyring& keyring, const pki::Certificate& certificate) {
  JET_ASSIGN_OR_RETURN(const std::vector<ima::KeyringMember> members, keyring.List());
  for (const ima::KeyringMember& member : members) {
    if (ima::HoldsKeyOf({member}, certificate)) {
      JET_RETURN_IF_ERROR(keyring.Unlink(member.serial));
    }
  }
  return absl::OkStatus();
}

// A key may be stored under two names; while one of them stays, the ring keeps its certificate.
absl::StatusOr<bool> StoredTwice(const keystore::Keystore& store, const keystore::StoredKey& key) {
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store.List());
  for (const keystore::StoredKey& other : listing.keys) {
    if (other.name != key.name &&
        other.certificate.subject_key_identifier() == key.certificate.subject_key_identifier()) {
      return true;
    }
  }
  return false;
}

// Returns whether the key was taken out of the ring.
absl::StatusOr<bool> Unmirror(const keystore::Keystore& store, const keystore::StoredKey& key,
                              const absl::optional<ima::Keyring>& keyring) {
  if (!keyring.has_value()) return false;
  JET_ASSIGN_OR_RETURN(const bool stored_twice, StoredTwice(store, key));
  if (stored_twice) return false;
  JET_RETURN_IF_ERROR(UnlinkFrom(*keyring, key.certificate));
  return true;
}

}  // namespace

absl::StatusOr<absl::optional<ima::Keyring>> RingToClear(const Session& session,
                                                         const absl::optional<std::string>& given) {
  const absl::StatusOr<ima::ResolvedKeyring> resolved =
      FindKeyring(session, given, ima::MissingKeyring::kReport);
  if (absl::IsNotFound(resolved.status())) return absl::optional<ima::Keyring>();
  JET_RETURN_IF_ERROR(resolved.status());
  return resolved->keyring;
}

absl::StatusOr<RemovedKey> RemoveKey(keystore::Keystore& store, const std::string& name,
                                     const absl::optional<ima::Keyring>& keyring,
                                     keystore::KeyStep first) {
  RemovedKey removed;
  const auto unmirror = [&](const keystore::StoredKey& key) -> absl::Status {
    removed.readable = true;
    JET_RETURN_IF_ERROR(first(key));
    JET_ASSIGN_OR_RETURN(removed.unlinked, Unmirror(store, key, keyring));
    return absl::OkStatus();
  };
  JET_RETURN_IF_ERROR(store.Remove(name, unmirror));
  return removed;
}

}  // namespace jet::cli

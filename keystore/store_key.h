// The store key: opens the private keys of a keystore and vouches for its records.
#ifndef JET_KEYSTORE_STORE_KEY_H_
#define JET_KEYSTORE_STORE_KEY_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "crypto/secret.h"

namespace jet::keystore {

// The size of a store key, in bytes.
inline constexpr size_t kStoreKeySize = 32;

// The key of one keystore. Move only.
class StoreKey {
 public:
  // Takes `key`, of kStoreKeySize bytes.
  static absl::StatusOr<StoreKey> FromSecret(crypto::Secret key);

  // Names the key without telling anything of it: 16 hexadecimal digits.
  const std::string& id() const { return id_; }

  // Returns the HMAC-SHA-256 of a record.
  absl::StatusOr<base::Bytes> RecordHmac(base::ByteSpan record) const;

  // Returns the passphrase of the private keys: the store key in lower-case hexadecimal, so that
  // other programs can be given it too.
  crypto::Secret PrivateKeyPassphrase() const;

  // The key itself, to be written into the file that holds it; valid as long as this object.
  const crypto::Secret& secret() const { return key_; }

 private:
  StoreKey(crypto::Secret key, crypto::Secret record_key, std::string id)
      : key_(std::move(key)), record_key_(std::move(record_key)), id_(std::move(id)) {}

  crypto::Secret key_;
  crypto::Secret record_key_;
  std::string id_;
};

// The store keys at hand: one, or two while the keystore is being moved to another one (rekey).
// Every record names its own. Move only.
class StoreKeys {
 public:
  explicit StoreKeys(StoreKey current) : current_(std::move(current)) {}

  // The one that master.key holds, and the one that is being brought in, null when there is none.
  const StoreKey& current() const { return current_; }
  const StoreKey* next() const { return next_.has_value() ? &*next_ : nullptr; }

  // The one that what is new is written under.
  const StoreKey& newest() const { return next_.has_value() ? *next_ : current_; }

  // Returns the store key that `id` names, null when it is not at hand.
  const StoreKey* Find(absl::string_view id) const;

  // Says which are at hand, and why another is not: "master.key holds 0123456789abcdef".
  std::string Description() const;

  void SetNext(StoreKey next) { next_ = std::move(next); }
  // There is a next one, and it cannot be used.
  void SetNextError(absl::Status error) { next_error_ = std::move(error); }
  const absl::Status& next_error() const { return next_error_; }

 private:
  StoreKey current_;
  absl::optional<StoreKey> next_;
  absl::Status next_error_;
};

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_STORE_KEY_H_

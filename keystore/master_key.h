// The store key: opens the private keys of a keystore and vouches for its records.
#ifndef JET_KEYSTORE_MASTER_KEY_H_
#define JET_KEYSTORE_MASTER_KEY_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "crypto/secret.h"

namespace jet::keystore {

// The file in the keystore's folder that holds the store key.
inline constexpr char kMasterKeyFile[] = "master.key";

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

 private:
  StoreKey(crypto::Secret key, crypto::Secret record_key, std::string id)
      : key_(std::move(key)), record_key_(std::move(record_key)), id_(std::move(id)) {}

  crypto::Secret key_;
  crypto::Secret record_key_;
  std::string id_;
};

// Reads the store key from the file master.key of the folder `dir_fd`; `path` is the file's, for
// messages. NOT_FOUND when there is none, FAILED_PRECONDITION when others may use the file,
// UNIMPLEMENTED when a passphrase protects it, DATA_LOSS when it is no store key.
absl::StatusOr<StoreKey> ReadMasterKey(int dir_fd, absl::string_view path);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_MASTER_KEY_H_

// A store key under a passphrase: the content of a protected master.key.
#ifndef JET_KEYSTORE_WRAPPED_KEY_H_
#define JET_KEYSTORE_WRAPPED_KEY_H_

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/secret.h"

namespace jet::keystore {

// The label of the PEM block.
inline constexpr char kWrappedKeyLabel[] = "JET WRAPPED STORE KEY";

// Returns the PEM text that holds `key` under `passphrase` (docs/formats/keystore.md). There is one
// text for the same key, passphrase, salt and IV.
absl::StatusOr<base::Bytes> WrapKey(const crypto::Secret& key, const crypto::Secret& passphrase);

// True when `content` begins as a wrapped key does; whether it is whole, CheckWrappedKey tells.
bool IsWrappedKey(base::ByteSpan content);

// DATA_LOSS when `content` is not, byte for byte, what WrapKey wrote. Needs no passphrase.
absl::Status CheckWrappedKey(base::ByteSpan content);

// Returns the key. DATA_LOSS as CheckWrappedKey; PERMISSION_DENIED when the passphrase is wrong.
absl::StatusOr<crypto::Secret> UnwrapKey(base::ByteSpan content, const crypto::Secret& passphrase);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_WRAPPED_KEY_H_

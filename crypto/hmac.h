// HMAC-SHA-256.
#ifndef JET_CRYPTO_HMAC_H_
#define JET_CRYPTO_HMAC_H_

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/secret.h"

namespace jet::crypto {

// Returns the 32 bytes of HMAC-SHA-256 (RFC 2104, FIPS 198-1) of `message` under `key`.
absl::StatusOr<base::Bytes> HmacSha256(const Secret& key, base::ByteSpan message);

// Compares in a time that does not depend on where the two differ.
bool EqualInConstantTime(base::ByteSpan a, base::ByteSpan b);

}  // namespace jet::crypto

#endif  // JET_CRYPTO_HMAC_H_

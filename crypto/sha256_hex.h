// SHA-256 as text.
#ifndef JET_CRYPTO_SHA256_HEX_H_
#define JET_CRYPTO_SHA256_HEX_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace jet::crypto {

// Returns the SHA-256 digest (FIPS 180-4) of `data` as 64 lower case hexadecimal digits. Errors as
// of ComputeDigest. Any thread.
absl::StatusOr<std::string> Sha256Hex(base::ByteSpan data);

}  // namespace jet::crypto

#endif  // JET_CRYPTO_SHA256_HEX_H_

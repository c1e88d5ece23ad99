#include "crypto/sha256_hex.h"

#include "base/hex.h"
#include "base/status_macros.h"
#include "crypto/digest.h"

namespace jet::crypto {

absl::StatusOr<std::string> Sha256Hex(base::ByteSpan data) {
  JET_ASSIGN_OR_RETURN(const Digest digest, ComputeDigest(HashAlgorithm::kSha256, data));
  return base::HexEncode(digest.value());
}

}  // namespace jet::crypto

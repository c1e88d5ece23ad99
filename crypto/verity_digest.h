// fs-verity digests: measured by the kernel, or computed as it would.
#ifndef JET_CRYPTO_VERITY_DIGEST_H_
#define JET_CRYPTO_VERITY_DIGEST_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/hash_algorithm.h"

namespace jet::crypto {

// True for the algorithms that fs-verity has: sha256 and sha512.
bool IsVerityHash(HashAlgorithm algorithm);

// Returns the digest that the kernel has for the open file `fd`; nullopt when fs-verity is not
// enabled on it. UNIMPLEMENTED when it uses a hash that fs-verity of Linux 6.1 has not.
// Thread-safe.
absl::StatusOr<absl::optional<Digest>> MeasureVerityDigest(int fd);

// Computes the digest that the open file `fd` would have if fs-verity were enabled on it with
// EnableVerity (blocks of 4096 bytes, no salt), without moving the file's position. ABORTED when
// not exactly `expected_size` bytes were there to read: the file changed. INVALID_ARGUMENT for an
// algorithm that fs-verity has not. Thread-safe.
absl::StatusOr<Digest> ComputeVerityDigest(int fd, HashAlgorithm algorithm, uint64_t expected_size);

// Computes the digest that a file with this content would have. INVALID_ARGUMENT as above.
// Thread-safe.
absl::StatusOr<Digest> ComputeVerityDigest(base::ByteSpan content, HashAlgorithm algorithm);

// Enables fs-verity with `algorithm` on the open file `fd`: base::EnableVerity. INVALID_ARGUMENT
// for an algorithm that fs-verity has not.
absl::StatusOr<bool> EnableVerity(int fd, HashAlgorithm algorithm);

}  // namespace jet::crypto

#endif  // JET_CRYPTO_VERITY_DIGEST_H_

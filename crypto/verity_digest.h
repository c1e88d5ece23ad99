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

// OK for those; INVALID_ARGUMENT, naming them, for any other.
absl::Status CheckIsVerityHash(HashAlgorithm algorithm);

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

// Enables fs-verity with `algorithm`, blocks of 4096 bytes and no salt on the open regular file
// `fd` (FS_IOC_ENABLE_VERITY). REQUIRED: `fd` is open for reading only. From then on nobody can
// change the file's content, for ever; its attributes can be changed. Returns true when it did,
// false when fs-verity was enabled already, with whatever parameters. After a failure it is not
// enabled: INVALID_ARGUMENT for an algorithm that fs-verity has not; UNAVAILABLE while somebody has
// the file open for writing or is enabling it; UNIMPLEMENTED, with what to do, when the file
// system or the kernel has no fs-verity, or not for this file or hash; FAILED_PRECONDITION when the
// kernel does not take blocks of that size; PERMISSION_DENIED on a file system that is mounted
// read-only, and for an immutable or append-only file.
absl::StatusOr<bool> EnableVerity(int fd, HashAlgorithm algorithm);

}  // namespace jet::crypto

#endif  // JET_CRYPTO_VERITY_DIGEST_H_

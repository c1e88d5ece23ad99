// fs-verity: the kernel checks what is read of a file against one digest. linux/fsverity.h, and
// Documentation/filesystems/fsverity.rst of the kernel.
#ifndef JET_BASE_FS_VERITY_H_
#define JET_BASE_FS_VERITY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "base/bytes.h"

namespace jet::base {

// FS_VERITY_HASH_ALG_* of linux/fsverity.h.
inline constexpr uint32_t kVeritySha256 = 1;
inline constexpr uint32_t kVeritySha512 = 2;

// Bytes of the blocks that fs-verity is enabled with here. Every kernel with pages of this size
// takes it; up to Linux 6.2 a kernel with larger pages does not.
inline constexpr uint32_t kVerityBlockSize = 4096;

// The fs-verity digest of a file as the kernel has it.
struct VerityMeasurement {
  uint32_t hash;  // one of kVerity...
  Bytes digest;
};

// Returns the fs-verity digest of the open file `fd` (FS_IOC_MEASURE_VERITY); nullopt when
// fs-verity is not enabled on it, also where it never can be. Thread-safe.
absl::StatusOr<absl::optional<VerityMeasurement>> MeasureVerity(int fd);

// UNIMPLEMENTED, with what to do, when the file system of the open file `fd` or the kernel has no
// fs-verity: EnableVerity would say the same. Changes nothing.
absl::Status CheckVeritySupport(int fd);

// Looks for what EnableVerity would fail at, as far as that can be seen beforehand: as
// CheckVeritySupport; PERMISSION_DENIED on a file system that is mounted read-only, and for an
// immutable or append-only file. Changes nothing.
absl::Status CheckVerityCanBeEnabled(int fd);

// Enables fs-verity on the open regular file `fd` (FS_IOC_ENABLE_VERITY) with `hash`, blocks of
// kVerityBlockSize and no salt. REQUIRED: `fd` is open for reading only. From then on nobody can
// change the file's content, for ever; its attributes can be changed. Returns true when it did,
// false when fs-verity was enabled already, with whatever parameters. UNAVAILABLE while somebody
// has the file open for writing or is enabling it; UNIMPLEMENTED as of CheckVeritySupport. After a
// failure it is not enabled.
absl::StatusOr<bool> EnableVerity(int fd, uint32_t hash);

}  // namespace jet::base

#endif  // JET_BASE_FS_VERITY_H_

#include "base/fs_verity.h"

#include <linux/fsverity.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/permission.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::base {
namespace {

static_assert(kVeritySha256 == FS_VERITY_HASH_ALG_SHA256);
static_assert(kVeritySha512 == FS_VERITY_HASH_ALG_SHA512);

constexpr size_t kLargestDigest = 64;
constexpr char kAction[] = "cannot enable fs-verity";

struct Measured {
  int error_number = 0;
  VerityMeasurement measurement = {};
};

Measured Measure(int fd) {
  alignas(fsverity_digest) std::array<uint8_t, sizeof(fsverity_digest) + kLargestDigest> buffer =
      {};
  fsverity_digest header = {};
  header.digest_size = kLargestDigest;
  std::memcpy(buffer.data(), &header, sizeof(header));
  if (ioctl(fd, FS_IOC_MEASURE_VERITY, buffer.data()) != 0) return {errno};
  std::memcpy(&header, buffer.data(), sizeof(header));
  if (header.digest_size > kLargestDigest) return {EOVERFLOW};
  const uint8_t* digest = buffer.data() + sizeof(header);
  return {0, {header.digest_algorithm, Bytes(digest, digest + header.digest_size)}};
}

// ENOTTY: this type of file system has no fs-verity. EOPNOTSUPP: it has, but this one is made
// without it, or the kernel is.
bool IsUnsupported(int error_number) {
  return error_number == ENOTTY || error_number == EOPNOTSUPP;
}

absl::Status Unsupported(int error_number) {
  const char* why =
      error_number == ENOTTY
          ? "this type of file system has no fs-verity: ext4, f2fs and btrfs have"
          : "this file system, or this kernel, has it not switched on: mkfs.ext4 -O verity or, on "
            "an ext4 that is there, tune2fs -O verity does, under a kernel with CONFIG_FS_VERITY";
  return absl::UnimplementedError(absl::StrCat(kAction, ": ", why));
}

// The file system has it, and yet not for this file.
absl::Status UnsupportedFile() {
  return absl::UnimplementedError(
      absl::StrCat(kAction,
                   ": the file system does not take it for this file, as ext4 does not for one "
                   "without extents (made under ext3): a copy of the file has them"));
}

absl::Status FlagRefusal(const std::string& flag) {
  return absl::PermissionDeniedError(absl::StrCat(kAction, ": ", flag));
}

absl::Status EnableError(int fd, int error_number) {
  if (IsUnsupported(error_number)) {
    const absl::Status support = CheckVeritySupport(fd);
    return support.ok() ? UnsupportedFile() : support;
  }
  switch (error_number) {
    case EPERM:
      if (const auto flag = ExplainFileFlags(fd); flag.has_value()) return FlagRefusal(*flag);
      return SystemError(error_number, kAction);
    case ETXTBSY:
      return absl::UnavailableError(
          absl::StrCat(kAction, ": the file is open for writing by some process"));
    case EBUSY:
      return absl::UnavailableError(
          absl::StrCat(kAction, ": another process is enabling it on the file"));
    case EINVAL:
      return absl::FailedPreconditionError(
          absl::StrCat(kAction, ": this kernel does not take it with blocks of ", kVerityBlockSize,
                       " bytes for this file (up to Linux 6.2 blocks must have the size of its "
                       "pages and of the file system's blocks; ext4 has it for no file with DAX)"));
    case ENOPKG:
      return absl::UnimplementedError(
          absl::StrCat(kAction, ": this kernel does not have the hash algorithm"));
    default:
      return SystemError(error_number, kAction);
  }
}

}  // namespace

absl::StatusOr<absl::optional<VerityMeasurement>> MeasureVerity(int fd) {
  Measured measured = Measure(fd);
  if (measured.error_number == 0) {
    return absl::optional<VerityMeasurement>(std::move(measured.measurement));
  }
  if (measured.error_number == ENODATA || IsUnsupported(measured.error_number)) {
    return absl::optional<VerityMeasurement>();
  }
  return SystemError(measured.error_number, "cannot measure the fs-verity digest");
}

absl::Status CheckVeritySupport(int fd) {
  const int error_number = Measure(fd).error_number;
  return IsUnsupported(error_number) ? Unsupported(error_number) : absl::OkStatus();
}

absl::Status CheckVerityCanBeEnabled(int fd) {
  JET_RETURN_IF_ERROR(CheckVeritySupport(fd));
  struct statvfs file_system = {};
  if (fstatvfs(fd, &file_system) == 0 && (file_system.f_flag & ST_RDONLY) != 0) {
    return SystemError(EROFS, kAction);
  }
  const absl::optional<std::string> flag = ExplainFileFlags(fd);
  return flag.has_value() ? FlagRefusal(*flag) : absl::OkStatus();
}

absl::StatusOr<bool> EnableVerity(int fd, uint32_t hash) {
  fsverity_enable_arg parameters = {};
  parameters.version = 1;
  parameters.hash_algorithm = hash;
  parameters.block_size = kVerityBlockSize;
  if (ioctl(fd, FS_IOC_ENABLE_VERITY, &parameters) == 0) return true;
  if (errno == EEXIST) return false;
  return EnableError(fd, errno);
}

}  // namespace jet::base

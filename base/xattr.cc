#include "base/xattr.h"

#include <sys/xattr.h>

#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/permission.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::base {
namespace {

// Holds every signature that is in use today; what is larger takes a second call.
constexpr size_t kUsualSize = 4096;
constexpr size_t kLargestXattr = 64 * 1024;  // XATTR_SIZE_MAX of the kernel

absl::Status XattrError(int error_number, absl::string_view verb, const char* name, int fd) {
  if (error_number == EOPNOTSUPP) {
    absl::Status status = SystemError(error_number, absl::StrCat("cannot ", verb, " ", name));
    return absl::Status(
        status.code(),
        absl::StrCat(status.message(), " (this file system keeps no ", name, " attribute)"));
  }
  if (error_number == EPERM || error_number == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot ", verb, " ", name, ": ", ExplainXattrRefusal(fd, error_number)));
  }
  return SystemError(error_number, absl::StrCat("cannot ", verb, " ", name));
}

}  // namespace

absl::StatusOr<absl::optional<Bytes>> GetXattr(int fd, const char* name) {
  std::array<uint8_t, kUsualSize> usual;
  ssize_t size = fgetxattr(fd, name, usual.data(), usual.size());
  if (size >= 0) return absl::optional<Bytes>(Bytes(usual.begin(), usual.begin() + size));
  if (errno == ERANGE) {
    Bytes large(kLargestXattr);
    size = fgetxattr(fd, name, large.data(), large.size());
    if (size >= 0) {
      large.resize(static_cast<size_t>(size));
      return absl::optional<Bytes>(std::move(large));
    }
  }
  if (errno == ENODATA) return absl::optional<Bytes>();
  return XattrError(errno, "read", name, fd);
}

absl::Status SetXattr(int fd, const char* name, ByteSpan value) {
  if (fsetxattr(fd, name, value.data(), value.size(), 0) != 0) {
    return XattrError(errno, "write", name, fd);
  }
  const absl::StatusOr<absl::optional<Bytes>> read_back = GetXattr(fd, name);
  if (!read_back.ok()) {
    return absl::DataLossError(absl::StrCat(
        name, " was written, but cannot be read back: ", read_back.status().message()));
  }
  const absl::optional<Bytes>& stored = *read_back;
  if (!stored.has_value() || ByteSpan(*stored) != value) {
    return absl::DataLossError(
        absl::StrCat(name, " was written, but reading it back gives something else"));
  }
  return absl::OkStatus();
}

absl::Status RemoveXattr(int fd, const char* name) {
  if (fremovexattr(fd, name) == 0 || errno == ENODATA) return absl::OkStatus();
  return XattrError(errno, "remove", name, fd);
}

absl::StatusOr<std::vector<std::string>> ListXattrs(int fd) {
  std::string list(kLargestXattr, '\0');  // XATTR_LIST_MAX is the same
  const ssize_t size = flistxattr(fd, list.data(), list.size());
  if (size < 0 && errno == EOPNOTSUPP) return std::vector<std::string>();
  if (size < 0) return SystemError(errno, "cannot list the attributes");
  list.resize(static_cast<size_t>(size));
  return std::vector<std::string>(absl::StrSplit(list, '\0', absl::SkipEmpty()));
}

}  // namespace jet::base

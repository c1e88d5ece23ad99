#include "base/open_beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::base {
namespace {

// O_NONBLOCK: a FIFO must not block.
constexpr int kFileFlags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

absl::Status CannotOpen(int error_number, const std::string& path) {
  if (error_number == ELOOP) {
    return SystemError(error_number,
                       absl::StrCat("cannot open '", path, "' without following a symbolic link"));
  }
  return SystemError(error_number, absl::StrCat("cannot open '", path, "'"));
}

absl::Status CheckBeneath(const std::string& path) {
  if (IsBeneath(path)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", path, "' does not name a file below the folder"));
}

absl::StatusOr<UniqueFd> CheckRegular(UniqueFd fd, const std::string& path) {
  JET_ASSIGN_OR_RETURN(const struct stat status, StatDescriptor(fd.get(), path));
  if (S_ISREG(status.st_mode)) return fd;
  return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not a regular file"));
}

// ENOSYS: before Linux 5.6. EPERM: a sandbox that does not know the call. EAGAIN: something was
// renamed meanwhile, and the kernel cannot tell whether ".." stayed inside.
bool MeansUseComponents(int error_number) {
  return error_number == ENOSYS || error_number == EPERM || error_number == EAGAIN;
}

// O_DIRECTORY | O_NOFOLLOW says ENOTDIR for a link; which of the two it is matters to people.
int ErrorOfComponent(int folder_fd, const std::string& name, int error_number) {
  struct stat status = {};
  const bool link = error_number == ENOTDIR &&
                    fstatat(folder_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISLNK(status.st_mode);
  return link ? ELOOP : error_number;
}

}  // namespace

bool IsBeneath(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) return false;
  const std::vector<absl::string_view> components = absl::StrSplit(path, '/');
  return std::none_of(components.begin(), components.end(), [](absl::string_view component) {
    return component.empty() || component == "." || component == "..";
  });
}

absl::StatusOr<UniqueFd> OpenBeneathByComponents(int root_fd, const std::string& path) {
  JET_RETURN_IF_ERROR(CheckBeneath(path));
  const std::vector<std::string> components = absl::StrSplit(path, '/');
  UniqueFd folder;
  int folder_fd = root_fd;
  for (size_t i = 0; i + 1 < components.size(); ++i) {
    constexpr int kFolderFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    UniqueFd next(openat(folder_fd, components[i].c_str(), kFolderFlags));
    if (!next.valid()) return CannotOpen(ErrorOfComponent(folder_fd, components[i], errno), path);
    folder = std::move(next);
    folder_fd = folder.get();
  }
  UniqueFd fd(openat(folder_fd, components.back().c_str(), kFileFlags));
  if (!fd.valid()) return CannotOpen(errno, path);
  return CheckRegular(std::move(fd), path);
}

absl::StatusOr<UniqueFd> OpenBeneath(int root_fd, const std::string& path) {
  JET_RETURN_IF_ERROR(CheckBeneath(path));
  open_how how = {};
  how.flags = kFileFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, root_fd, path.c_str(), &how, sizeof how)));
  if (fd.valid()) return CheckRegular(std::move(fd), path);
  if (MeansUseComponents(errno)) return OpenBeneathByComponents(root_fd, path);
  return CannotOpen(errno, path);
}

}  // namespace jet::base

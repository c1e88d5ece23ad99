#include "base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/unique_dir.h"

namespace jet::base {
namespace {

constexpr size_t kReadSize = 16 * 1024;

constexpr mode_t kParentMode = 0755;

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : WithoutTrailingSlashes(absl::string_view(path).substr(0, slash));
}

absl::Status CannotMake(int error_number, const std::string& path) {
  return SystemError(error_number, absl::StrCat("cannot make the folder '", path, "'"));
}

absl::Status SyncFolder(const std::string& path) {
  JET_ASSIGN_OR_RETURN(const UniqueFd fd, OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  return Sync(fd.get(), path);
}

// The umask may have taken away what the owner needs.
absl::Status SetFolderMode(const std::string& path, mode_t mode) {
  JET_ASSIGN_OR_RETURN(const UniqueFd fd,
                       OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return fchmod(fd.get(), mode) == 0 ? absl::OkStatus() : CannotMake(errno, path);
}

// Returns whether it made the folder; false when there is something by that name. NOT_FOUND when
// the folder above it is missing.
absl::StatusOr<bool> MakeOneFolder(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0) return true;
  if (errno == EEXIST) return false;
  return CannotMake(errno, path);
}

absl::Status MakeParent(const std::string& path) {
  const std::string parent = ParentOf(path);
  absl::StatusOr<bool> made = MakeOneFolder(parent, kParentMode);
  if (absl::IsNotFound(made.status()) && ParentOf(parent) != parent) {
    JET_RETURN_IF_ERROR(MakeParent(parent));
    made = MakeOneFolder(parent, kParentMode);
  }
  JET_RETURN_IF_ERROR(made.status());
  return *made ? SyncFolder(ParentOf(parent)) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<UniqueFd> OpenAt(int dir_fd, const std::string& name, int flags, mode_t mode) {
  flags |= O_CLOEXEC | O_NOCTTY;
  if ((flags & O_ACCMODE) == O_RDONLY) flags |= O_NONBLOCK;
  UniqueFd fd(openat(dir_fd, name.c_str(), flags, mode));
  if (!fd.valid()) return SystemError(errno, absl::StrCat("cannot open '", name, "'"));
  return fd;
}

void LeaveAccessTime(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags >= 0) (void)fcntl(fd, F_SETFL, flags | O_NOATIME);
}

absl::StatusOr<struct stat> StatDescriptor(int fd, absl::string_view name) {
  struct stat status = {};
  if (fstat(fd, &status) != 0) return SystemError(errno, absl::StrCat("cannot stat '", name, "'"));
  return status;
}

void WaitForInput(int fd) {
  pollfd waiting = {fd, POLLIN, 0};
  (void)poll(&waiting, 1, -1);
}

absl::StatusOr<Bytes> ReadBounded(int fd, size_t limit, absl::string_view name) {
  Bytes content;
  while (true) {
    const size_t old_size = content.size();
    content.resize(old_size + std::min(kReadSize, limit + 1 - old_size));
    const ssize_t count = read(fd, content.data() + old_size, content.size() - old_size);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
      content.resize(old_size);
      // OpenAt opens without blocking, and whoever writes into a pipe may not have begun.
      if (errno == EAGAIN) WaitForInput(fd);
      continue;
    }
    if (count < 0) return SystemError(errno, absl::StrCat("cannot read '", name, "'"));
    content.resize(old_size + static_cast<size_t>(count));
    if (count == 0) return content;
    if (content.size() > limit) {
      return absl::ResourceExhaustedError(
          absl::StrCat("'", name, "' is larger than ", limit, " bytes"));
    }
  }
}

absl::StatusOr<Bytes> ReadFile(const std::string& path, size_t limit) {
  JET_ASSIGN_OR_RETURN(const UniqueFd fd, OpenAt(AT_FDCWD, path, O_RDONLY));
  JET_ASSIGN_OR_RETURN(const struct stat status, StatDescriptor(fd.get(), path));
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not a regular file"));
  }
  return ReadBounded(fd.get(), limit, path);
}

absl::Status WriteAll(int fd, ByteSpan content, absl::string_view name) {
  while (!content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(errno, absl::StrCat("cannot write '", name, "'"));
    content.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

absl::Status WriteNewFileAt(int dir_fd, const std::string& name, mode_t mode, ByteSpan content) {
  JET_ASSIGN_OR_RETURN(UniqueFd fd,
                       OpenAt(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  absl::Status status;
  // The umask may have taken bits away that the format asks for.
  if (fchmod(fd.get(), mode) != 0) {
    status = SystemError(errno, absl::StrCat("cannot set the mode of '", name, "'"));
  }
  if (status.ok()) status = WriteAll(fd.get(), content, name);
  if (status.ok()) status = Sync(fd.get(), name);
  if (!status.ok()) (void)unlinkat(dir_fd, name.c_str(), 0);
  return status;
}

absl::Status Sync(int fd, absl::string_view name) {
  if (fsync(fd) != 0) return SystemError(errno, absl::StrCat("cannot sync '", name, "' to disk"));
  return absl::OkStatus();
}

std::string WithoutTrailingSlashes(absl::string_view path) {
  while (path.size() > 1 && absl::ConsumeSuffix(&path, "/")) {
  }
  return std::string(path);
}

absl::Status MakeFolder(const std::string& path, mode_t mode) {
  const std::string clean_path = WithoutTrailingSlashes(path);
  absl::StatusOr<bool> made = MakeOneFolder(clean_path, mode);
  if (absl::IsNotFound(made.status())) {
    JET_RETURN_IF_ERROR(MakeParent(clean_path));
    made = MakeOneFolder(clean_path, mode);
  }
  JET_RETURN_IF_ERROR(made.status());
  if (!*made) return absl::OkStatus();
  JET_RETURN_IF_ERROR(SetFolderMode(clean_path, mode));
  return SyncFolder(ParentOf(clean_path));
}

absl::Status CheckNameIsFree(const std::string& path, absl::string_view advice) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) == 0) {
    return absl::AlreadyExistsError(absl::StrCat("'", path, "' exists already; ", advice));
  }
  if (errno == ENOENT) return absl::OkStatus();
  return SystemError(errno, absl::StrCat("cannot look for '", path, "'"));
}

absl::StatusOr<std::vector<std::string>> ListFolder(int dir_fd, absl::string_view name) {
  // A second open of the same folder: fdopendir() takes its descriptor over and moves it.
  JET_ASSIGN_OR_RETURN(UniqueFd own, OpenAt(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  UniqueDir dir(fdopendir(own.get()));
  if (dir == nullptr) return SystemError(errno, absl::StrCat("cannot list '", name, "'"));
  (void)own.Release();
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(dir.get());
    if (entry == nullptr) break;
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) {
      names.emplace_back(entry->d_name);
    }
  }
  if (errno != 0) return SystemError(errno, absl::StrCat("cannot list '", name, "'"));
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemoveFlatFolderAt(int dir_fd, const std::string& name) {
  absl::StatusOr<UniqueFd> folder = OpenAt(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (absl::IsNotFound(folder.status())) return absl::OkStatus();
  JET_RETURN_IF_ERROR(folder.status());
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder->get(), name));
  for (const std::string& file : names) {
    if (unlinkat(folder->get(), file.c_str(), 0) != 0) {
      return SystemError(errno, absl::StrCat("cannot remove '", name, "/", file, "'"));
    }
  }
  if (unlinkat(dir_fd, name.c_str(), AT_REMOVEDIR) != 0) {
    return SystemError(errno, absl::StrCat("cannot remove '", name, "'"));
  }
  return absl::OkStatus();
}

}  // namespace jet::base

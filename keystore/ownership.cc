#include "keystore/ownership.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::keystore {
namespace {

constexpr mode_t kFolderMode = 0700;

absl::Status WrongOwner(absl::string_view path, uid_t owner) {
  return absl::FailedPreconditionError(absl::StrCat("'", path, "' belongs to user id ", owner,
                                                    ", who could change it, and not to the caller, "
                                                    "user id ",
                                                    geteuid(), "; run as its owner, or: chown ",
                                                    geteuid(), " '", path, "'"));
}

absl::Status WrongMode(absl::string_view path, mode_t mode) {
  const bool writable = (mode & (S_IWGRP | S_IWOTH)) != 0;
  const bool everyone = (mode & (writable ? S_IWOTH : S_IRWXO)) != 0;
  return absl::FailedPreconditionError(
      absl::StrFormat("'%s' is open to %s by %s (mode %04o); take that away with: chmod %s '%s'",
                      path, writable ? "changes" : "use", everyone ? "everyone" : "its group",
                      mode & 07777U, writable ? "go-w" : "go=", path));
}

// True for what openat() says of a link, or of something that is no folder.
bool IsOfOtherKind(const absl::Status& status) {
  const int error_number = base::ErrnoOf(status);
  return error_number == ELOOP || error_number == ENOTDIR;
}

// As base::OpenAt, but a message has the whole path.
absl::StatusOr<base::UniqueFd> OpenNamed(int dir_fd, const std::string& name,
                                         absl::string_view path, int flags,
                                         absl::string_view kind) {
  absl::StatusOr<base::UniqueFd> fd = base::OpenAt(dir_fd, name, flags | O_NOFOLLOW);
  if (fd.ok()) return fd;
  if (IsOfOtherKind(fd.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", path, "' is not a ", kind, " (links are not followed here)"));
  }
  return base::SystemError(base::ErrnoOf(fd.status()), absl::StrCat("cannot open '", path, "'"));
}

}  // namespace

absl::Status CheckOwnership(int fd, absl::string_view path, OthersMay others, Owner owner) {
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd, path));
  const bool of_root = status.st_uid == 0 && owner == Owner::kCallerOrRoot;
  if (status.st_uid != geteuid() && !of_root) return WrongOwner(path, status.st_uid);
  const mode_t unwanted = others == OthersMay::kRead ? S_IWGRP | S_IWOTH : S_IRWXG | S_IRWXO;
  if ((status.st_mode & unwanted) != 0) return WrongMode(path, status.st_mode);
  return absl::OkStatus();
}

absl::StatusOr<base::UniqueFd> OpenOwnFolder(int dir_fd, const std::string& name,
                                             absl::string_view path) {
  JET_ASSIGN_OR_RETURN(base::UniqueFd fd,
                       OpenNamed(dir_fd, name, path, O_RDONLY | O_DIRECTORY, "folder"));
  JET_RETURN_IF_ERROR(CheckOwnership(fd.get(), path, OthersMay::kRead));
  return fd;
}

absl::StatusOr<base::UniqueFd> OpenOwnFile(int dir_fd, const std::string& name,
                                           absl::string_view path, OthersMay others, Owner owner) {
  JET_ASSIGN_OR_RETURN(base::UniqueFd fd, OpenNamed(dir_fd, name, path, O_RDONLY, "regular file"));
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd.get(), path));
  if (!S_ISREG(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("'", path, "' is not a regular file"));
  }
  JET_RETURN_IF_ERROR(CheckOwnership(fd.get(), path, others, owner));
  return fd;
}

absl::Status MakeOwnFolder(int dir_fd, const std::string& name, absl::string_view path) {
  if (mkdirat(dir_fd, name.c_str(), kFolderMode) != 0) {
    if (errno == EEXIST) return absl::OkStatus();
    return base::SystemError(errno, absl::StrCat("cannot make the folder '", path, "'"));
  }
  JET_ASSIGN_OR_RETURN(const base::UniqueFd fd,
                       OpenNamed(dir_fd, name, path, O_RDONLY | O_DIRECTORY, "folder"));
  // The umask may have taken away what the owner needs.
  if (fchmod(fd.get(), kFolderMode) != 0) {
    return base::SystemError(errno, absl::StrCat("cannot set the mode of '", path, "'"));
  }
  return absl::OkStatus();
}

}  // namespace jet::keystore

#include "keystore/atomic_rename.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>

namespace jet::keystore {

int RenameNoReplace(int from_fd, const std::string& from, int to_fd, const std::string& to) {
  if (renameat2(from_fd, from.c_str(), to_fd, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != ENOSYS && errno != EINVAL) return -1;
  struct stat status = {};
  // Looking first is safe: who holds the store's lock is its only writer.
  if (fstatat(to_fd, to.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    errno = EEXIST;
    return -1;
  }
  return errno == ENOENT ? renameat(from_fd, from.c_str(), to_fd, to.c_str()) : -1;
}

int RenameExchange(int from_fd, const std::string& from, int to_fd, const std::string& to) {
  return renameat2(from_fd, from.c_str(), to_fd, to.c_str(), RENAME_EXCHANGE);
}

}  // namespace jet::keystore

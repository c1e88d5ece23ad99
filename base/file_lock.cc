#include "base/file_lock.h"

#include <sys/file.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/system_error.h"

namespace jet::base {

absl::Status WaitForLock(int fd, LockKind kind, absl::string_view what) {
  const int operation = kind == LockKind::kShared ? LOCK_SH : LOCK_EX;
  while (flock(fd, operation) != 0) {
    if (errno != EINTR) return SystemError(errno, absl::StrCat("cannot lock ", what));
  }
  return absl::OkStatus();
}

}  // namespace jet::base

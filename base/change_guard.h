// Tells whether a file changed while it was being read.
#ifndef JET_BASE_CHANGE_GUARD_H_
#define JET_BASE_CHANGE_GUARD_H_

#include <sys/stat.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace jet::base {

// How a ChangeGuard notices changes.
enum class ChangeDetection {
  kLease,       // a read lease (fcntl(2), F_SETLEASE): the kernel tells of every writer
  kTimestamps,  // size, mtime and ctime: misses stores through a shared mapping made before
};

// Watches one open file from Start() to the end of its life. Not thread-safe; move only.
// A writer's open sends this process SIGURG, which does nothing unless the process handles it.
class ChangeGuard {
 public:
  // Starts to watch `fd`, which must be open for reading only and outlive the guard.
  // UNAVAILABLE when somebody has the file open for writing: after two more tries, 100 ms apart.
  // Where leases cannot be had (another user's file, a file system without them) timestamps serve.
  static absl::StatusOr<ChangeGuard> Start(int fd);

  ChangeGuard(ChangeGuard&& other) noexcept;
  ChangeGuard& operator=(ChangeGuard&&) = delete;
  ChangeGuard(const ChangeGuard&) = delete;
  ChangeGuard& operator=(const ChangeGuard&) = delete;
  ~ChangeGuard();

  // How this guard notices changes.
  ChangeDetection method() const { return method_; }

  // fstat of the file as it was when the watch began.
  const struct stat& initial() const { return initial_; }

  // OK when nothing has changed the file's content since Start; ABORTED when something did or is
  // about to.
  absl::Status Check() const;

  // As Check, but allows for a ctime that this process moved itself by writing an xattr.
  absl::Status CheckAfterOwnXattr() const;

 private:
  ChangeGuard(int fd, ChangeDetection method, const struct stat& initial);

  int fd_;
  ChangeDetection method_;
  struct stat initial_;
};

}  // namespace jet::base

#endif  // JET_BASE_CHANGE_GUARD_H_

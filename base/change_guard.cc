#include "base/change_guard.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/file_status.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::base {
namespace {

constexpr int kLeaseTries = 3;
constexpr std::chrono::milliseconds kLeaseWait(100);

absl::Status Changed() {
  return absl::AbortedError("the file was changed or opened for writing while it was being read");
}

// Returns true when the lease was taken, false when leases do not work on this file.
absl::StatusOr<bool> TakeReadLease(int fd) {
  // The signal of a lease that breaks; SIGIO, which it is otherwise, would end the process.
  if (fcntl(fd, F_SETSIG, SIGURG) != 0) return false;
  for (int attempt = 1;; ++attempt) {
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) return true;
    if (errno != EAGAIN) return false;
    if (attempt == kLeaseTries) {
      return absl::UnavailableError("the file is open for writing by some process");
    }
    std::this_thread::sleep_for(kLeaseWait);
  }
}

}  // namespace

ChangeGuard::ChangeGuard(int fd, ChangeDetection method, const struct stat& initial)
    : fd_(fd), method_(method), initial_(initial) {}

ChangeGuard::ChangeGuard(ChangeGuard&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), method_(other.method_), initial_(other.initial_) {}

ChangeGuard::~ChangeGuard() {
  if (fd_ >= 0 && method_ == ChangeDetection::kLease) (void)fcntl(fd_, F_SETLEASE, F_UNLCK);
}

absl::StatusOr<ChangeGuard> ChangeGuard::Start(int fd) {
  JET_ASSIGN_OR_RETURN(const bool leased, TakeReadLease(fd));
  const ChangeDetection method = leased ? ChangeDetection::kLease : ChangeDetection::kTimestamps;
  // The guard owns the lease from here on, whatever fstat says.
  ChangeGuard guard(fd, method, {});
  if (fstat(fd, &guard.initial_) != 0) return SystemError(errno, "cannot stat the file");
  return guard;
}

absl::Status ChangeGuard::Check() const {
  struct stat now = {};
  if (fstat(fd_, &now) != 0) return SystemError(errno, "cannot stat the file");
  if (method_ == ChangeDetection::kTimestamps && !IsSameTime(now.st_ctim, initial_.st_ctim)) {
    return Changed();
  }
  return CheckAfterOwnXattr();
}

absl::Status ChangeGuard::CheckAfterOwnXattr() const {
  if (method_ == ChangeDetection::kLease && fcntl(fd_, F_GETLEASE) != F_RDLCK) return Changed();
  struct stat now = {};
  if (fstat(fd_, &now) != 0) return SystemError(errno, "cannot stat the file");
  if (now.st_size != initial_.st_size || !IsSameTime(now.st_mtim, initial_.st_mtim)) {
    return Changed();
  }
  return absl::OkStatus();
}

}  // namespace jet::base

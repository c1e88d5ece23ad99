#include "sign/xattr_store.h"

#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/xattr.h"

namespace jet::sign {
namespace {

// Another signer holds a file's lock for microseconds; whoever holds it longer is not one.
constexpr int kLockTries = 20;
constexpr std::chrono::milliseconds kLockWait(5);

// Gives an flock back at the end of its life.
class FileLock {
 public:
  explicit FileLock(int fd) : fd_(fd) {}
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() {
    if (fd_ >= 0) (void)flock(fd_, LOCK_UN);
  }

 private:
  int fd_;
};

// What somebody else wrote instead of `value` meanwhile is left alone.
absl::Status Restore(int fd, const base::Bytes& value, const absl::optional<base::Bytes>& before) {
  const absl::StatusOr<absl::optional<base::Bytes>> present =
      base::GetXattr(fd, base::kSecurityIma);
  if (present.ok() && *present != value) return absl::OkStatus();
  if (before.has_value()) return base::SetXattr(fd, base::kSecurityIma, *before);
  return base::RemoveXattr(fd, base::kSecurityIma);
}

// Takes `value` back, a signature that may cover other bytes than the file now has. The failure to
// do so is part of the message: the file then carries a signature that does not match.
absl::Status RemoveBecause(int fd, const base::Bytes& value, const absl::Status& reason) {
  const absl::Status removed = Restore(fd, value, absl::nullopt);
  if (removed.ok()) return reason;
  return absl::Status(reason.code(),
                      absl::StrCat(reason.message(), "; the signature just written could not be ",
                                   "removed again: ", removed.message()));
}

// Keeps other signers away from the file while its attribute is written and read back: two of them
// could each take the other's signature for a failed write. No more than that: where the lock
// cannot be had the work goes on without it, as reading back is what proves the result, and anybody
// who may read the file could hold the lock for ever.
FileLock LockFile(int fd) {
  for (int attempt = 1;; ++attempt) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return FileLock(fd);
    if (errno != EWOULDBLOCK || attempt == kLockTries) return FileLock(-1);
    std::this_thread::sleep_for(kLockWait);
  }
}

}  // namespace

absl::StatusOr<absl::optional<base::Bytes>> XattrStore::Read() const {
  return base::GetXattr(fd_, base::kSecurityIma);
}

absl::Status XattrStore::Write(const base::Bytes& value, const base::ChangeGuard& guard) {
  const FileLock lock = LockFile(fd_);
  const absl::Status stored = base::SetXattr(fd_, base::kSecurityIma, value);
  if (absl::IsDataLoss(stored)) return RemoveBecause(fd_, value, stored);
  JET_RETURN_IF_ERROR(stored);
  const absl::Status unchanged = guard.CheckAfterOwnXattr();
  return unchanged.ok() ? unchanged : RemoveBecause(fd_, value, unchanged);
}

absl::Status XattrStore::TakeBack(const base::Bytes& value,
                                  const absl::optional<base::Bytes>& before) {
  const FileLock lock = LockFile(fd_);
  return Restore(fd_, value, before);
}

}  // namespace jet::sign

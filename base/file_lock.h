// Advisory locks of open files and folders (flock(2)).
#ifndef JET_BASE_FILE_LOCK_H_
#define JET_BASE_FILE_LOCK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace jet::base {

enum class LockKind {
  kShared,     // with others that hold it so
  kExclusive,  // alone
};

// Waits, without end and through signals, until the open file `fd` has the lock. One that it has
// already is exchanged for the wanted one. The lock belongs to the open file description and ends
// with its last descriptor. An error names `what` ("the keystore '/x'") and carries the errno.
absl::Status WaitForLock(int fd, LockKind kind, absl::string_view what);

}  // namespace jet::base

#endif  // JET_BASE_FILE_LOCK_H_

// What this process may do, and why the kernel refused.
#ifndef JET_BASE_PERMISSION_H_
#define JET_BASE_PERMISSION_H_

#include <string>

#include "absl/types/optional.h"

namespace jet::base {

// True when CAP_SYS_ADMIN is in the effective set of this process.
bool HasCapSysAdmin();

// True when CAP_IPC_LOCK is in the effective set of this process.
bool HasCapIpcLock();

enum class UserNamespace {
  kInitial,  // also on a kernel without CONFIG_USER_NS
  kOther,
  kUnknown,  // there is no /proc to read it from
};

// The user namespace that this process is in.
UserNamespace OwnUserNamespace();

// True when this process is known to be in the initial user namespace.
bool InInitialUserNamespace();

// Says in one sentence which flag of the open file `fd` keeps everybody from changing the file and
// its attributes, immutable or append-only; nullopt when none is seen.
absl::optional<std::string> ExplainFileFlags(int fd);

// Says in one sentence why the kernel answered EPERM or EACCES to a change of a security.*
// attribute of the open file `fd`: the immutable or append-only flag, a missing capability, a user
// namespace, or IMA's own refusal of the value. It looks at the file and the process, so the answer
// is what was found, not a guess; where nothing was found it says so.
std::string ExplainXattrRefusal(int fd, int error_number);

}  // namespace jet::base

#endif  // JET_BASE_PERMISSION_H_

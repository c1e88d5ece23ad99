// What this process may do, and why the kernel refused.
#ifndef JET_BASE_PERMISSION_H_
#define JET_BASE_PERMISSION_H_

#include <string>

namespace jet::base {

// True when CAP_SYS_ADMIN is in the effective set of this process.
bool HasCapSysAdmin();

// True when CAP_IPC_LOCK is in the effective set of this process.
bool HasCapIpcLock();

// True when this process is in the initial user namespace, the only one of a kernel without
// CONFIG_USER_NS; false when it is not, or when that cannot be read.
bool InInitialUserNamespace();

// Says in one sentence why the kernel answered EPERM or EACCES to a change of a security.*
// attribute of the open file `fd`: the immutable or append-only flag, a missing capability, a user
// namespace, or IMA's own refusal of the value. It looks at the file and the process, so the answer
// is what was found, not a guess; where nothing was found it says so.
std::string ExplainXattrRefusal(int fd, int error_number);

}  // namespace jet::base

#endif  // JET_BASE_PERMISSION_H_

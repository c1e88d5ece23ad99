// Takes from this process what it does not need any more.
#ifndef JET_BASE_SANDBOX_H_
#define JET_BASE_SANDBOX_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace jet::base {

// From here on the calling thread, and every thread and process that it starts, can open nothing
// but the files and folders that `readable` names (links are followed) and what is below them, and
// those for reading only; what is open already stays so. It cannot gain privileges by executing a
// file either. For ever: it cannot be undone. Names that cannot be opened are left out: whoever
// opens them later gets the error. UNIMPLEMENTED where this kernel has no Landlock, has it switched
// off, or a filter of system calls is in the way: nothing is taken then. (Landlock: Documentation/
// userspace-api/landlock.rst.)
absl::Status AllowOnlyReading(const std::vector<std::string>& readable);

}  // namespace jet::base

#endif  // JET_BASE_SANDBOX_H_

// Copies an open file with everything that belongs to it.
#ifndef JET_BASE_FILE_COPY_H_
#define JET_BASE_FILE_COPY_H_

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace jet::base {

// Copies the `size` bytes of the regular file `from` into the empty file `to`. Holes stay holes
// where the file system tells of them, and blocks are shared where it can do that. `name` is for
// messages. ABORTED when `from` is shorter than `size`.
absl::Status CopyData(int from, int to, uint64_t size, absl::string_view name);

// Gives the file or folder `to` what `from`, whose fstat is `status`, has: owner, mode, extended
// attributes (with ACLs and file capabilities) and times, in this order, as each could undo what
// comes after it. Left out are security.ima and security.evm, which are of the one file only.
// Returns in words what could not be kept, empty when all was. A copy that could not get the owner
// does not get the set-user-ID and set-group-ID bits either. Thread-safe.
std::vector<std::string> CopyAttributes(int from, const struct stat& status, int to);

// True when `copy` has what CopyAttributes gives it of `from`, and the same size. The time of the
// last access does not count. What cannot be read is not the same. Thread-safe.
bool HasSameAttributes(int from, int copy);

}  // namespace jet::base

#endif  // JET_BASE_FILE_COPY_H_

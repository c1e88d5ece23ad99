// Opens what a list names, and never what lies outside of its folder.
#ifndef JET_BASE_OPEN_BENEATH_H_
#define JET_BASE_OPEN_BENEATH_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace jet::base {

// True for a path that can only name something below the folder it is relative to: not empty, not
// absolute, without a NUL, and none of its components empty, "." or "..".
bool IsBeneath(const std::string& path);

// Opens the regular file `path` below the folder `root_fd` for reading, following no symbolic link
// on the way. INVALID_ARGUMENT when the path is not IsBeneath, or names something else than a
// regular file; ELOOP's status when a link is on the way (ErrnoOf). With openat2(2), or one
// component at a time where a kernel or a sandbox does not have that.
absl::StatusOr<UniqueFd> OpenBeneath(int root_fd, const std::string& path);

// The second of the two ways, for tests.
absl::StatusOr<UniqueFd> OpenBeneathByComponents(int root_fd, const std::string& path);

}  // namespace jet::base

#endif  // JET_BASE_OPEN_BENEATH_H_

// The one gate from errno to absl::Status.
#ifndef JET_BASE_SYSTEM_ERROR_H_
#define JET_BASE_SYSTEM_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace jet::base {

// Makes a status from `error_number` (an errno value, not 0) with the message
// "<action>: <strerror>". The code is the most specific one; unlike absl::ErrnoToStatus
// ENODATA (no such xattr) and ENOKEY (no such key) are NOT_FOUND, EKEYREJECTED is
// PERMISSION_DENIED, EBADMSG is INVALID_ARGUMENT and ENOPKG is UNIMPLEMENTED. The errno itself
// travels along: see ErrnoOf.
absl::Status SystemError(int error_number, absl::string_view action);

// Returns the errno value that SystemError put into `status`, or 0 when there is none.
int ErrnoOf(const absl::Status& status);

// Returns `status` with "<context>: " before its message; code and payloads stay.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

}  // namespace jet::base

#endif  // JET_BASE_SYSTEM_ERROR_H_

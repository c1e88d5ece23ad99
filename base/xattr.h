// Extended attributes of an open file.
#ifndef JET_BASE_XATTR_H_
#define JET_BASE_XATTR_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "base/bytes.h"

namespace jet::base {

// The attribute in which the kernel's integrity subsystem keeps a file's signature.
inline constexpr char kSecurityIma[] = "security.ima";

// Returns the value of attribute `name` of the open file `fd`, or nullopt when it has none.
// UNIMPLEMENTED when the file system keeps no such attributes.
absl::StatusOr<absl::optional<Bytes>> GetXattr(int fd, const char* name);

// Writes attribute `name` of the open file `fd`, which may be open for reading only, and reads it
// back: DATA_LOSS when what is stored is not `value`. PERMISSION_DENIED says why it was refused,
// after a look at the file and the process: the immutable or append-only flag, a missing
// capability, a user namespace, or IMA's own refusal of the value; where nothing was found it says
// so.
absl::Status SetXattr(int fd, const char* name, ByteSpan value);

// Removes attribute `name`; OK when there was none.
absl::Status RemoveXattr(int fd, const char* name);

// Returns the names of the attributes of `fd` that this process may see, none where the file system
// keeps none.
absl::StatusOr<std::vector<std::string>> ListXattrs(int fd);

}  // namespace jet::base

#endif  // JET_BASE_XATTR_H_

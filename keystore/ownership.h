// Files and folders that nobody but the caller may change.
#ifndef JET_KEYSTORE_OWNERSHIP_H_
#define JET_KEYSTORE_OWNERSHIP_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/unique_fd.h"

namespace jet::keystore {

// What users other than the owner may do with a file.
enum class OthersMay { kRead, kNothing };

// Whose a file may be. Root could change every file anyway.
enum class Owner { kCaller, kCallerOrRoot };

// OK when the open file or folder `fd` belongs to the caller (geteuid) and its mode lets others do
// no more than `others`. FAILED_PRECONDITION says what is wrong with `path` and how to mend it.
absl::Status CheckOwnership(int fd, absl::string_view path, OthersMay others,
                            Owner owner = Owner::kCaller);

// Opens the folder `name` of `dir_fd`, not through a link, and checks it (OthersMay::kRead). `path`
// is for messages. NOT_FOUND when there is none.
absl::StatusOr<base::UniqueFd> OpenOwnFolder(int dir_fd, const std::string& name,
                                             absl::string_view path);

// Opens the regular file `name` of `dir_fd` for reading, not through a link, and checks it. `path`
// is for messages. NOT_FOUND when there is none; FAILED_PRECONDITION when it is something else.
absl::StatusOr<base::UniqueFd> OpenOwnFile(int dir_fd, const std::string& name,
                                           absl::string_view path, OthersMay others,
                                           Owner owner = Owner::kCaller);

// Makes the folder `name` of `dir_fd` with mode 0700, whatever the umask. OK when there is
// something by that name: opening it tells what. `dir_fd` is not synced.
absl::Status MakeOwnFolder(int dir_fd, const std::string& name, absl::string_view path);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_OWNERSHIP_H_

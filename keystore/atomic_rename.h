// Renames that a crash leaves done or not done, also where the file system cannot do all of them.
#ifndef JET_KEYSTORE_ATOMIC_RENAME_H_
#define JET_KEYSTORE_ATOMIC_RENAME_H_

#include <string>

namespace jet::keystore {

// As renameat2 with RENAME_NOREPLACE, also where the kernel or the file system does not have it.
// Returns 0, or -1 with errno. REQUIRES: the caller is the only writer of `to_fd`.
int RenameNoReplace(int from_fd, const std::string& from, int to_fd, const std::string& to);

// As renameat2 with RENAME_EXCHANGE. Returns 0, or -1 with errno: ENOSYS or EINVAL where the kernel
// or the file system does not have it.
int RenameExchange(int from_fd, const std::string& from, int to_fd, const std::string& to);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_ATOMIC_RENAME_H_

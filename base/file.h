// Files and folders by descriptor: bounded reads, durable writes.
#ifndef JET_BASE_FILE_H_
#define JET_BASE_FILE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "base/unique_fd.h"

namespace jet::base {

// Opens `name` relative to the folder `dir_fd` (AT_FDCWD for the working folder). O_CLOEXEC,
// O_NOCTTY and, unless `flags` ask to write, O_NONBLOCK are added, so that a FIFO cannot block.
// `mode` is used when `flags` hold O_CREAT. The status names the file and carries the errno.
absl::StatusOr<UniqueFd> OpenAt(int dir_fd, const std::string& name, int flags, mode_t mode = 0);

// Makes reading through `fd` leave the file's access time alone, where this process may ask for
// that: its owner and root may.
void LeaveAccessTime(int fd);

// Returns fstat of `fd`; `name` is for the message.
absl::StatusOr<struct stat> StatDescriptor(int fd, absl::string_view name);

// Waits until `fd`, reading from which failed with EAGAIN, can be read or is at its end. May return
// before, after a signal: try to read again.
void WaitForInput(int fd);

// Returns the content of `fd` from its present position to its end. RESOURCE_EXHAUSTED when that
// is more than `limit` bytes: nothing larger is ever held.
absl::StatusOr<Bytes> ReadBounded(int fd, size_t limit, absl::string_view name);

// Opens and reads a regular file of at most `limit` bytes; links are followed. INVALID_ARGUMENT
// when it is something else than a regular file.
absl::StatusOr<Bytes> ReadFile(const std::string& path, size_t limit);

// Writes all of `content` to `fd`.
absl::Status WriteAll(int fd, ByteSpan content, absl::string_view name);

// Creates `name` in `dir_fd`, which must not exist yet (ALREADY_EXISTS), with exactly `mode`
// whatever the umask, writes `content` and syncs the file. A file that could not be completed is
// removed. The folder is not synced: that is the caller's commit.
absl::Status WriteNewFileAt(int dir_fd, const std::string& name, mode_t mode, ByteSpan content);

// Syncs a file or folder to its disk.
absl::Status Sync(int fd, absl::string_view name);

// Returns `path` without the slashes at its end, of which "/" keeps one.
std::string WithoutTrailingSlashes(absl::string_view path);

// Makes the folder `path` with exactly `mode`, whatever the umask, and the missing folders above it
// with 0755, which the umask may narrow; each is synced into its parent. OK when there is something
// by that name: opening it tells what.
absl::Status MakeFolder(const std::string& path, mode_t mode);

// ALREADY_EXISTS when there is anything by the name `path`; `advice` ends the message. For a name
// that is to be given later: giving it tells for sure.
absl::Status CheckNameIsFree(const std::string& path, absl::string_view advice);

// Returns the names in the folder `dir_fd` without "." and "..", sorted. Does not move the
// position of `dir_fd` itself.
absl::StatusOr<std::vector<std::string>> ListFolder(int dir_fd, absl::string_view name);

// Removes the folder `name` of `dir_fd` and the files in it. OK when there is none. It goes one
// level deep, which is all that a keystore has: a folder inside is FAILED_PRECONDITION.
absl::Status RemoveFlatFolderAt(int dir_fd, const std::string& name);

}  // namespace jet::base

#endif  // JET_BASE_FILE_H_

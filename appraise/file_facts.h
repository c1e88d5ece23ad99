// What else of a file and of where it lies decides what the kernel does with it.
#ifndef JET_APPRAISE_FILE_FACTS_H_
#define JET_APPRAISE_FILE_FACTS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/file_kind.h"

namespace jet::appraise {

// A value. What is not known of the file is left out.
struct FileFacts {
  base::FileKind kind = base::FileKind::kElf;
  mode_t mode = 0;
  absl::optional<uid_t> owner;
  absl::optional<gid_t> group;
  absl::Time changed;                            // when its content last was (st_mtim)
  absl::optional<uint64_t> file_system_magic;    // statfs(2), f_type
  absl::optional<std::string> file_system_name;  // the kernel's: "ext4"
  absl::optional<bool> verity_enabled;           // fs-verity
  bool mounted_noexec = false;
  bool mounted_read_only = false;
  bool keeps_attributes = true;         // false: the file system has no security.*
  absl::optional<bool> has_evm;         // security.evm
  bool has_symbol_table = true;         // of an ELF file; strip removes it
  std::vector<std::string> unreadable;  // what could not be read, and why
};

// Reads it of the open regular file `fd`.
absl::StatusOr<FileFacts> ReadFileFacts(int fd, base::FileKind kind);

// Returns the name of the file system of mount `mount_id` in the text of /proc/self/mountinfo
// (proc(5)), without the subtype of FUSE, which the kernel's fsname= does not see: "fuse" for
// "fuse.sshfs". nullopt when that has no such mount. Pure.
absl::optional<std::string> FileSystemOfMount(absl::string_view mountinfo, int mount_id);

}  // namespace jet::appraise

#endif  // JET_APPRAISE_FILE_FACTS_H_

#include "base/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/system_error.h"
#include "base/unique_fd.h"

namespace jet::base {
namespace {

// All that the first version of Landlock can take; the later ones are about writing, which needs an
// open file, and about the network.
constexpr uint64_t kTaken =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;

absl::Status Unavailable(int error_number) {
  return absl::UnimplementedError(
      absl::StrCat("this kernel offers no Landlock: ", std::strerror(error_number)));
}

// glibc has no wrappers for the three calls.
UniqueFd CreateRuleset() {
  landlock_ruleset_attr attributes = {};
  attributes.handled_access_fs = kTaken;
  return UniqueFd(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0)));
}

absl::Status AllowReading(int ruleset, const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status = {};
  if (fd.get() < 0 || fstat(fd.get(), &status) != 0) return absl::OkStatus();
  landlock_path_beneath_attr rule = {};
  rule.parent_fd = fd.get();
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (S_ISDIR(status.st_mode)) rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return SystemError(errno, absl::StrCat("cannot allow reading '", path, "'"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AllowOnlyReading(const std::vector<std::string>& readable) {
  const UniqueFd ruleset = CreateRuleset();
  if (ruleset.get() < 0) return Unavailable(errno);
  for (const std::string& path : readable) {
    const absl::Status allowed = AllowReading(ruleset.get(), path);
    if (!allowed.ok()) return allowed;
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Unavailable(errno);
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return Unavailable(errno);
  return absl::OkStatus();
}

}  // namespace jet::base

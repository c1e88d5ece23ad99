// A folder for one test, removed with all that is in it.
#ifndef JET_TESTS_BASE_SCRATCH_FOLDER_H_
#define JET_TESTS_BASE_SCRATCH_FOLDER_H_

#include <sys/types.h>

#include <string>

#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "base/unique_fd.h"

namespace jet::test {

// Makes a folder below $TEST_TMPDIR or /var/tmp: on a disk, as /tmp may be a tmpfs, which keeps
// neither all attributes nor all file flags. Whatever goes wrong in here throws and so fails the
// test.
class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();

  const std::string& path() const { return path_; }

  // Returns the path of `name` in the folder.
  std::string Path(absl::string_view name) const;

  // Makes or replaces a file with exactly `mode` and returns its path; folders above it are made.
  std::string Write(absl::string_view name, base::ByteSpan content, mode_t mode = 0644) const;
  std::string Write(absl::string_view name, absl::string_view content, mode_t mode = 0644) const {
    return Write(name, base::AsBytes(content), mode);
  }
  std::string Write(absl::string_view name, const char* content, mode_t mode = 0644) const {
    return Write(name, absl::string_view(content), mode);
  }

  // Makes a folder and those above it and returns its path.
  std::string MakeFolder(absl::string_view name) const;

 private:
  std::string path_;
};

// Opens `path` with `flags` and O_CLOEXEC; throws when that fails.
base::UniqueFd Open(const std::string& path, int flags);

}  // namespace jet::test

#endif  // JET_TESTS_BASE_SCRATCH_FOLDER_H_

#include "base/file_path.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace jet::base {

absl::StatusOr<FilePath> SplitFilePath(const std::string& path) {
  const size_t slash = path.rfind('/');
  FilePath split;
  split.name = slash == std::string::npos ? path : path.substr(slash + 1);
  split.folder = slash == std::string::npos ? "." : path.substr(0, slash);
  if (slash == 0) split.folder = "/";
  if (!split.name.empty() && split.name != "." && split.name != "..") return split;
  return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not the name of a file"));
}

}  // namespace jet::base

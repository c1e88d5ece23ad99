// The parts of a file's path.
#ifndef JET_BASE_FILE_PATH_H_
#define JET_BASE_FILE_PATH_H_

#include <string>

#include "absl/status/statusor.h"

namespace jet::base {

// A value.
struct FilePath {
  std::string folder;  // "." for a path without a slash
  std::string name;    // in the folder
};

// Splits `path` at its last slash, without a look at what is there. INVALID_ARGUMENT when what
// follows is nothing, "." or "..": such a path cannot name a file that is to be made. Pure.
absl::StatusOr<FilePath> SplitFilePath(const std::string& path);

}  // namespace jet::base

#endif  // JET_BASE_FILE_PATH_H_

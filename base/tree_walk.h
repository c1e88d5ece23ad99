// Walks a directory tree by descriptors.
#ifndef JET_BASE_TREE_WALK_H_
#define JET_BASE_TREE_WALK_H_

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/unique_fd.h"

namespace jet::base {

struct TreeWalkOptions {
  bool cross_file_systems = false;  // enter folders that are on other file systems than the root
  int open_levels = 256;            // folders held open at the same time; deeper ones are reopened
  // List each folder to its end before its files are visited: for who adds files to the folders he
  // walks. Memory then grows with the largest folder.
  bool list_first = false;
  // Asked about every file and folder before it is opened, by its path (as TreeFile::path); what it
  // returns false for is passed over. Empty: everything is wanted.
  std::function<bool(const std::string& path, bool is_folder)> wants;
  // Asked about every folder once it is open; what it returns false for is not entered. Empty: all
  // are.
  std::function<bool(const struct stat& status)> enters;
  // Told of every folder on another file system that is not entered. May be empty.
  std::function<void(const std::string& path)> on_other_file_system;
  // The walk ends as soon as this returns true. Empty: it never does.
  std::function<bool()> stopped;
};

// A regular file found below the root.
struct TreeFile {
  UniqueFd fd;         // open for reading only
  std::string path;    // root path, "/" and the names below it
  struct stat status;  // fstat of `fd`
  // The folder that `fd` was opened in, and its name there. Whoever keeps it keeps a descriptor.
  std::shared_ptr<const UniqueFd> folder;
  std::string name;
};

// Calls `on_file` for every regular file below the folder `root`, in the folder's own order, files
// of a folder before its subfolders, and `on_error` for everything that could not be opened or
// listed; one failure never stops the rest. Links, FIFOs, sockets and devices are passed over.
//
// Every file and folder is opened by its single name relative to the descriptor of its parent, with
// O_NOFOLLOW: a folder moved elsewhere meanwhile cannot lead the walk out of the tree. Memory grows
// with the depth and the number of subfolders on the way, not with the number of files.
// d_type is a hint only: where it says DT_UNKNOWN the file is looked at.
void WalkTree(UniqueFd root, const std::string& root_path, const TreeWalkOptions& options,
              absl::FunctionRef<void(TreeFile)> on_file,
              absl::FunctionRef<void(const std::string& path, const absl::Status&)> on_error);

}  // namespace jet::base

#endif  // JET_BASE_TREE_WALK_H_

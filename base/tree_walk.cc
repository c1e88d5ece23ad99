#include "base/tree_walk.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/staged_file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/unique_dir.h"

namespace jet::base {
namespace {

// One folder on the way from the root to where the walk is.
struct Level {
  // Given up while the walk is more than `open_levels` below; its files may still hold it.
  std::shared_ptr<const UniqueFd> fd;
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
  std::vector<std::string> subfolders;  // still to be entered, taken from the back
};

bool IsDotEntry(const char* name) {
  return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

class Walker {
 public:
  Walker(const TreeWalkOptions& options, absl::FunctionRef<void(TreeFile)> on_file,
         absl::FunctionRef<void(const std::string&, const absl::Status&)> on_error)
      : options_(options), on_file_(on_file), on_error_(on_error) {}

  void Run(UniqueFd root, const std::string& root_path) {
    struct stat status = {};
    if (fstat(root.get(), &status) != 0) {
      on_error_(root_path, SystemError(errno, "cannot stat the folder"));
      return;
    }
    root_device_ = status.st_dev;
    Enter(std::move(root), root_path, status);
    while (!levels_.empty() && !Stopped()) Step();
  }

 private:
  // Enters the next subfolder of the deepest level, or leaves that level.
  void Step() {
    Level& level = levels_.back();
    if (level.subfolders.empty()) {
      Leave();
      return;
    }
    const std::string name = std::move(level.subfolders.back());
    level.subfolders.pop_back();
    const std::string path = absl::StrCat(level.path, "/", name);
    absl::StatusOr<UniqueFd> folder =
        OpenAt(level.fd->get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!folder.ok()) {
      ReportUnopened(name, path, folder.status());
      return;
    }
    struct stat status = {};
    if (fstat(folder->get(), &status) != 0) {
      on_error_(path, SystemError(errno, "cannot stat the folder"));
      return;
    }
    if (options_.enters && !options_.enters(status)) return;
    if (!options_.cross_file_systems && status.st_dev != root_device_) {
      if (options_.on_other_file_system) options_.on_other_file_system(path);
      return;
    }
    Enter(*std::move(folder), path, status);
  }

  void Enter(UniqueFd folder, const std::string& path, const struct stat& status) {
    Level level;
    level.fd = std::make_shared<const UniqueFd>(std::move(folder));
    level.path = path;
    level.device = status.st_dev;
    level.inode = status.st_ino;
    levels_.push_back(std::move(level));
    const size_t open_levels = static_cast<size_t>(options_.open_levels);
    if (levels_.size() > open_levels) levels_[levels_.size() - open_levels - 1].fd.reset();
    VisitEntries();
  }

  // Reads the deepest folder to its end: reports its files, notes its subfolders.
  void VisitEntries() {
    Level& level = levels_.back();
    // A second descriptor, because closedir() closes what it was given and the level needs its own.
    absl::StatusOr<UniqueFd> listing = OpenAt(level.fd->get(), ".", O_RDONLY | O_DIRECTORY);
    if (!listing.ok()) {
      on_error_(level.path, listing.status());
      return;
    }
    UniqueDir dir(fdopendir(listing->get()));
    if (dir == nullptr) {
      on_error_(level.path, SystemError(errno, "cannot list the folder"));
      return;
    }
    (void)listing->Release();
    std::vector<std::pair<std::string, unsigned char>> listed;
    int failure = 0;
    while (!Stopped()) {
      errno = 0;
      const dirent* entry = readdir(dir.get());
      if (entry == nullptr) {
        failure = errno;
        break;
      }
      if (IsDotEntry(entry->d_name)) continue;
      if (options_.list_first) {
        listed.emplace_back(entry->d_name, entry->d_type);
      } else {
        VisitEntry(level, entry->d_name, entry->d_type);
      }
    }
    if (failure != 0) on_error_(level.path, SystemError(failure, "cannot list the folder"));
    for (const auto& [name, type] : listed) {
      if (Stopped()) return;
      VisitEntry(level, name.c_str(), type);
    }
  }

  void VisitEntry(Level& level, const char* name, unsigned char type) {
    if (type == DT_REG) {
      VisitFile(level, name);
    } else if (type == DT_DIR) {
      NoteFolder(level, name);
    } else if (type == DT_UNKNOWN) {
      VisitUnknown(level, name);
    }
  }

  void VisitUnknown(Level& level, const char* name) {
    struct stat status = {};
    if (fstatat(level.fd->get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      on_error_(absl::StrCat(level.path, "/", name), SystemError(errno, "cannot stat the file"));
    } else if (S_ISREG(status.st_mode)) {
      VisitFile(level, name);
    } else if (S_ISDIR(status.st_mode)) {
      NoteFolder(level, name);
    }
  }

  // What has a temporary name was perhaps there for a moment only, before it got its real name.
  void ReportUnopened(absl::string_view name, const std::string& path, const absl::Status& error) {
    if (!absl::IsNotFound(error) || !IsTemporaryName(name)) on_error_(path, error);
  }

  void NoteFolder(Level& level, const char* name) const {
    if (Wants(level, name, /*is_folder=*/true)) level.subfolders.emplace_back(name);
  }

  bool Wants(const Level& level, const char* name, bool is_folder) const {
    return !options_.wants || options_.wants(absl::StrCat(level.path, "/", name), is_folder);
  }

  bool Stopped() const { return options_.stopped && options_.stopped(); }

  void VisitFile(const Level& level, const char* name) {
    if (!Wants(level, name, /*is_folder=*/false)) return;
    TreeFile file;
    file.path = absl::StrCat(level.path, "/", name);
    absl::StatusOr<UniqueFd> fd = OpenAt(level.fd->get(), name, O_RDONLY | O_NOFOLLOW);
    if (!fd.ok()) {
      ReportUnopened(name, file.path, fd.status());
      return;
    }
    file.fd = *std::move(fd);
    file.folder = level.fd;
    file.name = name;
    if (fstat(file.fd.get(), &file.status) != 0) {
      on_error_(file.path, SystemError(errno, "cannot stat the file"));
    } else if (!S_ISREG(file.status.st_mode)) {
      on_error_(file.path, absl::AbortedError("no longer the regular file that the folder listed"));
    } else {
      on_file_(std::move(file));
    }
  }

  // Leaves the deepest level. A parent that was closed is reopened through "..", and taken only if
  // it is the very folder the walk came from.
  void Leave() {
    Level left = std::move(levels_.back());
    levels_.pop_back();
    if (levels_.empty() || levels_.back().fd != nullptr) return;
    const absl::Status reopened = Reopen(levels_.back(), left.fd->get());
    if (reopened.ok()) return;
    on_error_(levels_.back().path, reopened);
    levels_.pop_back();
    // Nothing above can be reached any more: only the deepest folders are held open. What is left
    // there stays unvisited, and an error for each such folder says so.
    while (!levels_.empty()) {
      if (!levels_.back().subfolders.empty()) on_error_(levels_.back().path, reopened);
      levels_.pop_back();
    }
  }

  static absl::Status Reopen(Level& level, int child_fd) {
    JET_ASSIGN_OR_RETURN(UniqueFd parent,
                         OpenAt(child_fd, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    JET_ASSIGN_OR_RETURN(const struct stat status, StatDescriptor(parent.get(), level.path));
    if (status.st_dev != level.device || status.st_ino != level.inode) {
      return absl::AbortedError(
          "the folder was moved during the walk; the rest of it is unvisited");
    }
    level.fd = std::make_shared<const UniqueFd>(std::move(parent));
    return absl::OkStatus();
  }

  const TreeWalkOptions& options_;
  const absl::FunctionRef<void(TreeFile)> on_file_;
  const absl::FunctionRef<void(const std::string&, const absl::Status&)> on_error_;
  dev_t root_device_ = 0;
  std::vector<Level> levels_;
};

}  // namespace

void WalkTree(UniqueFd root, const std::string& root_path, const TreeWalkOptions& options,
              absl::FunctionRef<void(TreeFile)> on_file,
              absl::FunctionRef<void(const std::string& path, const absl::Status&)> on_error) {
  Walker(options, on_file, on_error).Run(std::move(root), root_path);
}

}  // namespace jet::base

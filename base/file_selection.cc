#include "base/file_selection.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/staged_file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/tree_walk.h"

namespace jet::base {
namespace {

std::string LinkTarget(const std::string& path) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  return size < 0 ? std::string() : std::string(target.data(), static_cast<size_t>(size));
}

// Returns the folder of a file's path as the system finds it.
std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return path.substr(0, slash + 1);
}

absl::Status NotARegularFile(mode_t mode) {
  const char* kind = "special file";
  if (S_ISFIFO(mode)) kind = "FIFO";
  if (S_ISSOCK(mode)) kind = "socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) kind = "device";
  return absl::InvalidArgumentError(absl::StrCat("is a ", kind, ", not a regular file"));
}

// Leaves most of the descriptors that this process may have to the files that wait for a worker.
int OpenLevels(int most) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return most;
  return static_cast<int>(std::clamp<rlim_t>(limit.rlim_cur / 4, 2, static_cast<rlim_t>(most)));
}

class Selector {
 public:
  Selector(const FileSelectionOptions& options, bool several_paths, FileSelectionObserver& observer)
      : options_(options), several_paths_(several_paths), observer_(observer) {}

  void Select(const std::string& named) {
    struct stat status = {};
    if (lstat(named.c_str(), &status) != 0) {
      observer_.OnError(named, SystemError(errno, "cannot stat the file"));
      return;
    }
    std::string path = named;
    if (S_ISLNK(status.st_mode)) {
      const absl::Status resolved = ResolveLink(named, status, path);
      if (!resolved.ok()) {
        observer_.OnError(named, resolved);
        return;
      }
    }
    if (S_ISDIR(status.st_mode)) {
      SelectTree(path);
    } else if (!S_ISREG(status.st_mode)) {
      observer_.OnError(path, NotARegularFile(status.st_mode));
    } else {
      SelectNamedFile(path);
    }
  }

 private:
  // Replaces `path` and `status` by those of the link's final target.
  absl::Status ResolveLink(const std::string& named, struct stat& status, std::string& path) {
    if (options_.named_links == NamedLinks::kRefuse) {
      return absl::FailedPreconditionError(
          absl::StrCat("is a symbolic link to '", LinkTarget(named),
                       "': name the target, or follow links named on the command line with -H"));
    }
    const std::unique_ptr<char, decltype(&std::free)> target(realpath(named.c_str(), nullptr),
                                                             &std::free);
    if (target == nullptr) {
      return SystemError(
          errno, absl::StrCat("cannot follow the symbolic link to '", LinkTarget(named), "'"));
    }
    path = target.get();
    if (lstat(path.c_str(), &status) != 0) return SystemError(errno, "cannot stat the file");
    return absl::OkStatus();
  }

  void SelectNamedFile(const std::string& path) {
    absl::StatusOr<SelectedFile> file = OpenNamedFile(path);
    if (!file.ok()) {
      observer_.OnError(path, file.status());
    } else if (HoldsSignatures(file->name, file->status)) {
      observer_.OnSkipped(path, SkipReason::kSignatureFile, file->fd.get());
    } else if (const absl::Status wanted = CheckNamedKind(file->kind); !wanted.ok()) {
      observer_.OnError(path, wanted);
    } else if (!IsFirstMention(file->status)) {
      observer_.OnSkipped(path, SkipReason::kSameInode, file->fd.get());
    } else {
      observer_.OnSelected(*std::move(file));
    }
  }

  absl::StatusOr<SelectedFile> OpenNamedFile(const std::string& path) const {
    SelectedFile file;
    file.path = path;
    const size_t slash = path.rfind('/');
    file.name = slash == std::string::npos ? path : path.substr(slash + 1);
    int folder_fd = AT_FDCWD;
    std::string name = path;
    if (options_.keep_folders) {
      JET_ASSIGN_OR_RETURN(UniqueFd folder, OpenAt(AT_FDCWD, FolderOf(path), O_PATH | O_DIRECTORY));
      file.folder = std::make_shared<const UniqueFd>(std::move(folder));
      folder_fd = file.folder->get();
      name = file.name;
    }
    JET_ASSIGN_OR_RETURN(file.fd, OpenAt(folder_fd, name, O_RDONLY | O_NOFOLLOW));
    JET_ASSIGN_OR_RETURN(file.status, StatDescriptor(file.fd.get(), path));
    if (!S_ISREG(file.status.st_mode)) return NotARegularFile(file.status.st_mode);
    if (options_.leave_access_times) LeaveAccessTime(file.fd.get());
    JET_ASSIGN_OR_RETURN(file.kind, ReadFileKind(file.fd.get(), file.status.st_mode));
    return file;
  }

  absl::Status CheckNamedKind(FileKind kind) const {
    if (IsWanted(kind)) return absl::OkStatus();
    if (kind == FileKind::kScript) {
      return absl::FailedPreconditionError(
          "is a script, not an ELF file: --scripts takes executable scripts, --any-file takes "
          "everything");
    }
    return absl::FailedPreconditionError(
        "is not an ELF program or shared object: --any-file takes it all the same");
  }

  void SelectTree(const std::string& path) {
    if (!options_.recursive) {
      observer_.OnError(path, absl::FailedPreconditionError("is a folder: -r walks folders"));
      return;
    }
    absl::StatusOr<UniqueFd> root = OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!root.ok()) {
      observer_.OnError(path, root.status());
      return;
    }
    TreeWalkOptions walk;
    walk.one_file_system = options_.one_file_system;
    // The folders of the files that wait for a worker stay open as well.
    if (options_.keep_folders) walk.open_levels /= 4;
    walk.list_first = options_.adds_files;
    walk.open_levels = OpenLevels(walk.open_levels);
    // "dir/" and "dir" give the same names below.
    std::string prefix = path;
    while (prefix.size() > 1 && prefix.back() == '/') prefix.pop_back();
    if (prefix == "/") prefix.clear();
    WalkTree(
        *std::move(root), prefix, walk,
        [this, &prefix](TreeFile file) { SelectTreeFile(std::move(file), prefix.size() + 1); },
        [this](const std::string& failed, const absl::Status& error) {
          observer_.OnError(failed.empty() ? "/" : failed, error);
        });
  }

  void SelectTreeFile(TreeFile found, size_t prefix_size) {
    if (HoldsSignatures(found.name, found.status)) {
      observer_.OnSkipped(found.path, SkipReason::kSignatureFile, found.fd.get());
      return;
    }
    if (options_.leave_access_times) LeaveAccessTime(found.fd.get());
    const absl::StatusOr<FileKind> kind = ReadFileKind(found.fd.get(), found.status.st_mode);
    if (!kind.ok()) {
      observer_.OnError(found.path, kind.status());
    } else if (!IsWanted(*kind)) {
      observer_.OnSkipped(
          found.path,
          *kind == FileKind::kScript ? SkipReason::kUnwantedScript : SkipReason::kNotExecutable,
          found.fd.get());
    } else if (!IsFirstMention(found.status)) {
      observer_.OnSkipped(found.path, SkipReason::kSameInode, found.fd.get());
    } else {
      if (!options_.keep_folders) found.folder.reset();
      std::string path_in_tree = found.path.substr(prefix_size);
      observer_.OnSelected({std::move(found.fd), std::move(found.path), found.status, *kind,
                            std::move(path_in_tree), std::move(found.folder),
                            std::move(found.name)});
    }
  }

  bool IsWanted(FileKind kind) const {
    return options_.any_file || kind == FileKind::kElf ||
           (kind == FileKind::kScript && options_.scripts);
  }

  bool HoldsSignatures(const std::string& name, const struct stat& status) const {
    const absl::optional<FileIdentity>& file = options_.signature_file;
    if (file.has_value() && status.st_dev == file->device && status.st_ino == file->inode) {
      return true;
    }
    const std::string& suffix = options_.signature_suffix;
    return !suffix.empty() && (absl::EndsWith(name, suffix) || IsTemporaryName(name));
  }

  // Only files that can be met twice are remembered: hard links, and, where several paths were
  // named that may overlap, all.
  bool IsFirstMention(const struct stat& status) {
    if (options_.every_name || (status.st_nlink < 2 && !several_paths_)) return true;
    return seen_.insert({status.st_dev, status.st_ino}).second;
  }

  const FileSelectionOptions& options_;
  const bool several_paths_;
  FileSelectionObserver& observer_;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

void SelectFiles(const std::vector<std::string>& paths, const FileSelectionOptions& options,
                 FileSelectionObserver& observer) {
  Selector selector(options, paths.size() > 1, observer);
  for (const std::string& path : paths) selector.Select(path);
}

}  // namespace jet::base

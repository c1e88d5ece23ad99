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
#include <utility>

#include "absl/container/flat_hash_set.h"
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

// 16 bytes: there may be one for every file.
using Inode = std::pair<dev_t, ino_t>;

Inode InodeOf(const struct stat& status) { return {status.st_dev, status.st_ino}; }

class Selector {
 public:
  Selector(const FileSelectionOptions& options, FileSelectionObserver& observer)
      : options_(options), observer_(observer) {}

  // What is named, and so is not to be taken where a walk from above it meets it.
  void NoteNamed(const std::vector<std::string>& paths) {
    if (paths.size() < 2 || !options_.recursive || options_.every_name) return;
    for (const std::string& path : paths) {
      struct stat status = {};
      const bool follow = options_.named_links == NamedLinks::kFollow;
      const int found = follow ? stat(path.c_str(), &status) : lstat(path.c_str(), &status);
      if (found == 0) named_.insert(InodeOf(status));
    }
  }

  bool Stopped() const { return options_.stopped && options_.stopped(); }

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
      if (options_.recursive && !IsFirstMention(status)) return;
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
      PassOver(path, file->kind, file->fd.get());
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
    JET_ASSIGN_OR_RETURN(file.kind,
                         ReadFileKind(file.fd.get(), file.status.st_mode, options_.modules));
    return file;
  }

  absl::Status CheckNamedKind(FileKind kind) const {
    if (IsWanted(kind)) return absl::OkStatus();
    if (kind == FileKind::kScript) {
      return absl::FailedPreconditionError(
          "is a script, not an ELF file: --scripts takes executable scripts, --any-file takes "
          "everything");
    }
    if (kind == FileKind::kObjectFile) {
      return absl::FailedPreconditionError(
          "is an ELF object, which nothing executes: --modules takes kernel modules, --any-file "
          "takes everything");
    }
    if (kind == FileKind::kDebugFile) {
      return absl::FailedPreconditionError(
          "is a separate debug file, without code: --any-file takes it all the same");
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
    walk.cross_file_systems = options_.cross_file_systems;
    walk.on_other_file_system = [this](const std::string& folder) {
      observer_.OnNotEntered(folder);
    };
    walk.stopped = options_.stopped;
    // The folders of the files that wait for a worker stay open as well.
    if (options_.keep_folders) walk.open_levels /= 4;
    walk.list_first = options_.adds_files;
    walk.open_levels = OpenLevels(walk.open_levels);
    // "dir/" and "dir" give the same names below.
    std::string prefix = path;
    while (prefix.size() > 1 && prefix.back() == '/') prefix.pop_back();
    if (prefix == "/") prefix.clear();
    if (!options_.filter.empty()) {
      walk.wants = [this, &prefix](const std::string& found, bool is_folder) {
        return Wants(found, prefix.size() + 1, is_folder);
      };
    }
    walk.enters = [this](const struct stat& status) { return named_.count(InodeOf(status)) == 0; };
    WalkTree(
        *std::move(root), prefix, walk,
        [this, &prefix](TreeFile file) { SelectTreeFile(std::move(file), prefix.size() + 1); },
        [this](const std::string& failed, const absl::Status& error) {
          observer_.OnError(failed.empty() ? "/" : failed, error);
        });
  }

  bool Wants(const std::string& found, size_t prefix_size, bool is_folder) const {
    const std::string path_in_tree = found.substr(prefix_size);
    if (is_folder) return options_.filter.EntersFolder(path_in_tree);
    if (options_.filter.TakesFile(path_in_tree)) return true;
    observer_.OnSkipped(found, SkipReason::kExcluded, /*fd=*/-1);
    return false;
  }

  void SelectTreeFile(TreeFile found, size_t prefix_size) {
    if (options_.leave_access_times) LeaveAccessTime(found.fd.get());
    const absl::StatusOr<FileKind> kind =
        ReadFileKind(found.fd.get(), found.status.st_mode, options_.modules);
    if (!kind.ok()) {
      observer_.OnError(found.path, kind.status());
    } else if (HoldsSignatures(found.name, found.status)) {
      PassOver(found.path, *kind, found.fd.get());
    } else if (!IsWanted(*kind)) {
      observer_.OnSkipped(found.path, SkipReasonOf(*kind), found.fd.get());
    } else if (named_.count(InodeOf(found.status)) > 0 ||
               (found.status.st_nlink > 1 && !IsFirstMention(found.status))) {
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
           (kind == FileKind::kScript && options_.scripts) ||
           (kind == FileKind::kKernelModule && options_.modules);
  }

  // A program is never taken for a signature because of its name: nobody would know that it is
  // neither signed nor judged.
  void PassOver(const std::string& path, FileKind kind, int fd) {
    if (kind != FileKind::kElf) {
      observer_.OnSkipped(path, SkipReason::kSignatureFile, fd);
      return;
    }
    observer_.OnError(path, absl::FailedPreconditionError(
                                "is an ELF file with the name of a signature file: choose another "
                                "suffix, or exclude it"));
  }

  bool HoldsSignatures(const std::string& name, const struct stat& status) const {
    const absl::optional<FileIdentity>& file = options_.signature_file;
    if (file.has_value() && status.st_dev == file->device && status.st_ino == file->inode) {
      return true;
    }
    const std::string& suffix = options_.signature_suffix;
    return !suffix.empty() && (absl::EndsWith(name, suffix) || IsTemporaryName(name));
  }

  // Only what can be met twice is to be remembered: what is named, and hard links.
  bool IsFirstMention(const struct stat& status) {
    return options_.every_name || seen_.insert(InodeOf(status)).second;
  }

  const FileSelectionOptions& options_;
  FileSelectionObserver& observer_;
  absl::flat_hash_set<Inode> named_;
  absl::flat_hash_set<Inode> seen_;
};

}  // namespace

SkipReason SkipReasonOf(FileKind kind) {
  switch (kind) {
    case FileKind::kScript:
      return SkipReason::kUnwantedScript;
    case FileKind::kObjectFile:
    case FileKind::kKernelModule:
      return SkipReason::kObjectFile;
    case FileKind::kDebugFile:
      return SkipReason::kDebugFile;
    case FileKind::kElf:
    case FileKind::kOther:
      break;
  }
  return SkipReason::kNotExecutable;
}

void SelectFiles(const std::vector<std::string>& paths, const FileSelectionOptions& options,
                 FileSelectionObserver& observer) {
  Selector selector(options, observer);
  selector.NoteNamed(paths);
  for (const std::string& path : paths) {
    if (selector.Stopped()) return;
    selector.Select(path);
  }
}

}  // namespace jet::base

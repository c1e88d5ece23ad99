// Turns the paths a user names into the open files to work on.
#ifndef JET_BASE_FILE_SELECTION_H_
#define JET_BASE_FILE_SELECTION_H_

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "base/file_kind.h"
#include "base/path_filter.h"
#include "base/unique_fd.h"

namespace jet::base {

// What a symbolic link named by the user means. Links inside a tree are never followed.
enum class NamedLinks {
  kRefuse,  // an error that names the target
  kFollow,  // the target is worked on, and reported under its own path
};

// What makes two open files the same one.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
};

struct FileSelectionOptions {
  bool recursive = false;           // folders may be named, and are walked
  bool any_file = false;            // take every regular file, whatever its content
  bool scripts = false;             // take executable "#!" files as well as ELF
  bool modules = false;             // take kernel modules as well
  bool cross_file_systems = false;  // walk into other file systems
  PathFilter filter;  // of what is met in folders, by its path below the folder that was named
  NamedLinks named_links = NamedLinks::kRefuse;
  bool every_name = false;    // select an inode under each of its names, not once
  bool keep_folders = false;  // hand over the folder of each file: twice the descriptors
  bool adds_files = false;    // the run adds files to the folders, which it is not to meet
  // Leave the access times of the files alone, where that is permitted.
  bool leave_access_times = false;
  // Files that hold signatures and are passed over: all whose names end in this, if it is not
  // empty, with what is about to get such a name (IsTemporaryName); and this one.
  std::string signature_suffix;
  absl::optional<FileIdentity> signature_file;
  // No more files are selected as soon as this returns true. Thread-safe; empty: it never does.
  std::function<bool()> stopped;
};

struct SelectedFile {
  UniqueFd fd;         // open for reading only
  std::string path;    // what to call it
  struct stat status;  // fstat of `fd`
  FileKind kind = FileKind::kOther;
  std::string path_in_tree;  // below the folder that was named; empty for a file that was named
  // Where `keep_folders` asks for them: the folder it was opened in, and its name there.
  std::shared_ptr<const UniqueFd> folder;
  std::string name;
};

// Why a regular file was passed over.
enum class SkipReason {
  kNotExecutable,   // neither ELF nor, where scripts are taken, a script
  kUnwantedScript,  // an executable script, and scripts are not taken
  kSameInode,       // a hard link to, or another mention of, a file that was selected already
  kSignatureFile,   // it holds signatures
  kObjectFile,      // an ELF object, and not a kernel module that is to be taken
  kDebugFile,       // debugging information of a program, kept apart from it
  kExcluded,        // the filter does not take it
};

inline constexpr size_t kSkipReasons = 7;

// Why a file of a kind that is not to be taken is passed over.
SkipReason SkipReasonOf(FileKind kind);

// Is told of every file, from the thread that calls SelectFiles, in the order they are met.
class FileSelectionObserver {
 public:
  virtual ~FileSelectionObserver() = default;
  virtual void OnSelected(SelectedFile file) = 0;
  // `fd` is the file, open for reading, and the caller's; -1 for one that is kExcluded.
  virtual void OnSkipped(const std::string& path, SkipReason reason, int fd) = 0;
  // A folder is on another file system, and is not entered.
  virtual void OnNotEntered(const std::string& path) = 0;
  virtual void OnError(const std::string& path, const absl::Status& error) = 0;
};

// Returns the identity of what `status` is of.
inline FileIdentity IdentityOf(const struct stat& status) { return {status.st_dev, status.st_ino}; }

// Opens what `paths` name and tells `observer`. A file named explicitly that is not to be taken
// (not ELF, a folder without `recursive`, a FIFO, a link under kRefuse) is an error; in a tree it
// is skipped. Every inode is selected once, unless `every_name` is set: what is named is left out
// of the walks that meet it from above. Files that hold signatures are skipped, named or not.
// Memory grows with the paths and the inodes that have several names, not with the files.
void SelectFiles(const std::vector<std::string>& paths, const FileSelectionOptions& options,
                 FileSelectionObserver& observer);

}  // namespace jet::base

#endif  // JET_BASE_FILE_SELECTION_H_

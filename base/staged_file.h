// Files that appear complete or not at all, alone or several at once.
#ifndef JET_BASE_STAGED_FILE_H_
#define JET_BASE_STAGED_FILE_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "base/unique_fd.h"

namespace jet::base {

// A file that is written and has no name yet. What is never published is gone at the end
// of its life, also when the process is killed: it is a file without a directory entry (O_TMPFILE,
// open(2)). Only where a file system has no such files it gets a hidden temporary name, which a
// killed process leaves behind. Move only; not thread-safe.
class StagedFile {
 public:
  // Writes and syncs `content` with exactly `mode`, whatever the umask, into the folder of `path`,
  // the name that the file is to get. A file system that keeps no modes (vfat) is good enough when
  // it gives group and others no more than `mode` does; otherwise FAILED_PRECONDITION.
  static absl::StatusOr<StagedFile> Write(const std::string& path, mode_t mode, ByteSpan content);

  // Writes `content`, which anybody may read, into the open folder `folder_fd` (which stays the
  // caller's) to get the name `name` there: mode 0644 whatever the umask, or what the file system
  // makes of it. Not synced.
  static absl::StatusOr<StagedFile> WritePublicAt(int folder_fd, const std::string& name,
                                                  ByteSpan content);

  // Creates an empty file for the caller to write, to get the name `name` in the open folder
  // `folder_fd` (which stays the caller's); messages call it `path`. Mode 0600, so that nobody else
  // can open it.
  static absl::StatusOr<StagedFile> CreateAt(int folder_fd, const std::string& name,
                                             const std::string& path);

  // The open file, for writing; after StopWriting for reading. Stays owned by this object.
  int fd() const { return fd_.get(); }

  // Exchanges fd() for one for reading only: then no process can have the file open for writing
  // unknown to a ChangeGuard. Before its mode is changed.
  absl::Status StopWriting();

  // Syncs what was written to its disk.
  absl::Status SyncContent() const;

  // Gives the file its name, in place of a regular file that has it: at every moment there is the
  // old one or the new one. FAILED_PRECONDITION when something else has the name (a link, a FIFO, a
  // folder), which stays. The folder is not synced. Call it once.
  absl::Status Replace();

  StagedFile(StagedFile&& other) noexcept;
  StagedFile& operator=(StagedFile&& other) noexcept;
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;
  ~StagedFile();

  const std::string& path() const { return path_; }

 private:
  friend class Publication;

  StagedFile() = default;

  static absl::StatusOr<StagedFile> Create(const std::string& path, mode_t mode);
  static absl::StatusOr<StagedFile> OpenInFolder(int folder_fd, const std::string& name,
                                                 const std::string& path, mode_t mode);
  absl::Status Open(mode_t mode);
  absl::Status OpenWithoutName(mode_t mode);
  absl::Status OpenTemporaryName(mode_t mode);
  absl::Status SetMode(mode_t mode) const;

  // True when the file has the name it is to get.
  bool IsPublished() const;
  // Gives the file its name, if it does not have it yet. Returns 0 or an errno value.
  int Publish() const;
  int TryToPublish() const;
  absl::Status RenameOver();
  // Takes the name away again, if it is this file's.
  void Withdraw() const;

  std::string path_;
  std::string folder_path_;
  std::string name_;            // in the folder
  std::string temporary_name_;  // in the folder; empty for a file without a name
  UniqueFd folder_;
  UniqueFd fd_;
};

// Returns a hidden name for what is to become `name`, with random digits, that IsTemporaryName
// knows.
absl::StatusOr<std::string> TemporaryName(const std::string& name);

// True for the hidden names that staged files have for a moment, or keep when their process is
// killed.
bool IsTemporaryName(absl::string_view name);

// Returns what the file of the temporary name `name` was to be called, of a long name its
// beginning; empty when IsTemporaryName does not know `name`. The result points into `name`.
absl::string_view TargetOfTemporaryName(absl::string_view name);

// Gives all `files` their names, in their order, or none, and syncs their folders. ALREADY_EXISTS
// when one of the names is taken: nothing is ever overwritten. FAILED_PRECONDITION when a file
// system can neither rename without overwriting nor link.
// A child process does it, and this one waits for it with all signals blocked: when either of the
// two is killed, the other ends the work, so that only a machine that stops in between (or a kill
// of both) can leave the first files without the last. The caller must be single-threaded.
absl::Status PublishTogether(const std::vector<StagedFile>& files);

}  // namespace jet::base

#endif  // JET_BASE_STAGED_FILE_H_

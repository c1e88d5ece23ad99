#include "base/staged_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "base/file.h"
#include "base/file_path.h"
#include "base/file_status.h"
#include "base/forked.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::base {
namespace {

// Of a file's name in its temporary name: with what surrounds it, it stays within NAME_MAX.
constexpr size_t kMaxNamePart = 200;

// Temporary names end so, after as many random digits.
constexpr char kTemporaryEnd[] = ".tmp";
constexpr size_t kTemporaryDigits = 16;

constexpr mode_t kPublicMode = 0644;
constexpr mode_t kPrivateMode = 0600;

// The name by which linkat(2) finds an open file.
std::string ProcPath(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

bool IsReachableThroughProc(int fd) {
  struct stat open_file = {};
  struct stat found = {};
  return fstat(fd, &open_file) == 0 && stat(ProcPath(fd).c_str(), &found) == 0 &&
         IsSameFile(open_file, found);
}

// True for what openat(2) answers where a file system, or a kernel, has no O_TMPFILE.
bool MeansNoTemporaryFiles(int error_number) {
  return error_number == EOPNOTSUPP || error_number == EISDIR || error_number == EINVAL;
}

// Blocks all signals in the life of this object; children begin with them blocked.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { (void)pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

absl::StatusOr<std::string> TemporaryName(const std::string& name) {
  std::array<uint8_t, kTemporaryDigits / 2> random;
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return SystemError(errno, "cannot get random bytes");
  }
  return absl::StrCat(".", name.substr(0, kMaxNamePart), ".", HexEncode(random), kTemporaryEnd);
}

bool IsTemporaryName(absl::string_view name) { return !TargetOfTemporaryName(name).empty(); }

absl::string_view TargetOfTemporaryName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, ".") || !absl::ConsumeSuffix(&name, kTemporaryEnd)) return "";
  if (name.size() <= kTemporaryDigits + 1) return "";
  const absl::string_view digits = name.substr(name.size() - kTemporaryDigits);
  if (digits.find_first_not_of("0123456789abcdef") != absl::string_view::npos) return "";
  name.remove_suffix(kTemporaryDigits);
  return absl::ConsumeSuffix(&name, ".") ? name : "";
}

absl::StatusOr<StagedFile> StagedFile::Write(const std::string& path, mode_t mode,
                                             ByteSpan content) {
  JET_ASSIGN_OR_RETURN(StagedFile file, Create(path, mode));
  JET_RETURN_IF_ERROR(file.SetMode(mode));
  JET_RETURN_IF_ERROR(WriteAll(file.fd_.get(), content, path));
  JET_RETURN_IF_ERROR(Sync(file.fd_.get(), path));
  return file;
}

absl::StatusOr<StagedFile> StagedFile::WritePublicAt(int folder_fd, const std::string& name,
                                                     ByteSpan content) {
  JET_ASSIGN_OR_RETURN(StagedFile file, OpenInFolder(folder_fd, name, name, kPublicMode));
  // A file system without modes (vfat) may refuse; nothing secret is in the file.
  if (fchmod(file.fd_.get(), kPublicMode) != 0 && errno != EPERM) {
    return SystemError(errno, absl::StrCat("cannot set the mode of '", name, "'"));
  }
  JET_RETURN_IF_ERROR(WriteAll(file.fd_.get(), content, name));
  return file;
}

absl::StatusOr<StagedFile> StagedFile::CreateAt(int folder_fd, const std::string& name,
                                                const std::string& path) {
  return OpenInFolder(folder_fd, name, path, kPrivateMode);
}

absl::Status StagedFile::StopWriting() {
  const bool hidden = !temporary_name_.empty();
  JET_ASSIGN_OR_RETURN(UniqueFd reader,
                       hidden ? OpenAt(folder_.get(), temporary_name_, O_RDONLY | O_NOFOLLOW)
                              : OpenAt(AT_FDCWD, ProcPath(fd_.get()), O_RDONLY));
  JET_ASSIGN_OR_RETURN(const struct stat written, StatDescriptor(fd_.get(), path_));
  JET_ASSIGN_OR_RETURN(const struct stat found, StatDescriptor(reader.get(), path_));
  if (!IsSameFile(written, found)) {
    return absl::AbortedError(absl::StrCat("'", path_, "' was exchanged while it was written"));
  }
  fd_ = std::move(reader);
  return absl::OkStatus();
}

absl::Status StagedFile::SyncContent() const { return Sync(fd_.get(), path_); }

absl::StatusOr<StagedFile> StagedFile::Create(const std::string& path, mode_t mode) {
  JET_ASSIGN_OR_RETURN(FilePath split, SplitFilePath(path));
  StagedFile file;
  file.path_ = path;
  file.folder_path_ = std::move(split.folder);
  file.name_ = std::move(split.name);
  JET_ASSIGN_OR_RETURN(file.folder_, OpenAt(AT_FDCWD, file.folder_path_, O_RDONLY | O_DIRECTORY));
  JET_RETURN_IF_ERROR(file.Open(mode));
  return file;
}

absl::StatusOr<StagedFile> StagedFile::OpenInFolder(int folder_fd, const std::string& name,
                                                    const std::string& path, mode_t mode) {
  StagedFile file;
  file.path_ = path;
  file.folder_path_ = ".";
  file.name_ = name;
  file.folder_.Reset(fcntl(folder_fd, F_DUPFD_CLOEXEC, 0));
  if (!file.folder_.valid()) return SystemError(errno, absl::StrCat("cannot create '", path, "'"));
  JET_RETURN_IF_ERROR(file.Open(mode));
  return file;
}

absl::Status StagedFile::Open(mode_t mode) {
  // Who opens it before it has its mode must not be somebody else.
  const mode_t first_mode = mode & 0600;
  const absl::Status opened = OpenWithoutName(first_mode);
  if (opened.ok() && IsReachableThroughProc(fd_.get())) return absl::OkStatus();
  if (opened.ok() || MeansNoTemporaryFiles(ErrnoOf(opened))) return OpenTemporaryName(first_mode);
  return opened;
}

absl::Status StagedFile::OpenWithoutName(mode_t mode) {
  fd_.Reset(openat(folder_.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode));
  if (fd_.valid()) return absl::OkStatus();
  return SystemError(errno, absl::StrCat("cannot create '", path_, "'"));
}

absl::Status StagedFile::OpenTemporaryName(mode_t mode) {
  JET_ASSIGN_OR_RETURN(const std::string name, TemporaryName(name_));
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  fd_.Reset(openat(folder_.get(), name.c_str(), kFlags, mode));
  if (!fd_.valid()) return SystemError(errno, absl::StrCat("cannot create '", path_, "'"));
  temporary_name_ = name;
  return absl::OkStatus();
}

absl::Status StagedFile::SetMode(mode_t mode) const {
  // vfat refuses what it cannot keep, or, mounted with "quiet", ignores it: the result is what
  // counts.
  if (fchmod(fd_.get(), mode) != 0 && errno != EPERM) {
    return SystemError(errno, absl::StrCat("cannot set the mode of '", path_, "'"));
  }
  JET_ASSIGN_OR_RETURN(const struct stat status, StatDescriptor(fd_.get(), path_));
  const mode_t found = status.st_mode & 07777;
  if ((found & 077 & ~mode) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "'%s' would have the mode %o instead of %o: its file system keeps no modes; mount that "
      "with umask=077, or choose another place",
      path_, found, mode));
}

StagedFile::StagedFile(StagedFile&& other) noexcept
    : path_(std::move(other.path_)),
      folder_path_(std::move(other.folder_path_)),
      name_(std::move(other.name_)),
      temporary_name_(std::exchange(other.temporary_name_, std::string())),
      folder_(std::move(other.folder_)),
      fd_(std::move(other.fd_)) {}

StagedFile& StagedFile::operator=(StagedFile&& other) noexcept {
  // What this object held goes with `other_file`.
  StagedFile other_file(std::move(other));
  std::swap(path_, other_file.path_);
  std::swap(folder_path_, other_file.folder_path_);
  std::swap(name_, other_file.name_);
  std::swap(temporary_name_, other_file.temporary_name_);
  std::swap(folder_, other_file.folder_);
  std::swap(fd_, other_file.fd_);
  return *this;
}

StagedFile::~StagedFile() {
  // Of a published file it is gone already, unless the process that published it was killed then.
  if (!temporary_name_.empty()) (void)unlinkat(folder_.get(), temporary_name_.c_str(), 0);
}

bool StagedFile::IsPublished() const {
  struct stat own = {};
  struct stat found = {};
  return fstat(fd_.get(), &own) == 0 &&
         fstatat(folder_.get(), name_.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
         IsSameFile(own, found);
}

int StagedFile::Publish() const {
  if (IsPublished()) return 0;
  const int error_number = TryToPublish();
  // A network file system may have asked its server twice.
  return error_number != 0 && IsPublished() ? 0 : error_number;
}

int StagedFile::TryToPublish() const {
  const int folder = folder_.get();
  const char* const name = name_.c_str();
  if (temporary_name_.empty()) {
    const std::string source = ProcPath(fd_.get());
    return linkat(AT_FDCWD, source.c_str(), folder, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
  }
  const char* const source = temporary_name_.c_str();
  if (renameat2(folder, source, folder, name, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (linkat(folder, source, folder, name, 0) != 0) {
    return errno == EPERM || errno == ENOSYS ? EOPNOTSUPP : errno;
  }
  (void)unlinkat(folder, source, 0);
  return 0;
}

absl::Status StagedFile::Replace() {
  struct stat found = {};
  if (fstatat(folder_.get(), name_.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    const int error_number = errno == ENOENT ? Publish() : errno;
    if (error_number == 0) return absl::OkStatus();
    if (error_number != EEXIST && error_number != EOPNOTSUPP) {
      return SystemError(error_number, absl::StrCat("cannot create '", path_, "'"));
    }
  } else if (!S_ISREG(found.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", path_, "' is not a regular file and is not replaced: remove it first"));
  }
  return RenameOver();
}

// rename(2) replaces, and needs a name to start from; it neither follows a link nor replaces a
// folder, should one have come there meanwhile.
absl::Status StagedFile::RenameOver() {
  if (temporary_name_.empty()) {
    JET_ASSIGN_OR_RETURN(std::string name, TemporaryName(name_));
    const std::string source = ProcPath(fd_.get());
    if (linkat(AT_FDCWD, source.c_str(), folder_.get(), name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      return SystemError(errno, absl::StrCat("cannot create '", path_, "'"));
    }
    temporary_name_ = std::move(name);
  }
  if (renameat(folder_.get(), temporary_name_.c_str(), folder_.get(), name_.c_str()) != 0) {
    return SystemError(errno, absl::StrCat("cannot replace '", path_, "'"));
  }
  temporary_name_.clear();
  return absl::OkStatus();
}

void StagedFile::Withdraw() const {
  if (IsPublished()) (void)unlinkat(folder_.get(), name_.c_str(), 0);
}

// The publication of several files: what the child does and, when it was killed, its parent.
// Everything in here may be done twice.
class Publication {
 public:
  explicit Publication(const std::vector<StagedFile>& files) : files_(files) {}

  // How it went. It fits into one write to a pipe, and so is there as a whole or not at all.
  struct Outcome {
    enum class Step { kDone, kPublish, kSync };
    Step step = Step::kDone;
    size_t file = 0;  // where it failed
    int error_number = 0;
  };

  Outcome Attempt() const {
    for (size_t i = 0; i < files_.size(); ++i) {
      const int error_number = files_[i].Publish();
      if (error_number != 0) return {Outcome::Step::kPublish, i, error_number};
    }
    return SyncFolders();
  }

  void Withdraw() const {
    for (const StagedFile& file : files_) file.Withdraw();
    (void)SyncFolders();
  }

  absl::Status StatusOf(const Outcome& outcome) const {
    if (outcome.step == Outcome::Step::kDone) return absl::OkStatus();
    const StagedFile& file = files_[outcome.file];
    if (outcome.step == Outcome::Step::kSync) {
      return SystemError(outcome.error_number,
                         absl::StrCat("cannot sync '", file.folder_path_, "' to disk"));
    }
    if (outcome.error_number == EEXIST) {
      return absl::AlreadyExistsError(absl::StrCat(
          "'", file.path_, "' exists already and is not overwritten; move it away first"));
    }
    if (outcome.error_number == EOPNOTSUPP) {
      return absl::FailedPreconditionError(absl::StrCat(
          "cannot create '", file.path_, "': its file system can neither rename without ",
          "overwriting nor link; choose another place"));
    }
    return SystemError(outcome.error_number, absl::StrCat("cannot create '", file.path_, "'"));
  }

 private:
  Outcome SyncFolders() const {
    std::set<std::pair<dev_t, ino_t>> synced;
    for (size_t i = 0; i < files_.size(); ++i) {
      const int folder = files_[i].folder_.get();
      struct stat status = {};
      if (fstat(folder, &status) == 0 && !synced.emplace(status.st_dev, status.st_ino).second) {
        continue;
      }
      if (fsync(folder) != 0) return {Outcome::Step::kSync, i, errno};
    }
    return Outcome();
  }

  const std::vector<StagedFile>& files_;
};

namespace {

using Outcome = Publication::Outcome;

void PublishInChild(const Publication& publication, int report_fd) {
  // What is sent to the whole process group then does not hit both processes.
  (void)setsid();
  const Outcome outcome = publication.Attempt();
  std::array<uint8_t, sizeof outcome> report;
  std::memcpy(report.data(), &outcome, sizeof outcome);
  // Before anything is taken back: who is left, should this process be killed then, takes it back.
  (void)WriteAll(report_fd, report, "a pipe");
  if (outcome.step != Outcome::Step::kDone) publication.Withdraw();
}

// nullopt when the child was killed before it could say how it went.
absl::optional<Outcome> ReadOutcome(const Bytes& report) {
  Outcome outcome;
  if (report.size() != sizeof outcome) return absl::nullopt;
  std::memcpy(&outcome, report.data(), sizeof outcome);
  return outcome;
}

}  // namespace

absl::Status PublishTogether(const std::vector<StagedFile>& files) {
  if (files.empty()) return absl::OkStatus();
  const SignalsBlocked signals_blocked;
  const Publication publication(files);
  const auto work = [&publication](int report_fd) { PublishInChild(publication, report_fd); };
  const absl::StatusOr<ForkedOutcome> child = RunForked(work, sizeof(Outcome));
  // ECHILD: whoever started this program had SIGCHLD ignored. The child is gone, its report too.
  if (!child.ok() && ErrnoOf(child.status()) != ECHILD) {
    publication.Withdraw();
    return child.status();
  }
  absl::optional<Outcome> outcome;
  if (child.ok()) outcome = ReadOutcome(child->report);
  if (!outcome.has_value()) outcome = publication.Attempt();
  if (outcome->step != Outcome::Step::kDone) publication.Withdraw();
  return publication.StatusOf(*outcome);
}

}  // namespace jet::base

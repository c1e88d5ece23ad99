#include "keystore/master_key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "keystore/atomic_rename.h"
#include "keystore/ownership.h"

namespace jet::keystore {
namespace {

constexpr size_t kMaxMasterKeyFile = 4096;  // room for a wrapped key in PEM
constexpr mode_t kMasterKeyMode = 0600;

// In the folder of a file outside the keystore, which has no staging/.
constexpr char kStagedOutside[] = ".staged";

// Returns the path that `path` leads to, so that a change replaces the file and not a link to it.
// What is not there yet is taken as it is written.
std::string WithoutLinks(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(realpath(path.c_str(), nullptr),
                                                             &std::free);
  return resolved == nullptr ? path : std::string(resolved.get());
}

}  // namespace

absl::StatusOr<MasterKeyFile> MasterKeyFile::Open(const MasterKeyHome& home,
                                                  const std::string& path) {
  if (!path.empty()) {
    MasterKeyFile file(path);
    JET_RETURN_IF_ERROR(file.OpenOutside(home.staging >= 0));
    return file;
  }
  MasterKeyFile file(absl::StrCat(home.path, "/", kMasterKeyFile));
  file.folder_path_ = home.path;
  file.folder_ = home.folder;
  file.staging_ = home.staging;
  return file;
}

absl::Status MasterKeyFile::OpenOutside(bool writable) {
  const std::string resolved = WithoutLinks(path_);
  const size_t slash = resolved.rfind('/');
  name_ = resolved.substr(slash == resolved.npos ? 0 : slash + 1);
  if (name_.empty() || name_ == "." || name_ == "..") {
    return absl::FailedPreconditionError(absl::StrCat("'", path_, "' names no file"));
  }
  folder_path_ = slash == resolved.npos ? "." : resolved.substr(0, slash + 1);
  JET_ASSIGN_OR_RETURN(outside_, base::OpenAt(AT_FDCWD, folder_path_, O_RDONLY | O_DIRECTORY));
  folder_ = outside_.get();
  if (writable) staging_ = outside_.get();
  return absl::OkStatus();
}

absl::StatusOr<crypto::Secret> MasterKeyFile::ReadNamed(const std::string& name,
                                                        const std::string& path) const {
  const Owner owner = outside_.valid() ? Owner::kCallerOrRoot : Owner::kCaller;
  JET_ASSIGN_OR_RETURN(const base::UniqueFd fd,
                       OpenOwnFile(folder_, name, path, OthersMay::kNothing, owner));
  return crypto::ReadSecret(fd.get(), kMaxMasterKeyFile, path);
}

absl::Status MasterKeyFile::CheckWritable() const {
  if (staging_ >= 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("cannot change '", path_, "': the keystore was opened for reading only"));
}

// Writes and syncs a file beside the place where it is to be, and returns its name.
absl::StatusOr<std::string> MasterKeyFile::Stage(base::ByteSpan content) const {
  JET_RETURN_IF_ERROR(CheckWritable());
  std::string staged = absl::StrCat(kMasterKeyFile, ".", getpid());
  if (outside_.valid()) {
    staged = absl::StrCat(".", name_, kStagedOutside);
    // Who left it was killed: the lock of the keystore is held.
    (void)unlinkat(staging_, staged.c_str(), 0);
  }
  const absl::Status written = base::WriteNewFileAt(staging_, staged, kMasterKeyMode, content);
  if (!written.ok()) return base::Annotate(written, absl::StrCat("in '", folder_path_, "'"));
  return staged;
}

absl::Status MasterKeyFile::Sync() const { return base::Sync(folder_, folder_path_); }

absl::Status MasterKeyFile::CreateNamed(const std::string& name, base::ByteSpan content) const {
  JET_ASSIGN_OR_RETURN(const std::string staged, Stage(content));
  if (RenameNoReplace(staging_, staged, folder_, name) == 0) return Sync();
  absl::Status status = base::SystemError(
      errno, absl::StrCat("cannot put '", name, "' in its place in '", folder_path_, "'"));
  (void)unlinkat(staging_, staged.c_str(), 0);
  return status;
}

absl::Status MasterKeyFile::Create(base::ByteSpan content) const {
  return CreateNamed(name_, content);
}

absl::Status MasterKeyFile::CreateNext(base::ByteSpan content) const {
  return CreateNamed(name_ + kNextSuffix, content);
}

absl::Status MasterKeyFile::Replace(base::ByteSpan content) const {
  JET_ASSIGN_OR_RETURN(const std::string staged, Stage(content));
  if (renameat(staging_, staged.c_str(), folder_, name_.c_str()) == 0) return Sync();
  absl::Status status = base::SystemError(errno, absl::StrCat("cannot replace '", path_, "'"));
  (void)unlinkat(staging_, staged.c_str(), 0);
  return status;
}

absl::Status MasterKeyFile::PromoteNext() const {
  JET_RETURN_IF_ERROR(CheckWritable());
  const std::string next = name_ + kNextSuffix;
  if (renameat(folder_, next.c_str(), folder_, name_.c_str()) == 0) return Sync();
  return base::SystemError(
      errno, absl::StrCat("cannot put '", next_path(), "' in the place of '", path_, "'"));
}

}  // namespace jet::keystore

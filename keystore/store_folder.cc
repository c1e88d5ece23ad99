#include "keystore/store_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "keystore/atomic_rename.h"
#include "keystore/key_exchange.h"
#include "keystore/master_key_file.h"
#include "keystore/ownership.h"
#include "keystore/rename.h"

namespace jet::keystore {
namespace {

constexpr char kKeys[] = "keys";
constexpr char kStaging[] = "staging";
constexpr mode_t kRootMode = 0700;

absl::Status MakeRoot(const std::string& path) {
  struct stat status = {};
  // What exists may be on a read-only mount or below a folder that cannot be read.
  if (stat(path.c_str(), &status) == 0) return absl::OkStatus();
  return base::MakeFolder(path, kRootMode);
}

absl::Status NoKeystore(absl::string_view path, absl::string_view why) {
  return absl::NotFoundError(absl::StrCat("there is no keystore at '", path, "': ", why,
                                          " (it is made with the first key)"));
}

}  // namespace

absl::StatusOr<StoreFolder> StoreFolder::Open(absl::string_view path, Access access) {
  StoreFolder folder(base::WithoutTrailingSlashes(path), access != Access::kRead);
  if (access == Access::kCreate) JET_RETURN_IF_ERROR(MakeRoot(folder.path_));
  JET_RETURN_IF_ERROR(folder.OpenRoot());
  JET_RETURN_IF_ERROR(folder.Lock());
  JET_RETURN_IF_ERROR(folder.OpenKeys(access));
  JET_RETURN_IF_ERROR(folder.OpenReplaced());
  if (folder.writable_) JET_RETURN_IF_ERROR(folder.OpenStaging());
  return folder;
}

absl::Status StoreFolder::OpenRoot() {
  absl::StatusOr<base::UniqueFd> root = base::OpenAt(AT_FDCWD, path_, O_RDONLY | O_DIRECTORY);
  if (absl::IsNotFound(root.status())) return NoKeystore(path_, "there is no such folder");
  JET_RETURN_IF_ERROR(root.status());
  root_ = *std::move(root);
  return CheckOwnership(root_.get(), path_, OthersMay::kRead);
}

absl::Status StoreFolder::Lock() const {
  return base::WaitForLock(root_.get(),
                           writable_ ? base::LockKind::kExclusive : base::LockKind::kShared,
                           absl::StrCat("the keystore '", path_, "'"));
}

absl::Status StoreFolder::OpenKeys(Access access) {
  const std::string keys_path = absl::StrCat(path_, "/", kKeys);
  absl::StatusOr<base::UniqueFd> keys = OpenOwnFolder(root_.get(), kKeys, keys_path);
  if (absl::IsNotFound(keys.status())) {
    if (access != Access::kCreate) return NoKeystore(path_, "the folder has no 'keys' in it");
    JET_RETURN_IF_ERROR(MakeKeys());
    keys = OpenOwnFolder(root_.get(), kKeys, keys_path);
  }
  JET_RETURN_IF_ERROR(keys.status());
  keys_ = *std::move(keys);
  return absl::OkStatus();
}

absl::Status StoreFolder::MakeKeys() const {
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names, base::ListFolder(root_.get(), path_));
  for (const std::string& name : names) {
    // Somebody's other folder: what is in its staging/ would be swept.
    if (name != "master.key" && name != "lost+found") {
      return absl::FailedPreconditionError(
          absl::StrCat("'", path_, "' is not a keystore and holds other things ('", name,
                       "'); name a new or an empty folder"));
    }
  }
  return MakeOwnFolder(root_.get(), kKeys, absl::StrCat(path_, "/", kKeys));
}

absl::Status StoreFolder::OpenStaging() {
  const std::string staging_path = absl::StrCat(path_, "/", kStaging);
  JET_RETURN_IF_ERROR(MakeOwnFolder(root_.get(), kStaging, staging_path));
  JET_ASSIGN_OR_RETURN(staging_, OpenOwnFolder(root_.get(), kStaging, staging_path));
  return Recover();
}

absl::Status StoreFolder::OpenReplaced() {
  absl::StatusOr<base::UniqueFd> replaced =
      OpenOwnFolder(root_.get(), kReplaced, absl::StrCat(path_, "/", kReplaced));
  if (absl::IsNotFound(replaced.status())) return absl::OkStatus();
  JET_RETURN_IF_ERROR(replaced.status());
  replaced_ = *std::move(replaced);
  return absl::OkStatus();
}

absl::Status StoreFolder::Recover() {
  JET_ASSIGN_OR_RETURN(std::vector<std::string> exchanges, FinishExchanges(*this));
  recovered_.insert(recovered_.end(), exchanges.begin(), exchanges.end());
  replaced_.Reset();
  JET_ASSIGN_OR_RETURN(const absl::optional<std::string> rename, FinishRename(*this));
  if (rename.has_value()) recovered_.push_back(*rename);
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> left_over,
                       base::ListFolder(staging_.get(), absl::StrCat(path_, "/", kStaging)));
  for (const std::string& staged : left_over) {
    JET_RETURN_IF_ERROR(RemoveStaged(staged));
    recovered_.push_back(absl::StrCat("removed what was left over in staging/", staged));
  }
  return absl::OkStatus();
}

std::string StoreFolder::KeyPath(absl::string_view name) const {
  return absl::StrCat(path_, "/", kKeys, "/", name);
}

absl::Status StoreFolder::CheckWritable() const {
  if (writable_) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the keystore '", path_, "' was opened for reading only"));
}

absl::StatusOr<std::vector<std::string>> StoreFolder::KeyNames() const {
  JET_ASSIGN_OR_RETURN(std::vector<std::string> names,
                       base::ListFolder(keys_.get(), absl::StrCat(path_, "/", kKeys)));
  if (!replaced_.valid()) return names;
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> replaced,
                       base::ListFolder(replaced_.get(), absl::StrCat(path_, "/", kReplaced)));
  names.insert(names.end(), replaced.begin(), replaced.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

int StoreFolder::ParentOf(const std::string& name) const {
  struct stat status = {};
  const bool missing = fstatat(keys_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0;
  return missing && replaced_.valid() ? replaced_.get() : keys_.get();
}

bool StoreFolder::HasMasterKey() const {
  struct stat status = {};
  return fstatat(root_.get(), kMasterKeyFile, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

absl::StatusOr<bool> StoreFolder::HasEntry(const std::string& name) const {
  struct stat status = {};
  if (fstatat(keys_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  return base::SystemError(errno, absl::StrCat("cannot stat '", KeyPath(name), "'"));
}

std::string StoreFolder::NewStagedName(absl::string_view name) {
  return absl::StrCat(name, ".", getpid(), ".", staged_count_++);
}

absl::Status StoreFolder::CommitKey(const std::string& staged, const std::string& name) const {
  if (RenameNoReplace(staging_.get(), staged, keys_.get(), name) != 0) {
    return base::SystemError(errno, absl::StrCat("cannot put '", KeyPath(name), "' in its place"));
  }
  const absl::Status synced = base::Sync(keys_.get(), absl::StrCat(path_, "/", kKeys));
  // What may not survive a power cut is not stored, and must not look as if it were.
  if (!synced.ok()) (void)RenameNoReplace(keys_.get(), name, staging_.get(), staged);
  return synced;
}

absl::Status StoreFolder::TakeOutKey(const std::string& name, const std::string& staged) const {
  if (RenameNoReplace(keys_.get(), name, staging_.get(), staged) != 0) {
    return base::SystemError(errno, absl::StrCat("cannot move '", KeyPath(name), "' to staging"));
  }
  const absl::Status synced = base::Sync(keys_.get(), absl::StrCat(path_, "/", kKeys));
  // A power cut could bring it back: as good as not removed.
  if (!synced.ok()) (void)RenameNoReplace(staging_.get(), staged, keys_.get(), name);
  return synced;
}

bool StoreFolder::HasFolder(const std::string& name) const {
  struct stat status = {};
  return fstatat(ParentOf(name), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(status.st_mode);
}

absl::Status StoreFolder::CheckRemovable(const std::string& name) const {
  const absl::StatusOr<base::UniqueFd> folder =
      base::OpenAt(keys_.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (base::ErrnoOf(folder.status()) == ENOTDIR) return absl::OkStatus();
  JET_RETURN_IF_ERROR(folder.status());
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                       base::ListFolder(folder->get(), KeyPath(name)));
  for (const std::string& file : names) {
    struct stat status = {};
    if (fstatat(folder->get(), file.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(status.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrCat("'", KeyPath(name), "' holds the folder '", file,
                       "', which no key has; move that away first"));
    }
  }
  return absl::OkStatus();
}

absl::Status StoreFolder::SyncRoot() const { return base::Sync(root_.get(), path_); }

absl::Status StoreFolder::SyncStaging() const {
  return base::Sync(staging_.get(), absl::StrCat(path_, "/", kStaging));
}

absl::Status StoreFolder::RemoveStaged(const std::string& staged) const {
  if (unlinkat(staging_.get(), staged.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  const std::string staged_path = absl::StrCat(path_, "/", kStaging, "/", staged);
  if (errno != EISDIR) {
    return base::SystemError(errno, absl::StrCat("cannot remove '", staged_path, "'"));
  }
  return base::Annotate(base::RemoveFlatFolderAt(staging_.get(), staged),
                        absl::StrCat("cannot sweep '", staged_path, "'"));
}

}  // namespace jet::keystore

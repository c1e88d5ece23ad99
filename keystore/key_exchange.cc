#include "keystore/key_exchange.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/unique_fd.h"
#include "keystore/atomic_rename.h"
#include "keystore/ownership.h"

namespace jet::keystore {
namespace {

std::string ReplacedPath(const StoreFolder& folder) {
  return absl::StrCat(folder.path(), "/", kReplaced);
}

absl::Status SyncKeys(const StoreFolder& folder) {
  return base::Sync(folder.keys(), absl::StrCat(folder.path(), "/keys"));
}

absl::Status CannotExchange(int error_number, const StoreFolder& folder, const std::string& name) {
  return base::SystemError(error_number,
                           absl::StrCat("cannot replace '", folder.KeyPath(name), "'"));
}

// A way to move a folder, by descriptors.
struct Move {
  int from_fd;
  const std::string& from;
  int to_fd;
  const std::string& to;
};

absl::Status MoveAndSync(const StoreFolder& folder, const Move& move, const std::string& name) {
  if (RenameNoReplace(move.from_fd, move.from, move.to_fd, move.to) != 0) {
    return CannotExchange(errno, folder, name);
  }
  JET_RETURN_IF_ERROR(base::Sync(move.to_fd, folder.path()));
  return base::Sync(move.from_fd, folder.path());
}

absl::Status RemoveReplaced(const StoreFolder& folder) {
  if (unlinkat(folder.descriptor(), kReplaced, AT_REMOVEDIR) == 0) return absl::OkStatus();
  return base::SystemError(errno, absl::StrCat("cannot remove '", ReplacedPath(folder), "'"));
}

// The three renames that do what one exchange does: at every moment the key is in keys/, or in
// replaced/ where readers look for it and the next writer puts it back.
absl::Status ExchangeByReplaced(const StoreFolder& folder, const std::string& staged,
                                const std::string& name) {
  JET_RETURN_IF_ERROR(MakeOwnFolder(folder.descriptor(), kReplaced, ReplacedPath(folder)));
  JET_ASSIGN_OR_RETURN(const base::UniqueFd replaced,
                       OpenOwnFolder(folder.descriptor(), kReplaced, ReplacedPath(folder)));
  JET_RETURN_IF_ERROR(folder.SyncRoot());
  absl::Status status = MoveAndSync(folder, {folder.keys(), name, replaced.get(), name}, name);
  if (status.ok()) {
    status = MoveAndSync(folder, {folder.staging(), staged, folder.keys(), name}, name);
  }
  if (!status.ok()) {
    (void)RenameNoReplace(replaced.get(), name, folder.keys(), name);
    return status;
  }
  JET_RETURN_IF_ERROR(MoveAndSync(folder, {replaced.get(), name, folder.staging(), staged}, name));
  return RemoveReplaced(folder);
}

}  // namespace

absl::Status ExchangeKey(const StoreFolder& folder, const std::string& staged,
                         const std::string& name) {
  if (RenameExchange(folder.staging(), staged, folder.keys(), name) != 0) {
    if (errno != ENOSYS && errno != EINVAL) return CannotExchange(errno, folder, name);
    return ExchangeByReplaced(folder, staged, name);
  }
  const absl::Status synced = SyncKeys(folder);
  // Which form survives a power cut is open; both are whole on the disk, and the old one is known
  // to be readable.
  if (!synced.ok()) (void)RenameExchange(folder.staging(), staged, folder.keys(), name);
  return synced;
}

absl::StatusOr<std::vector<std::string>> FinishExchanges(StoreFolder& folder) {
  std::vector<std::string> done;
  if (folder.replaced() < 0) return done;
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                       base::ListFolder(folder.replaced(), ReplacedPath(folder)));
  for (const std::string& name : names) {
    JET_ASSIGN_OR_RETURN(const bool stored, folder.HasEntry(name));
    const std::string staged = folder.NewStagedName(name);
    JET_RETURN_IF_ERROR(
        stored ? MoveAndSync(folder, {folder.replaced(), name, folder.staging(), staged}, name)
               : MoveAndSync(folder, {folder.replaced(), name, folder.keys(), name}, name));
    done.push_back(
        absl::StrCat(stored ? "removed the earlier form of the key '" : "put back the key '", name,
                     "', which was being replaced"));
  }
  JET_RETURN_IF_ERROR(RemoveReplaced(folder));
  return done;
}

}  // namespace jet::keystore

#include "keystore/pending_work.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "keystore/ownership.h"

namespace jet::keystore {
namespace {

constexpr char kPending[] = "pending";
constexpr char kNew[] = ".new";  // no key can have this name
constexpr mode_t kEntryMode = 0600;
constexpr size_t kMaxEntry = 64 * 1024;

absl::Status Lock(int fd, absl::string_view path) {
  return base::WaitForLock(fd, base::LockKind::kExclusive, absl::StrCat("'", path, "'"));
}

absl::StatusOr<base::UniqueFd> OpenStore(const std::string& path) {
  JET_ASSIGN_OR_RETURN(base::UniqueFd fd, base::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  JET_RETURN_IF_ERROR(CheckOwnership(fd.get(), path, OthersMay::kRead));
  return fd;
}

// Opens the folder `name`, and makes it where there is none.
absl::StatusOr<base::UniqueFd> OpenOrMake(int dir_fd, const std::string& name,
                                          const std::string& path) {
  absl::StatusOr<base::UniqueFd> opened = OpenOwnFolder(dir_fd, name, path);
  if (!absl::IsNotFound(opened.status())) return opened;
  JET_RETURN_IF_ERROR(MakeOwnFolder(dir_fd, name, path));
  JET_RETURN_IF_ERROR(base::Sync(dir_fd, path));
  return OpenOwnFolder(dir_fd, name, path);
}

absl::Status Unlink(int dir_fd, const std::string& name, absl::string_view path) {
  if (unlinkat(dir_fd, name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  return base::SystemError(errno, absl::StrCat("cannot remove '", path, "'"));
}

// Writes the file `name` durably, so that there is the old one or the new one and never half of it.
absl::Status Replace(int dir_fd, const std::string& name, const std::string& path,
                     const std::string& content) {
  JET_RETURN_IF_ERROR(Unlink(dir_fd, kNew, path));
  JET_RETURN_IF_ERROR(base::WriteNewFileAt(dir_fd, kNew, kEntryMode, base::AsBytes(content)));
  if (renameat(dir_fd, kNew, dir_fd, name.c_str()) == 0) return absl::OkStatus();
  return base::SystemError(errno, absl::StrCat("cannot put '", path, "' in its place"));
}

}  // namespace

absl::StatusOr<PendingWork> PendingWork::Open(const std::string& store_path) {
  JET_ASSIGN_OR_RETURN(const base::UniqueFd store, OpenStore(store_path));
  std::string path = absl::StrCat(store_path, "/", kPending);
  JET_ASSIGN_OR_RETURN(base::UniqueFd folder, OpenOrMake(store.get(), kPending, path));
  return PendingWork(std::move(path), std::move(folder));
}

absl::StatusOr<absl::optional<PendingWork>> PendingWork::OpenExisting(
    const std::string& store_path) {
  const absl::StatusOr<base::UniqueFd> store = OpenStore(store_path);
  if (absl::IsNotFound(store.status())) return absl::optional<PendingWork>();
  JET_RETURN_IF_ERROR(store.status());
  std::string path = absl::StrCat(store_path, "/", kPending);
  absl::StatusOr<base::UniqueFd> folder = OpenOwnFolder(store->get(), kPending, path);
  if (absl::IsNotFound(folder.status())) return absl::optional<PendingWork>();
  JET_RETURN_IF_ERROR(folder.status());
  return absl::optional<PendingWork>(PendingWork(std::move(path), *std::move(folder)));
}

std::string PendingWork::PathOf(absl::string_view peer, absl::string_view name) const {
  std::string path = absl::StrCat(path_, "/", peer);
  if (!name.empty()) absl::StrAppend(&path, "/", name);
  return path;
}

absl::StatusOr<base::UniqueFd> PendingWork::OpenPeer(const std::string& peer) const {
  return OpenOwnFolder(folder_.get(), peer, PathOf(peer));
}

absl::StatusOr<base::UniqueFd> PendingWork::MakePeer(const std::string& peer) const {
  JET_RETURN_IF_ERROR(CheckKeyName(peer));
  return OpenOrMake(folder_.get(), peer, PathOf(peer));
}

absl::StatusOr<PendingWork::PeerLock> PendingWork::LockPeer(const std::string& peer) const {
  JET_ASSIGN_OR_RETURN(base::UniqueFd folder, MakePeer(peer));
  JET_RETURN_IF_ERROR(Lock(folder.get(), PathOf(peer)));
  return PeerLock(std::move(folder));
}

absl::StatusOr<PendingEntry> PendingWork::Read(int peer_fd, const std::string& peer,
                                               const std::string& name) const {
  const std::string path = PathOf(peer, name);
  const absl::StatusOr<base::UniqueFd> file = OpenOwnFile(peer_fd, name, path, OthersMay::kNothing);
  if (absl::IsNotFound(file.status())) return PendingEntry();
  JET_RETURN_IF_ERROR(file.status());
  JET_ASSIGN_OR_RETURN(const base::Bytes content, base::ReadBounded(file->get(), kMaxEntry, path));
  absl::StatusOr<PendingEntry> entry = DecodePendingEntry(content);
  if (!entry.ok()) return base::Annotate(entry.status(), absl::StrCat("'", path, "'"));
  return entry;
}

absl::Status PendingWork::Write(int peer_fd, const std::string& peer, const std::string& name,
                                const PendingEntry& entry) const {
  const std::string path = PathOf(peer, name);
  if (entry.empty()) {
    JET_RETURN_IF_ERROR(Unlink(peer_fd, name, path));
  } else {
    JET_RETURN_IF_ERROR(Replace(peer_fd, name, path, EncodePendingEntry(entry)));
  }
  return base::Sync(peer_fd, PathOf(peer));
}

absl::StatusOr<PendingEntry> PendingWork::Find(const std::string& peer,
                                               const std::string& name) const {
  const absl::StatusOr<base::UniqueFd> folder = OpenPeer(peer);
  if (absl::IsNotFound(folder.status())) return PendingEntry();
  JET_RETURN_IF_ERROR(folder.status());
  return Read(folder->get(), peer, name);
}

absl::StatusOr<std::vector<PendingItem>> PendingWork::List() const {
  std::vector<PendingItem> items;
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> peers,
                       base::ListFolder(folder_.get(), path_));
  for (const std::string& peer : peers) {
    JET_ASSIGN_OR_RETURN(const base::UniqueFd folder, OpenPeer(peer));
    JET_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         base::ListFolder(folder.get(), PathOf(peer)));
    for (const std::string& name : names) {
      if (name == kNew) continue;
      PendingItem item = {peer, name, Read(folder.get(), peer, name)};
      // Empty: it was removed since the folder was listed.
      if (!item.entry.ok() || !item.entry->empty()) items.push_back(std::move(item));
    }
  }
  return items;
}

absl::Status PendingWork::Change(const std::string& peer, const std::string& name,
                                 absl::FunctionRef<void(PendingEntry&)> change) const {
  JET_RETURN_IF_ERROR(CheckKeyName(name));
  JET_ASSIGN_OR_RETURN(const base::UniqueFd folder, MakePeer(peer));
  // A descriptor of its own: the lock is gone with it.
  JET_ASSIGN_OR_RETURN(const base::UniqueFd lock,
                       base::OpenAt(folder_.get(), ".", O_RDONLY | O_DIRECTORY));
  JET_RETURN_IF_ERROR(Lock(lock.get(), path_));
  const absl::StatusOr<PendingEntry> before = Read(folder.get(), peer, name);
  PendingEntry after = before.value_or(PendingEntry());
  change(after);
  if (before.ok() && *before == after) return absl::OkStatus();
  return Write(folder.get(), peer, name, after);
}

}  // namespace jet::keystore

#include <fcntl.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/status_macros.h"
#include "keystore/store_layout.h"
#include "keystore/verify.h"

namespace jet::keystore {
namespace {

constexpr char kKeys[] = "keys";

absl::StatusOr<base::UniqueFd> OpenFolder(int dir_fd, const std::string& name) {
  return base::OpenAt(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// Mends the modes of the whole store, top down, so that what is below can be reached.
absl::StatusOr<std::vector<std::string>> MendModes(const std::string& path) {
  LayoutInspector inspector(Layout::kMend);
  inspector.Inspect(AT_FDCWD, path, RootRow(), path);
  JET_ASSIGN_OR_RETURN(const base::UniqueFd root,
                       base::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  JET_RETURN_IF_ERROR(base::WaitForLock(root.get(), base::LockKind::kExclusive,
                                        absl::StrCat("the keystore '", path, "'")));
  JET_RETURN_IF_ERROR(inspector.InspectEntries(root.get(), RootEntries(), path));
  JET_ASSIGN_OR_RETURN(const base::UniqueFd keys, OpenFolder(root.get(), kKeys));
  const std::string keys_path = absl::StrCat(path, "/", kKeys);
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                       base::ListFolder(keys.get(), keys_path));
  for (const std::string& name : names) {
    const std::string key_path = absl::StrCat(keys_path, "/", name);
    inspector.Inspect(keys.get(), name, KeyFolderRow(), key_path);
    const absl::StatusOr<base::UniqueFd> key = OpenFolder(keys.get(), name);
    if (!key.ok()) continue;  // Verify says so
    JET_RETURN_IF_ERROR(inspector.InspectEntries(key->get(), KeyFolderEntries(), key_path));
  }
  return inspector.mended();
}

absl::Status FinishRekey(Keystore& store, std::vector<std::string>& done) {
  JET_ASSIGN_OR_RETURN(const bool unfinished, store.HasUnfinishedRekey());
  if (!unfinished) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(const RekeyReport report, store.Rekey());
  done.push_back(absl::StrCat("went on with the rekey: moved ", report.moved.size(),
                              " keys to the store key ", report.store_key_id));
  return absl::OkStatus();
}

}  // namespace

RepairReport Repair(const std::string& path, const MasterKeyOptions& master_key) {
  RepairReport report;
  absl::StatusOr<std::vector<std::string>> mended = MendModes(path);
  report.status = mended.status();
  if (!mended.ok()) return report;
  report.done = *std::move(mended);
  absl::StatusOr<Keystore> store = Keystore::Open(path, Access::kWrite, master_key);
  report.status = store.status();
  if (!store.ok()) return report;
  report.done.insert(report.done.end(), store->recovered().begin(), store->recovered().end());
  report.status = FinishRekey(*store, report.done);
  return report;
}

}  // namespace jet::keystore

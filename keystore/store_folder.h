// The folder of a keystore: opened, checked, locked, and changed by renames.
#ifndef JET_KEYSTORE_STORE_FOLDER_H_
#define JET_KEYSTORE_STORE_FOLDER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/unique_fd.h"
#include "keystore/keystore.h"

namespace jet::keystore {

// Holds the descriptors and the lock of an open keystore (docs/formats/keystore.md). What is new is
// written into staging/ and renamed to where it belongs, so that nobody ever sees half of it.
// Not thread-safe; move only.
class StoreFolder {
 public:
  // Does what Keystore::Open says.
  static absl::StatusOr<StoreFolder> Open(absl::string_view path, Access access);

  const std::string& path() const { return path_; }
  int descriptor() const { return root_.get(); }
  int keys() const { return keys_.get(); }
  int staging() const { return staging_.get(); }

  // What a killed writer had left and this opening has put in order, in words.
  const std::vector<std::string>& recovered() const { return recovered_; }

  // Where the folder of the key `name` is, for people.
  std::string KeyPath(absl::string_view name) const;

  // The folder that the folder of the key `name` is in: keys/, or, for a reader that finds what a
  // killed rekey left, replaced/ (keystore/key_exchange.h).
  int ParentOf(const std::string& name) const;

  // replaced/, -1 when there is none. A writer has none: opening the store put it in order.
  int replaced() const { return replaced_.get(); }

  // True when there is a master.key in the store's folder.
  bool HasMasterKey() const;

  // FAILED_PRECONDITION when the store was opened for reading.
  absl::Status CheckWritable() const;

  // Returns what there is in keys/, sorted: keys, and whatever else somebody put there.
  absl::StatusOr<std::vector<std::string>> KeyNames() const;

  // True when there is anything by this name in keys/.
  absl::StatusOr<bool> HasEntry(const std::string& name) const;

  // Returns a name for staging/ that is not in use there.
  std::string NewStagedName(absl::string_view name);

  // Renames the folder `staged` to keys/`name` and syncs keys/: from then on the key is stored.
  // ALREADY_EXISTS when the name is taken. When it fails the key is not in keys/.
  absl::Status CommitKey(const std::string& staged, const std::string& name) const;

  // The reverse: when it fails the key is still in keys/.
  absl::Status TakeOutKey(const std::string& name, const std::string& staged) const;

  // True when what is in keys/ by this name is a folder, as every key is.
  bool HasFolder(const std::string& name) const;

  // FAILED_PRECONDITION when keys/`name` holds a folder: RemoveStaged could not remove it, and no
  // later sweep could.
  absl::Status CheckRemovable(const std::string& name) const;

  // Syncs the store's folder itself: master.key, and keys/.
  absl::Status SyncRoot() const;

  // Syncs staging/.
  absl::Status SyncStaging() const;

  // Removes a file or a folder of files from staging/. OK when there is none.
  absl::Status RemoveStaged(const std::string& staged) const;

 private:
  StoreFolder(std::string path, bool writable) : path_(std::move(path)), writable_(writable) {}

  absl::Status OpenRoot();
  absl::Status Lock() const;
  absl::Status OpenKeys(Access access);
  absl::Status OpenReplaced();
  absl::Status OpenStaging();
  absl::Status Recover();
  absl::Status MakeKeys() const;

  std::string path_;
  bool writable_;
  unsigned staged_count_ = 0;
  base::UniqueFd root_;  // holds the lock
  base::UniqueFd keys_;
  base::UniqueFd staging_;  // of a writer only
  base::UniqueFd replaced_;
  std::vector<std::string> recovered_;
};

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_STORE_FOLDER_H_

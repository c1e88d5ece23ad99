// The store key of an open keystore: found, opened with a passphrase, protected, replaced.
#ifndef JET_KEYSTORE_MASTER_KEY_H_
#define JET_KEYSTORE_MASTER_KEY_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "crypto/secret.h"
#include "keystore/keystore.h"
#include "keystore/master_key_file.h"
#include "keystore/store_key.h"

namespace jet::keystore {

// Reads the store key when it is first needed, and keeps it. Not thread-safe.
class MasterKey {
 public:
  MasterKey(MasterKeyHome home, MasterKeyOptions options)
      : home_(std::move(home)), options_(std::move(options)) {}
  MasterKey(const MasterKey&) = delete;
  MasterKey& operator=(const MasterKey&) = delete;

  // Returns the store keys; valid as long as this object, or until it is changed. Calls for a
  // passphrase when one protects them. NOT_FOUND when there is none, FAILED_PRECONDITION when
  // others may use the file or no passphrase can be had, PERMISSION_DENIED when the passphrase is
  // wrong, DATA_LOSS when the file holds no store key.
  absl::StatusOr<const StoreKeys*> Open();

  // As Open, but FAILED_PRECONDITION instead of asking somebody for a passphrase.
  absl::StatusOr<const StoreKeys*> OpenUnasked();

  // What a reader checks records with: the store keys, null where they are not at hand. Fails only
  // where a passphrase was given for them and does not open them.
  absl::StatusOr<const StoreKeys*> ForReading();

  // Makes the file with a new store key. ALREADY_EXISTS when there is one.
  absl::Status Make();

  // True when a passphrase protects the file.
  absl::StatusOr<bool> IsProtected() const;

  // True when Open calls for a passphrase, for the file or the next one. DATA_LOSS when the file is
  // damaged: then it does not come to that.
  absl::StatusOr<bool> NeedsPassphrase() const;

  // True when there is a next store key: a rekey has begun and not ended.
  absl::StatusOr<bool> HasNext() const;

  // Writes the file anew, under `passphrase` or, where that is null, as it is. FAILED_PRECONDITION
  // while there is a next store key.
  absl::Status Rewrite(const crypto::Secret* passphrase);

  // Makes the next store key and its file, protected as the file is. REQUIRES: there is none.
  absl::Status MakeNext();

  // Puts the next store key in the place of the present one.
  absl::Status PromoteNext();

  // Syncs the folder of the file: whoever made the file, or the next one, may have been killed
  // before it could.
  absl::Status Sync() const;

  // For messages: where the store key is.
  std::string path() const;
  bool is_elsewhere() const { return !options_.file.empty(); }

 private:
  absl::StatusOr<MasterKeyFile> OpenFile() const {
    return MasterKeyFile::Open(home_, options_.file);
  }
  absl::StatusOr<StoreKeys> Load();
  absl::StatusOr<StoreKey> Decode(crypto::Secret content, const std::string& path);
  absl::Status NeedPassphrase(const std::string& path);

  const MasterKeyHome home_;
  const MasterKeyOptions options_;
  absl::optional<absl::StatusOr<StoreKeys>> keys_;
  absl::optional<crypto::Secret> passphrase_;  // that the file is protected by, once it was had
};

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_MASTER_KEY_H_

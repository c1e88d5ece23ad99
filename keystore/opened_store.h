// A keystore that is open, and the steps that its operations are made of.
#ifndef JET_KEYSTORE_OPENED_STORE_H_
#define JET_KEYSTORE_OPENED_STORE_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "keystore/key_folder.h"
#include "keystore/keystore.h"
#include "keystore/master_key.h"
#include "keystore/store_folder.h"

namespace jet::keystore {

// The folder of a keystore and its store key. Holds the lock; not thread-safe.
class OpenedStore {
 public:
  OpenedStore(StoreFolder opened, MasterKeyOptions options)
      : folder_(std::move(opened)),
        master_key_({folder_.path(), folder_.descriptor(), folder_.staging()}, std::move(options)) {
  }

  StoreFolder& folder() { return folder_; }
  MasterKey& master_key() { return master_key_; }

  // Reads one key, as Keystore::Find, but one that waits for its certificate as well.
  absl::StatusOr<KeyFolder> Find(absl::string_view name);

  // Reads every key, as Keystore::List.
  absl::StatusOr<KeyListing> ReadAll();

  // Calls for the store key's passphrase if need be, and decrypts the private key of a key that was
  // found. FAILED_PRECONDITION when the store key cannot be had; else as OpenPrivateKeyOf.
  absl::StatusOr<crypto::PrivateKey> OpenPrivateKey(const KeyFolder& found);

  // OK when a new key may have the name: ALREADY_EXISTS when there is one.
  absl::Status CheckNewName(const std::string& name);

  // ALREADY_EXISTS when the key id of `certificate` could also mean another key of the store.
  absl::Status CheckNoTwin(const std::string& name, const pki::Certificate& certificate);

  // Writes the folder of a key into staging/ as `staged`, under the newest store key (made if there
  // is none), and reads it back: a key that cannot be opened again must not be stored as if it
  // could. `private_key` takes the place of files.private_key_pem; it may be null.
  absl::StatusOr<KeyFolder> Stage(const std::string& staged, KeyFiles files,
                                  const crypto::PrivateKey* private_key);

  // As Stage, for a key that is stored and gets the name `name`: its private key goes along as it
  // is, under the store key that it is under.
  absl::StatusOr<KeyFolder> StageRenamed(const std::string& staged, const KeyFolder& key,
                                         const std::string& name);

  // Does all of a removal that can be refused; see Keystore::Remove.
  absl::Status PrepareRemoval(const std::string& name, KeyStep unlink);

 private:
  KeyPlace PlaceOf(const std::string& name) const;
  absl::StatusOr<const StoreKeys*> OpenOrMakeStoreKey();
  absl::StatusOr<KeyFolder> Read(const std::string& name);
  absl::Status NoSuchKey(absl::string_view name) const;

  StoreFolder folder_;
  MasterKey master_key_;
};

// A folder in staging/ that is removed at the end of its life, if it is still there. What cannot be
// removed, the next writer sweeps.
class StagedKey {
 public:
  StagedKey(StoreFolder& folder, absl::string_view key_name)
      : folder_(folder), name_(folder.NewStagedName(key_name)) {}
  StagedKey(const StagedKey&) = delete;
  StagedKey& operator=(const StagedKey&) = delete;
  ~StagedKey() { (void)folder_.RemoveStaged(name_); }

  const std::string& name() const { return name_; }

 private:
  StoreFolder& folder_;
  std::string name_;
};

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_OPENED_STORE_H_

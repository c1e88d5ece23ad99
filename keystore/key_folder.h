// The folder of one key: its certificate, its private key and its record.
#ifndef JET_KEYSTORE_KEY_FOLDER_H_
#define JET_KEYSTORE_KEY_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/bytes.h"
#include "crypto/private_key.h"
#include "keystore/keystore.h"
#include "keystore/store_key.h"

namespace jet::keystore {

// Where the folder of a key is.
struct KeyPlace {
  int parent;          // keys/ or staging/
  std::string folder;  // the folder's name there
  std::string path;    // the folder, for people
};

struct KeyFolder {
  StoredKey key;
  std::string store_key_id;  // of the store key that its record names
  std::string private_key_path;
  base::Bytes private_key_pem;  // encrypted; empty when there is none
};

// True for a failure that says nothing about a key: this process has no descriptor or memory left.
bool IsOwnFailure(const absl::Status& status);

// True for a failure to read a key that says that the key is damaged; false for what the system
// failed at, after which it may be found whole.
bool IsDamage(const absl::Status& status);

// Makes the folder and its files and syncs them, the folder last.
absl::Status WriteKeyFolder(const KeyPlace& place, const NewKey& key, const StoreKey& store_key,
                            absl::Time created);

// As WriteKeyFolder, for a key that is stored already: the folder gets the same certificate, the same
// private key, byte for byte, and a record under the name `new_name`.
absl::Status WriteRenamedKeyFolder(const KeyPlace& place, const KeyFolder& key,
                                   absl::string_view new_name, const StoreKey& store_key);

// Reads the folder of the key `name`. NOT_FOUND when there is none; DATA_LOSS says what in it
// contradicts what. `store_keys` is null when none is at hand; then the record's HMAC is not
// checked, and StoredKey::record_authenticated says so.
absl::StatusOr<KeyFolder> ReadKeyFolder(const KeyPlace& place, absl::string_view name,
                                        const StoreKeys* store_keys);

// Decrypts the private key, which must be there. DATA_LOSS when it does not open, or does not
// belong to the certificate, or its store key is not at hand.
absl::StatusOr<crypto::PrivateKey> OpenPrivateKeyOf(const KeyFolder& folder,
                                                    const StoreKeys& store_keys);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_KEY_FOLDER_H_

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
#include "keystore/master_key.h"

namespace jet::keystore {

// Where the folder of a key is.
struct KeyPlace {
  int parent;          // keys/ or staging/
  std::string folder;  // the folder's name there
  std::string path;    // the folder, for people
};

struct KeyFolder {
  StoredKey key;
  std::string private_key_path;
  base::Bytes private_key_pem;  // encrypted; empty when there is none
};

// Makes the folder and its files and syncs them, the folder last.
absl::Status WriteKeyFolder(const KeyPlace& place, const NewKey& key, const StoreKey& store_key,
                            absl::Time created);

// Reads the folder of the key `name`. NOT_FOUND when there is none; DATA_LOSS says what in it
// contradicts what. `store_key` is null when it is not at hand; then the record's HMAC is not
// checked, and StoredKey::record_authenticated says so.
absl::StatusOr<KeyFolder> ReadKeyFolder(const KeyPlace& place, absl::string_view name,
                                        const StoreKey* store_key);

// Decrypts the private key, which must be there. DATA_LOSS when it does not open, or does not
// belong to the certificate.
absl::StatusOr<crypto::PrivateKey> OpenPrivateKeyOf(const KeyFolder& folder,
                                                    const StoreKey& store_key);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_KEY_FOLDER_H_

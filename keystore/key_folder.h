// The folder of one key: its certificate or the request for one, its private key and its record.
#ifndef JET_KEYSTORE_KEY_FOLDER_H_
#define JET_KEYSTORE_KEY_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/variant.h"
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

// What a key's folder holds, besides the record made of it.
struct KeyFiles {
  std::string name;
  absl::variant<pki::Certificate, pki::CertificateRequest> document;
  base::Bytes private_key_pem = {};  // under a store key; empty when there is none in a file
  std::string private_key_uri = {};  // of one in a token; else empty
  KeyOrigin origin = KeyOrigin::kImported;
  absl::Time created;

  bool waits() const { return absl::holds_alternative<pki::CertificateRequest>(document); }
  const crypto::PublicKey& public_key() const;
  const base::Bytes& document_der() const;
};

// A key's folder as it was read.
struct KeyFolder {
  KeyFiles files;
  std::string path;          // the folder, for people
  std::string store_key_id;  // of the store key that its record names
  bool record_authenticated = false;
};

// The key as callers of the keystore see it. REQUIRES: it has a certificate, or waits for one.
StoredKey StoredKeyOf(const KeyFolder& folder);
WaitingKey WaitingKeyOf(const KeyFolder& folder);

// True for a failure that says nothing about a key: this process has no descriptor or memory left.
bool IsOwnFailure(const absl::Status& status);

// True for a failure to read a key that says that the key is damaged; false for what the system
// failed at, after which it may be found whole.
bool IsDamage(const absl::Status& status);

// Encrypts a private key for a file of the folder.
absl::StatusOr<base::Bytes> EncryptPrivateKey(const crypto::PrivateKey& private_key,
                                              const StoreKey& store_key);

// Makes the folder and its files and syncs them, the folder last. The record is made under
// `store_key`, which must be the one that the private key is under.
absl::Status WriteKeyFolder(const KeyPlace& place, const KeyFiles& files,
                            const StoreKey& store_key);

// Reads the folder of the key `name`. NOT_FOUND when there is none; DATA_LOSS says what in it
// contradicts what. `store_keys` is null when none is at hand; then the record's HMAC is not
// checked, and StoredKey::record_authenticated says so.
absl::StatusOr<KeyFolder> ReadKeyFolder(const KeyPlace& place, absl::string_view name,
                                        const StoreKeys* store_keys);

// Decrypts the private key, which must be there. DATA_LOSS when it does not open, or does not
// belong to the certificate or request, or its store key is not at hand; UNIMPLEMENTED when it is
// in a token.
absl::StatusOr<crypto::PrivateKey> OpenPrivateKeyOf(const KeyFolder& folder,
                                                    const StoreKeys& store_keys);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_KEY_FOLDER_H_

// Private keys: made, read, written encrypted, and turned into a Signer.
#ifndef JET_CRYPTO_PRIVATE_KEY_H_
#define JET_CRYPTO_PRIVATE_KEY_H_

#include <openssl/types.h>

#include <functional>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/pbes2.h"  // for callers of EncryptedPem
#include "crypto/public_key.h"
#include "crypto/secret.h"

namespace jet::crypto {

// Yields the passphrase of an encrypted key; called only when there is one to open.
using PassphraseSource = absl::FunctionRef<absl::StatusOr<Secret>()>;

// A private key. Move only. Thread-safe where const.
class PrivateKey {
 public:
  // Makes a new key. `type` comes from ParseSigningKeyType.
  static absl::StatusOr<PrivateKey> Generate(const KeyType& type);

  // Decodes exactly one private key: PEM or DER; PKCS#8 (encrypted or not), PKCS#1 or SEC 1.
  // INVALID_ARGUMENT when it is none, PERMISSION_DENIED when the passphrase is wrong, and what
  // `passphrase` returned when that failed. UNIMPLEMENTED for an encryption that libcrypto 3.0
  // cannot open (scrypt above N = 2^14, or one that it has put aside, as PBE-MD5-DES).
  static absl::StatusOr<PrivateKey> Decode(const Secret& encoded, PassphraseSource passphrase);

  // Shares `key`, which must not be null and holds both halves. For crypto/ and pki/.
  static absl::StatusOr<PrivateKey> FromEvp(EVP_PKEY* key);

  // Another handle on the same key, which is wiped with the last of them.
  PrivateKey Share() const { return PrivateKey(public_key_); }

  // The public half; valid as long as this object.
  const PublicKey& public_key() const { return public_key_; }

  // Returns PEM of PKCS#8 encrypted by PBES2 (RFC 8018): PBKDF2-HMAC-SHA-256 with `iterations`,
  // AES-256-CBC.
  absl::StatusOr<base::Bytes> EncryptedPem(const Secret& passphrase, int iterations) const;

  // Returns PEM of unencrypted PKCS#8.
  absl::StatusOr<Secret> UnencryptedPem() const;

  // The OpenSSL key, owned by this object; null when it was moved from. For crypto/ and pki/.
  EVP_PKEY* evp() const { return public_key_.evp(); }

 private:
  explicit PrivateKey(PublicKey key) : public_key_(std::move(key)) {}
  // Holds both halves; only the public one is reachable through its type.
  PublicKey public_key_;
};

}  // namespace jet::crypto

#endif  // JET_CRYPTO_PRIVATE_KEY_H_

// Password-based encryption by PBES2 (RFC 8018), in the one set of parameters that is written here:
// PBKDF2-HMAC-SHA-256 with a random salt of 16 bytes, AES-256-CBC.
#ifndef JET_CRYPTO_PBES2_H_
#define JET_CRYPTO_PBES2_H_

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/secret.h"

namespace jet::crypto {

// How hard a guess at a passphrase is made (PBKDF2 iterations).
inline constexpr int kPassphraseIterations = 600000;  // for what a person chose
inline constexpr int kRandomKeyIterations = 2048;     // for 32 random bytes, which nobody guesses

// More iterations than that are refused when decrypting: they would be a way to keep a reader busy.
inline constexpr int kMaxIterations = 10'000'000;

// Returns DER of the structure that RFC 5958 calls EncryptedPrivateKeyInfo: a SEQUENCE of the PBES2
// AlgorithmIdentifier and an OCTET STRING with `plaintext` encrypted.
absl::StatusOr<base::Bytes> EncryptPbes2(const Secret& plaintext, const Secret& passphrase,
                                         int iterations);

// Decrypts what EncryptPbes2 returned. INVALID_ARGUMENT when `der` is not that structure with these
// parameters, PERMISSION_DENIED when the passphrase is wrong. A wrong passphrase passes unnoticed
// one time in 256: the plaintext has to show itself that it is right.
absl::StatusOr<Secret> DecryptPbes2(base::ByteSpan der, const Secret& passphrase);

}  // namespace jet::crypto

#endif  // JET_CRYPTO_PBES2_H_

// Public keys: what verifies a signature.
#ifndef JET_CRYPTO_PUBLIC_KEY_H_
#define JET_CRYPTO_PUBLIC_KEY_H_

#include <openssl/types.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/key_type.h"

namespace jet::crypto {

// A public key of any type. Cheap to copy (copies share the key); all methods are thread-safe.
class PublicKey {
 public:
  // Decodes a DER SubjectPublicKeyInfo (RFC 5280, 4.1). INVALID_ARGUMENT when it is none.
  static absl::StatusOr<PublicKey> FromSubjectPublicKeyInfo(base::ByteSpan der);

  // Shares `key`, which must not be null; its reference count goes up. For crypto/ and pki/.
  static absl::StatusOr<PublicKey> FromEvp(EVP_PKEY* key);

  // What kind of key it is.
  const KeyType& type() const;

  // OK only when `signature` is this key's signature over `digest`: RSA PKCS#1 v1.5 with the
  // DigestInfo of the digest's algorithm (RFC 8017, 8.2), or ECDSA as a DER SEQUENCE { r, s }
  // (X9.62), of which exactly one encoding is taken. UNAUTHENTICATED when it is not; any other code
  // means that it could not be told. FAILED_PRECONDITION for a key that is neither RSA nor EC, and
  // for ECDSA over md5: the kernel verifies neither.
  absl::Status Verify(const Digest& digest, base::ByteSpan signature) const;

  // Returns the DER SubjectPublicKeyInfo.
  absl::StatusOr<base::Bytes> SubjectPublicKeyInfo() const;

  // True when both are the same key.
  friend bool operator==(const PublicKey& a, const PublicKey& b);

  // The OpenSSL key, owned by this object; null when it was moved from. For crypto/ and pki/.
  EVP_PKEY* evp() const;

 private:
  struct State;
  explicit PublicKey(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace jet::crypto

#endif  // JET_CRYPTO_PUBLIC_KEY_H_

// What can sign a digest.
#ifndef JET_CRYPTO_SIGNER_H_
#define JET_CRYPTO_SIGNER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/private_key.h"
#include "crypto/public_key.h"

namespace jet::crypto {

// Signs digests with one private key, wherever that lives. Thread-safe.
class Signer {
 public:
  virtual ~Signer() = default;

  // The public half of the key; valid as long as this object.
  virtual const PublicKey& public_key() const = 0;

  // Returns the signature over `digest` in the form that PublicKey::Verify takes. The caller
  // verifies it before using it.
  virtual absl::StatusOr<base::Bytes> SignDigest(const Digest& digest) const = 0;
};

// Makes a signer that holds `key` in this process. FAILED_PRECONDITION, naming the key's type, when
// such keys may not sign (CheckMaySign). INVALID_ARGUMENT when `key` was moved from.
absl::StatusOr<std::unique_ptr<Signer>> MakeSigner(PrivateKey key);

}  // namespace jet::crypto

#endif  // JET_CRYPTO_SIGNER_H_

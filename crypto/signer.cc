#include "crypto/signer.h"

#include <openssl/evp.h>

#include <utility>

#include "base/status_macros.h"
#include "crypto/key_type.h"
#include "crypto/openssl_error.h"
#include "crypto/secret.h"
#include "crypto/signature_context.h"

namespace jet::crypto {
namespace {

class PrivateKeySigner : public Signer {
 public:
  explicit PrivateKeySigner(PrivateKey key)
      : key_(std::move(key)), contexts_(key_.evp(), SignatureOperation::kSign) {}

  const PublicKey& public_key() const override { return key_.public_key(); }

  absl::StatusOr<base::Bytes> SignDigest(const Digest& digest) const override {
    const StackWiper wiper;
    JET_ASSIGN_OR_RETURN(const SignatureContextPool::Lease context,
                         contexts_.Borrow(digest.algorithm()));
    const int largest = EVP_PKEY_get_size(key_.evp());
    if (largest <= 0) return OpenSslError(absl::StatusCode::kInternal, "cannot sign");
    size_t size = static_cast<size_t>(largest);
    base::Bytes signature(size);
    if (EVP_PKEY_sign(context.get(), signature.data(), &size, digest.value().data(),
                      digest.value().size()) != 1) {
      return OpenSslError(absl::StatusCode::kInternal, "cannot sign");
    }
    signature.resize(size);
    return signature;
  }

 private:
  const PrivateKey key_;
  mutable SignatureContextPool contexts_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Signer>> MakeSigner(PrivateKey key) {
  if (key.evp() == nullptr) {
    return absl::InvalidArgumentError("there is no key: it was moved from");
  }
  JET_RETURN_IF_ERROR(CheckMaySign(key.public_key().type()));
  return std::unique_ptr<Signer>(std::make_unique<PrivateKeySigner>(std::move(key)));
}

}  // namespace jet::crypto

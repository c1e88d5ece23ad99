#include "crypto/signature_context.h"

#include <openssl/rsa.h>

#include <utility>

#include "base/status_macros.h"
#include "crypto/openssl_error.h"

namespace jet::crypto {

absl::StatusOr<SignatureContextPool::Lease> SignatureContextPool::Borrow(HashAlgorithm hash) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<EvpPkeyCtxPtr>& idle = idle_.at(static_cast<size_t>(hash));
    if (!idle.empty()) {
      EvpPkeyCtxPtr context = std::move(idle.back());
      idle.pop_back();
      return Lease(*this, hash, std::move(context));
    }
  }
  JET_ASSIGN_OR_RETURN(EvpPkeyCtxPtr context, Make(hash));
  return Lease(*this, hash, std::move(context));
}

absl::StatusOr<EvpPkeyCtxPtr> SignatureContextPool::Make(HashAlgorithm hash) const {
  EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_, nullptr));
  const absl::string_view action = "cannot prepare for signatures with this key";
  if (context == nullptr) return OpenSslError(absl::StatusCode::kInternal, action);
  const int started = operation_ == SignatureOperation::kSign ? EVP_PKEY_sign_init(context.get())
                                                              : EVP_PKEY_verify_init(context.get());
  if (started != 1) return OpenSslError(absl::StatusCode::kInternal, action);
  if (EVP_PKEY_is_a(key_, "RSA") == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, action);
  }
  const EVP_MD* md = EVP_get_digestbyname(NameOf(hash));
  if (md == nullptr || EVP_PKEY_CTX_set_signature_md(context.get(), md) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, action);
  }
  return context;
}

void SignatureContextPool::Return(HashAlgorithm hash, EvpPkeyCtxPtr context) {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_.at(static_cast<size_t>(hash)).push_back(std::move(context));
}

}  // namespace jet::crypto

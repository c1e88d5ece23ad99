// Ready-made OpenSSL contexts for many signatures or verifications with one key.
#ifndef JET_CRYPTO_SIGNATURE_CONTEXT_H_
#define JET_CRYPTO_SIGNATURE_CONTEXT_H_

#include <array>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/hash_algorithm.h"
#include "crypto/openssl_types.h"

namespace jet::crypto {

enum class SignatureOperation { kSign, kVerify };

// Lends contexts that are set up for one key, one operation and any hash. Setting one up costs as
// much as a P-256 signature, so they are kept. Thread-safe.
class SignatureContextPool {
 public:
  // A context for as long as one operation takes; goes back to the pool at its end.
  class Lease {
   public:
    Lease(SignatureContextPool& pool, HashAlgorithm hash, EvpPkeyCtxPtr context)
        : pool_(&pool), hash_(hash), context_(std::move(context)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (context_ != nullptr) pool_->Return(hash_, std::move(context_));
    }
    EVP_PKEY_CTX* get() const { return context_.get(); }

   private:
    SignatureContextPool* pool_;
    HashAlgorithm hash_;
    EvpPkeyCtxPtr context_;
  };

  // `key` is not owned and must outlive the pool.
  SignatureContextPool(EVP_PKEY* key, SignatureOperation operation)
      : key_(key), operation_(operation) {}

  // Lends a context for PKCS#1 v1.5 (RSA) or X9.62 (EC) signatures over digests of `hash`.
  absl::StatusOr<Lease> Borrow(HashAlgorithm hash);

 private:
  absl::StatusOr<EvpPkeyCtxPtr> Make(HashAlgorithm hash) const;
  void Return(HashAlgorithm hash, EvpPkeyCtxPtr context);

  EVP_PKEY* const key_;
  const SignatureOperation operation_;
  std::mutex mutex_;
  std::array<std::vector<EvpPkeyCtxPtr>, 6> idle_;
};

}  // namespace jet::crypto

#endif  // JET_CRYPTO_SIGNATURE_CONTEXT_H_

#include "crypto/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/openssl_error.h"

namespace jet::crypto {

absl::StatusOr<base::Bytes> HmacSha256(const Secret& key, base::ByteSpan message) {
  base::Bytes mac(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  const base::ByteSpan bytes = key.Expose();
  if (HMAC(EVP_sha256(), bytes.data(), static_cast<int>(bytes.size()), message.data(),
           message.size(), mac.data(), &size) == nullptr) {
    return OpenSslError(absl::StatusCode::kInternal, "cannot compute an HMAC");
  }
  mac.resize(size);
  return mac;
}

bool EqualInConstantTime(base::ByteSpan a, base::ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace jet::crypto

#include "crypto/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/openssl_error.h"

namespace jet::crypto {

absl::StatusOr<base::Bytes> HmacSha256(const Secret& key, base::ByteSpan message) {
  const StackWiper wiper;
  base::Bytes mac(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  const base::ByteSpan bytes = key.Expose();
  // To OpenSSL a null key is none at all, which an empty one is not.
  static constexpr uint8_t kEmptyKey = 0;
  const uint8_t* const key_data = bytes.empty() ? &kEmptyKey : bytes.data();
  if (HMAC(EVP_sha256(), key_data, static_cast<int>(bytes.size()), message.data(), message.size(),
           mac.data(), &size) == nullptr) {
    return OpenSslError(absl::StatusCode::kInternal, "cannot compute an HMAC");
  }
  mac.resize(size);
  return mac;
}

bool EqualInConstantTime(base::ByteSpan a, base::ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace jet::crypto

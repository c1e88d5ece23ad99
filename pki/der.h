// DER through OpenSSL's d2i and i2d functions. Internal to pki/.
#ifndef JET_PKI_DER_H_
#define JET_PKI_DER_H_

#include <openssl/crypto.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "crypto/openssl_error.h"

namespace jet::pki {

// A kind of object that files hold.
struct ObjectKind {
  const char* noun;         // "certificate"
  const char* full_noun;    // "an X.509 certificate"
  const char* label;        // of its PEM block
  const char* other_label;  // an older one that is read as well
};

// Decodes exactly one object of `kind` with the OpenSSL function `d2i` and gives it to a `Pointer`.
// INVALID_ARGUMENT when it is none or bytes follow it.
template <typename Pointer, typename Decoder>
absl::StatusOr<Pointer> DecodeDer(Decoder d2i, base::ByteSpan der, const ObjectKind& kind) {
  const uint8_t* position = der.data();
  Pointer object(d2i(nullptr, &position, static_cast<long>(der.size())));
  if (object == nullptr) {
    return crypto::OpenSslError(absl::StatusCode::kInvalidArgument,
                                absl::StrCat("not ", kind.full_noun, " in DER or PEM"));
  }
  if (position != der.data() + der.size()) {
    return absl::InvalidArgumentError(absl::StrCat(der.data() + der.size() - position,
                                                   " bytes follow the ", kind.noun,
                                                   ": it must stand alone"));
  }
  return object;
}

// Encodes `object` with the OpenSSL function `i2d`; `what` is for the message.
template <typename Encoder, typename Object>
absl::StatusOr<base::Bytes> EncodeDer(Encoder i2d, Object* object, absl::string_view what) {
  uint8_t* encoded = nullptr;
  const int size = i2d(object, &encoded);
  if (size <= 0) {
    return crypto::OpenSslError(absl::StatusCode::kInternal, absl::StrCat("cannot encode ", what));
  }
  base::Bytes der(encoded, encoded + size);
  OPENSSL_free(encoded);
  return der;
}

}  // namespace jet::pki

#endif  // JET_PKI_DER_H_

#include "crypto/pbes2.h"

#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <cstdint>
#include <utility>

#include "absl/types/optional.h"
#include "base/status_macros.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"

namespace jet::crypto {
namespace {

constexpr int kSaltSize = 16;

using Pbe2ParamPtr = OpenSslPtr<PBE2PARAM, PBE2PARAM_free>;
using Pbkdf2ParamPtr = OpenSslPtr<PBKDF2PARAM, PBKDF2PARAM_free>;

// Whether PKCS12_pbe_crypt encrypts or decrypts.
enum class Direction { kDecrypt = 0, kEncrypt = 1 };

struct Input {
  base::ByteSpan bytes;
  const Secret& passphrase;
};

// Returns nothing when OpenSSL refuses; its error queue says why.
absl::optional<Secret> Crypt(const X509_ALGOR* algorithm, const Input& input, Direction direction) {
  const base::ByteSpan passphrase = input.passphrase.Expose();
  unsigned char* data = nullptr;
  int size = 0;
  if (PKCS12_pbe_crypt(algorithm, reinterpret_cast<const char*>(passphrase.data()),
                       static_cast<int>(passphrase.size()), input.bytes.data(),
                       static_cast<int>(input.bytes.size()), &data, &size,
                       static_cast<int>(direction)) == nullptr) {
    return absl::nullopt;
  }
  Secret output = Secret::CopyOf(base::ByteSpan(data, static_cast<size_t>(size)));
  OPENSSL_clear_free(data, static_cast<size_t>(size));
  return output;
}

absl::StatusOr<base::Bytes> Encode(const X509_ALGOR* algorithm, base::ByteSpan ciphertext) {
  const X509SigPtr encrypted(X509_SIG_new());
  X509_ALGOR* own_algorithm = nullptr;
  ASN1_OCTET_STRING* octets = nullptr;
  if (encrypted != nullptr) X509_SIG_getm(encrypted.get(), &own_algorithm, &octets);
  uint8_t* der = nullptr;
  int size = -1;
  if (encrypted != nullptr && X509_ALGOR_copy(own_algorithm, algorithm) == 1 &&
      ASN1_OCTET_STRING_set(octets, ciphertext.data(), static_cast<int>(ciphertext.size())) == 1) {
    size = i2d_X509_SIG(encrypted.get(), &der);
  }
  if (size <= 0)
    return OpenSslError(absl::StatusCode::kInternal, "cannot encode what is encrypted");
  base::Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

absl::Status WrongShape() {
  // OpenSSL's own reason is about its decoder.
  DropOpenSslErrors();
  return absl::InvalidArgumentError(
      "not encrypted by PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC");
}

template <typename Ptr>
Ptr UnpackParameter(const X509_ALGOR* algorithm, const ASN1_ITEM* item) {
  if (algorithm->parameter == nullptr) return nullptr;
  return Ptr(
      static_cast<typename Ptr::pointer>(ASN1_TYPE_unpack_sequence(item, algorithm->parameter)));
}

bool IsPbkdf2HmacSha256(const X509_ALGOR* function) {
  if (OBJ_obj2nid(function->algorithm) != NID_id_pbkdf2) return false;
  const auto parameter = UnpackParameter<Pbkdf2ParamPtr>(function, ASN1_ITEM_rptr(PBKDF2PARAM));
  // Without a named function it is HMAC-SHA-1.
  if (parameter == nullptr || parameter->prf == nullptr ||
      OBJ_obj2nid(parameter->prf->algorithm) != NID_hmacWithSHA256) {
    return false;
  }
  // libcrypto does not look at it.
  const ASN1_TYPE* const nothing = parameter->prf->parameter;
  if (nothing == nullptr || nothing->type != V_ASN1_NULL) return false;
  int64_t iterations = 0;
  return ASN1_INTEGER_get_int64(&iterations, parameter->iter) == 1 && iterations >= 1 &&
         iterations <= kMaxIterations;
}

bool IsOurPbes2(const X509_ALGOR* algorithm) {
  if (OBJ_obj2nid(algorithm->algorithm) != NID_pbes2) return false;
  const auto parameter = UnpackParameter<Pbe2ParamPtr>(algorithm, ASN1_ITEM_rptr(PBE2PARAM));
  return parameter != nullptr && IsPbkdf2HmacSha256(parameter->keyfunc) &&
         OBJ_obj2nid(parameter->encryption->algorithm) == NID_aes_256_cbc;
}

}  // namespace

absl::StatusOr<base::Bytes> EncryptPbes2(const Secret& plaintext, const Secret& passphrase,
                                         int iterations) {
  const StackWiper wiper;
  const X509AlgorPtr algorithm(PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), iterations, /*salt=*/nullptr,
                                                 kSaltSize, /*aiv=*/nullptr, NID_hmacWithSHA256));
  if (algorithm == nullptr) return OpenSslError(absl::StatusCode::kInternal, "cannot encrypt");
  const absl::optional<Secret> ciphertext =
      Crypt(algorithm.get(), {plaintext.Expose(), passphrase}, Direction::kEncrypt);
  if (!ciphertext.has_value()) return OpenSslError(absl::StatusCode::kInternal, "cannot encrypt");
  return Encode(algorithm.get(), ciphertext->Expose());
}

absl::StatusOr<Secret> DecryptPbes2(base::ByteSpan der, const Secret& passphrase) {
  const StackWiper wiper;
  const uint8_t* position = der.data();
  const X509SigPtr encrypted(d2i_X509_SIG(nullptr, &position, static_cast<long>(der.size())));
  if (encrypted == nullptr || position != der.data() + der.size()) return WrongShape();
  const X509_ALGOR* algorithm = nullptr;
  const ASN1_OCTET_STRING* octets = nullptr;
  X509_SIG_get0(encrypted.get(), &algorithm, &octets);
  if (!IsOurPbes2(algorithm)) return WrongShape();
  const base::ByteSpan ciphertext(ASN1_STRING_get0_data(octets),
                                  static_cast<size_t>(ASN1_STRING_length(octets)));
  absl::optional<Secret> plaintext =
      Crypt(algorithm, {ciphertext, passphrase}, Direction::kDecrypt);
  if (plaintext.has_value()) return *std::move(plaintext);
  DropOpenSslErrors();
  return absl::PermissionDeniedError("wrong passphrase");
}

}  // namespace jet::crypto

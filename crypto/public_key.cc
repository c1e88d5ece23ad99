#include "crypto/public_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"
#include "crypto/signature_context.h"

namespace jet::crypto {
namespace {

// Our names of the curves that have one; others keep OpenSSL's.
std::string CurveName(EVP_PKEY* key) {
  std::array<char, 80> group = {};
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1) {
    DropOpenSslErrors();
    return "unknown";
  }
  const absl::string_view name(group.data());
  if (name == "prime256v1") return "p256";
  if (name == "secp384r1") return "p384";
  if (name == "secp521r1") return "p521";
  return std::string(name);
}

// The kernel knows curves by their names only, and uncompressed points only (x509_cert_parser.c;
// ecdsa.c, ecdsa_set_pub_key): a key that is written down in another way is another type to it.
const char* EncodingSuffix(EVP_PKEY* key) {
  int is_explicit = 0;
  std::array<char, 32> point = {};
  (void)EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
  (void)EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       point.data(), point.size(), nullptr);
  DropOpenSslErrors();
  if (is_explicit != 0) return "-explicit";
  const absl::string_view form(point.data());
  if (form == OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED) return "-compressed";
  if (form == OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_HYBRID) return "-hybrid";
  return "";
}

KeyType TypeOf(EVP_PKEY* key) {
  KeyType type;
  type.bits = EVP_PKEY_get_bits(key);
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    type.algorithm = KeyAlgorithm::kRsa;
    type.name = absl::StrCat("rsa:", type.bits);
  } else if (EVP_PKEY_is_a(key, "EC") == 1) {
    type.algorithm = KeyAlgorithm::kEc;
    type.name = absl::StrCat("ec:", CurveName(key), EncodingSuffix(key));
  } else if (EVP_PKEY_is_a(key, "RSA-PSS") == 1) {
    type.name = absl::StrCat("rsa-pss:", type.bits);
  } else {
    const char* name = EVP_PKEY_get0_type_name(key);
    type.name = name == nullptr ? "unknown" : absl::AsciiStrToLower(name);
  }
  return type;
}

// True when `signature` is the one encoding of the r and s that it holds.
bool IsEcdsaDer(base::ByteSpan signature) {
  const uint8_t* position = signature.data();
  const EcdsaSigPtr parsed(d2i_ECDSA_SIG(nullptr, &position, static_cast<long>(signature.size())));
  if (parsed == nullptr) return false;
  uint8_t* encoded = nullptr;
  const int size = i2d_ECDSA_SIG(parsed.get(), &encoded);
  if (size <= 0) return false;
  const bool same = base::ByteSpan(encoded, static_cast<size_t>(size)) == signature;
  OPENSSL_free(encoded);
  return same;
}

}  // namespace

struct PublicKey::State {
  explicit State(EvpPkeyPtr owned)
      : key(std::move(owned)),
        type(TypeOf(key.get())),
        contexts(key.get(), SignatureOperation::kVerify) {}

  const EvpPkeyPtr key;
  const KeyType type;
  SignatureContextPool contexts;
};

PublicKey::PublicKey(std::shared_ptr<State> state) : state_(std::move(state)) {}

absl::StatusOr<PublicKey> PublicKey::FromSubjectPublicKeyInfo(base::ByteSpan der) {
  const uint8_t* position = der.data();
  EvpPkeyPtr key(d2i_PUBKEY(nullptr, &position, static_cast<long>(der.size())));
  if (key == nullptr) {
    return OpenSslError(absl::StatusCode::kInvalidArgument, "cannot decode the public key");
  }
  if (position != der.data() + der.size()) {
    return absl::InvalidArgumentError("bytes follow the public key");
  }
  return PublicKey(std::make_shared<State>(std::move(key)));
}

absl::StatusOr<PublicKey> PublicKey::FromEvp(EVP_PKEY* key) {
  if (EVP_PKEY_up_ref(key) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "cannot share the key");
  }
  return PublicKey(std::make_shared<State>(EvpPkeyPtr(key)));
}

const KeyType& PublicKey::type() const { return state_->type; }

EVP_PKEY* PublicKey::evp() const { return state_ == nullptr ? nullptr : state_->key.get(); }

absl::Status PublicKey::Verify(const Digest& digest, base::ByteSpan signature) const {
  if (state_->type.algorithm == KeyAlgorithm::kOther) {
    return absl::FailedPreconditionError(
        absl::StrCat("key type ", state_->type.name, " cannot verify IMA signatures"));
  }
  // The kernel's list of hashes for ECDSA has no md5 (public_key.c,
  // software_key_determine_akcipher).
  if (state_->type.algorithm == KeyAlgorithm::kEc && digest.algorithm() == HashAlgorithm::kMd5) {
    return absl::FailedPreconditionError(
        absl::StrCat("key type ", state_->type.name, " cannot verify md5 signatures"));
  }
  JET_ASSIGN_OR_RETURN(const SignatureContextPool::Lease context,
                       state_->contexts.Borrow(digest.algorithm()));
  const int result = EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                     digest.value().data(), digest.value().size());
  if (result == 1) return absl::OkStatus();
  // ECDSA answers -1, as for an internal failure, when the signature is not DER: told apart here.
  if (result == 0 || (state_->type.algorithm == KeyAlgorithm::kEc && !IsEcdsaDer(signature))) {
    DropOpenSslErrors();
    return absl::UnauthenticatedError("the signature does not match");
  }
  return OpenSslError(absl::StatusCode::kInternal, "cannot verify the signature");
}

absl::StatusOr<base::Bytes> PublicKey::SubjectPublicKeyInfo() const {
  uint8_t* encoded = nullptr;
  const int size = i2d_PUBKEY(state_->key.get(), &encoded);
  if (size <= 0) return OpenSslError(absl::StatusCode::kInternal, "cannot encode the public key");
  base::Bytes der(encoded, encoded + size);
  OPENSSL_free(encoded);
  return der;
}

bool operator==(const PublicKey& a, const PublicKey& b) {
  if (a.state_ == b.state_) return true;
  const bool same = EVP_PKEY_eq(a.evp(), b.evp()) == 1;
  DropOpenSslErrors();  // keys of different types are an error to OpenSSL
  return same;
}

}  // namespace jet::crypto

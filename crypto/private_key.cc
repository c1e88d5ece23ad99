#include "crypto/private_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"

namespace jet::crypto {
namespace {

absl::Status NotAKey() {
  // OpenSSL's own reason is "unsupported", whatever the file is.
  DropOpenSslErrors();
  return absl::InvalidArgumentError("not a private key in PEM or DER that can be read");
}

// True for the error of an encryption that libcrypto does not know or has put aside. Other parts of
// libcrypto also say "unsupported", of what a wrong passphrase made of the key.
bool IsAboutEncryption(unsigned long error) {
  if (ERR_GET_LIB(error) != ERR_LIB_EVP) return false;
  switch (ERR_GET_REASON(error)) {
    case ERR_R_UNSUPPORTED:
    case EVP_R_UNKNOWN_PBE_ALGORITHM:
    case EVP_R_UNSUPPORTED_CIPHER:
    case EVP_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION:
    case EVP_R_UNSUPPORTED_PRF:
      return true;
    default:
      return false;
  }
}

absl::Status NotOpened() {
  if (IsAboutEncryption(ERR_peek_error())) {
    return OpenSslError(
        absl::StatusCode::kUnimplemented,
        "cannot open the encrypted key: this OpenSSL does not support its encryption (re-encrypt "
        "it: openssl pkcs8 -topk8 -v2 aes-256-cbc -provider legacy -provider default)");
  }
  return OpenSslError(absl::StatusCode::kPermissionDenied,
                      "cannot open the encrypted key: wrong passphrase");
}

// What OpenSSL's passphrase callback is handed, and what it hands back.
struct PassphraseRequest {
  PassphraseSource source;
  absl::Status failure;
  bool asked = false;
};

int GivePassphrase(char* buffer, int size, int /*writing*/, void* user_data) {
  auto* request = static_cast<PassphraseRequest*>(user_data);
  // A second question is about the same key in another format: the answer is known.
  if (request->asked && !request->failure.ok()) return -1;
  request->asked = true;
  absl::StatusOr<Secret> passphrase = request->source();
  if (!passphrase.ok()) {
    request->failure = passphrase.status();
    return -1;
  }
  const base::ByteSpan bytes = passphrase->Expose();
  if (bytes.size() > static_cast<size_t>(size)) {
    request->failure =
        absl::InvalidArgumentError(absl::StrCat("the passphrase is longer than ", size, " bytes"));
    return -1;
  }
  if (!bytes.empty()) std::memcpy(buffer, bytes.data(), bytes.size());
  return static_cast<int>(bytes.size());
}

using Pbe2ParamPtr = OpenSslPtr<PBE2PARAM, PBE2PARAM_free>;
using ScryptParamsPtr = OpenSslPtr<SCRYPT_PARAMS, SCRYPT_PARAMS_free>;

// Decodes the parameter of `algorithm` when that is a SEQUENCE; null for anything else.
template <typename Ptr>
Ptr UnpackParameter(const X509_ALGOR* algorithm, const ASN1_ITEM* item) {
  const ASN1_TYPE* parameter = algorithm->parameter;
  if (parameter == nullptr) return nullptr;
  return Ptr(static_cast<typename Ptr::pointer>(ASN1_TYPE_unpack_sequence(item, parameter)));
}

// True when `encrypted` is under scrypt with a cost for which libcrypto would need more memory than
// it allows itself (32 MiB: N = 16384 with the usual r = 8).
bool ScryptIsOutOfReach(const X509_SIG* encrypted) {
  const X509_ALGOR* algorithm = nullptr;
  X509_SIG_get0(encrypted, &algorithm, nullptr);
  if (OBJ_obj2nid(algorithm->algorithm) != NID_pbes2) return false;
  const auto pbes2 = UnpackParameter<Pbe2ParamPtr>(algorithm, ASN1_ITEM_rptr(PBE2PARAM));
  if (pbes2 == nullptr || OBJ_obj2nid(pbes2->keyfunc->algorithm) != NID_id_scrypt) return false;
  const auto scrypt =
      UnpackParameter<ScryptParamsPtr>(pbes2->keyfunc, ASN1_ITEM_rptr(SCRYPT_PARAMS));
  if (scrypt == nullptr) return false;
  uint64_t n = 0;
  uint64_t r = 0;
  uint64_t p = 0;
  const bool within_reach = ASN1_INTEGER_get_uint64(&n, scrypt->costParameter) == 1 &&
                            ASN1_INTEGER_get_uint64(&r, scrypt->blockSize) == 1 &&
                            ASN1_INTEGER_get_uint64(&p, scrypt->parallelizationParameter) == 1 &&
                            // Without a key to write it only checks the parameters.
                            EVP_PBE_scrypt(nullptr, 0, nullptr, 0, n, r, p, 0, nullptr, 0) == 1;
  return !within_reach;
}

absl::Status CheckReadable(const X509_SIG* encrypted) {
  const bool out_of_reach = ScryptIsOutOfReach(encrypted);
  DropOpenSslErrors();
  if (!out_of_reach) return absl::OkStatus();
  return absl::UnimplementedError(
      "cannot open the encrypted key: its scrypt cost is above N = 16384, r = 8, which this "
      "OpenSSL "
      "cannot read (where it can be read, re-encrypt it: openssl pkcs8 -topk8 -v2 aes-256-cbc)");
}

absl::StatusOr<EvpPkeyPtr> OpenEncrypted(const X509_SIG* encrypted, PassphraseRequest& request) {
  JET_RETURN_IF_ERROR(CheckReadable(encrypted));
  absl::StatusOr<Secret> passphrase = request.source();
  JET_RETURN_IF_ERROR(passphrase.status());
  const base::ByteSpan bytes = passphrase->Expose();
  const Pkcs8InfoPtr info(PKCS8_decrypt(encrypted, reinterpret_cast<const char*>(bytes.data()),
                                        static_cast<int>(bytes.size())));
  if (info == nullptr) return NotOpened();
  EvpPkeyPtr key(EVP_PKCS82PKEY(info.get()));
  if (key == nullptr) return NotAKey();
  return key;
}

// Returns DER of the unencrypted PKCS#8.
absl::StatusOr<Secret> EncodePkcs8(const EVP_PKEY* key) {
  const Pkcs8InfoPtr info(EVP_PKEY2PKCS8(key));
  const int size = info == nullptr ? -1 : i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr);
  if (size <= 0) return OpenSslError(absl::StatusCode::kInternal, "cannot encode the private key");
  Secret der = Secret::OfSize(static_cast<size_t>(size));
  uint8_t* position = der.MutableBytes().data();
  if (i2d_PKCS8_PRIV_KEY_INFO(info.get(), &position) != size) {
    return OpenSslError(absl::StatusCode::kInternal, "cannot encode the private key");
  }
  return der;
}

BioPtr ReadOnlyBio(base::ByteSpan bytes) {
  return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// Counts the PEM blocks that hold a private key in any form; others (EC PARAMETERS) may go along.
int CountPrivateKeyBlocks(absl::string_view pem) {
  constexpr absl::string_view kBegin = "-----BEGIN ";
  int count = 0;
  for (size_t at = pem.find(kBegin); at != pem.npos; at = pem.find(kBegin, at + kBegin.size())) {
    const absl::string_view line = pem.substr(at, pem.find('\n', at) - at);
    if (absl::StrContains(line, "PRIVATE KEY-----")) ++count;
  }
  return count;
}

absl::StatusOr<EvpPkeyPtr> DecodePem(base::ByteSpan encoded, PassphraseRequest& request) {
  if (CountPrivateKeyBlocks(base::AsText(encoded)) > 1) {
    return absl::InvalidArgumentError(
        "the file holds more than one private key: which one is meant cannot be told");
  }
  const BioPtr bio = ReadOnlyBio(encoded);
  // PKCS#8 is opened step by step, because the steps tell a wrong passphrase from a broken file.
  const X509SigPtr encrypted(PEM_read_bio_PKCS8(bio.get(), nullptr, nullptr, nullptr));
  if (encrypted != nullptr) return OpenEncrypted(encrypted.get(), request);
  DropOpenSslErrors();
  const BioPtr again = ReadOnlyBio(encoded);
  EvpPkeyPtr key(PEM_read_bio_PrivateKey(again.get(), nullptr, GivePassphrase, &request));
  if (key != nullptr) return key;
  if (!request.failure.ok()) {
    DropOpenSslErrors();
    return request.failure;
  }
  if (request.asked) return NotOpened();
  return NotAKey();
}

absl::StatusOr<EvpPkeyPtr> DecodeDer(base::ByteSpan encoded, PassphraseRequest& request) {
  const uint8_t* const end = encoded.data() + encoded.size();
  const uint8_t* position = encoded.data();
  const X509SigPtr encrypted(d2i_X509_SIG(nullptr, &position, static_cast<long>(encoded.size())));
  if (encrypted != nullptr && position == end) return OpenEncrypted(encrypted.get(), request);
  DropOpenSslErrors();
  position = encoded.data();
  EvpPkeyPtr key(d2i_AutoPrivateKey(nullptr, &position, static_cast<long>(encoded.size())));
  if (key == nullptr) return NotAKey();
  if (position != end) return absl::InvalidArgumentError("bytes follow the private key");
  return key;
}

}  // namespace

absl::StatusOr<PrivateKey> PrivateKey::FromEvp(EVP_PKEY* key) {
  JET_ASSIGN_OR_RETURN(PublicKey shared, PublicKey::FromEvp(key));
  return PrivateKey(std::move(shared));
}

absl::StatusOr<PrivateKey> PrivateKey::Generate(const KeyType& type) {
  const StackWiper wiper;
  JET_RETURN_IF_ERROR(CheckMaySign(type));
  const EvpPkeyPtr key(type.algorithm == KeyAlgorithm::kRsa
                           ? EVP_RSA_gen(static_cast<size_t>(type.bits))
                           : EVP_EC_gen(type.bits == 256 ? "P-256" : "P-384"));
  if (key == nullptr) {
    return OpenSslError(absl::StatusCode::kInternal,
                        absl::StrCat("cannot make a ", type.name, " key"));
  }
  return FromEvp(key.get());
}

absl::StatusOr<PrivateKey> PrivateKey::Decode(const Secret& encoded, PassphraseSource passphrase) {
  const StackWiper wiper;
  if (encoded.empty()) return absl::InvalidArgumentError("the private key is empty");
  PassphraseRequest request{passphrase, absl::OkStatus()};
  const base::ByteSpan bytes = encoded.Expose();
  const bool is_pem = absl::StrContains(base::AsText(bytes), "-----BEGIN ");
  if (is_pem && !absl::StrContains(base::AsText(bytes), "PRIVATE KEY-----")) {
    return absl::InvalidArgumentError(
        absl::StrContains(base::AsText(bytes), "-----BEGIN CERTIFICATE-----")
            ? "is a certificate, not a private key"
            : "not a private key: the PEM holds none");
  }
  JET_ASSIGN_OR_RETURN(const EvpPkeyPtr key,
                       is_pem ? DecodePem(bytes, request) : DecodeDer(bytes, request));
  return FromEvp(key.get());
}

absl::StatusOr<base::Bytes> PrivateKey::EncryptedPem(const Secret& passphrase,
                                                     int iterations) const {
  const StackWiper wiper;
  JET_ASSIGN_OR_RETURN(const Secret info, EncodePkcs8(evp()));
  JET_ASSIGN_OR_RETURN(const base::Bytes der, EncryptPbes2(info, passphrase, iterations));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio(bio.get(), PEM_STRING_PKCS8, /*hdr=*/"", der.data(),
                                      static_cast<long>(der.size())) <= 0) {
    return OpenSslError(absl::StatusCode::kInternal, "cannot encrypt the private key");
  }
  const uint8_t* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return base::Bytes(data, data + size);
}

absl::StatusOr<Secret> PrivateKey::UnencryptedPem() const {
  const StackWiper wiper;
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (bio == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), evp(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "cannot encode the private key");
  }
  const uint8_t* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return Secret::CopyOf(base::ByteSpan(data, static_cast<size_t>(size)));
}

}  // namespace jet::crypto

#include "pki/pkcs12.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"

namespace jet::pki {
namespace {

struct CertificateStackDeleter {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
using CertificateStackPtr = std::unique_ptr<STACK_OF(X509), CertificateStackDeleter>;
using Pkcs12Ptr = crypto::OpenSslPtr<PKCS12, PKCS12_free>;

absl::StatusOr<Pkcs12Ptr> DecodeDer(base::ByteSpan der) {
  const uint8_t* position = der.data();
  Pkcs12Ptr decoded(d2i_PKCS12(nullptr, &position, static_cast<long>(der.size())));
  if (decoded == nullptr) {
    return crypto::OpenSslError(absl::StatusCode::kInvalidArgument, "not a PKCS#12 file");
  }
  if (position == der.data() + der.size()) return decoded;
  return absl::InvalidArgumentError("bytes follow the PKCS#12 structure: it must stand alone");
}

// The passphrase as a C string, which is how OpenSSL wants it here.
absl::StatusOr<crypto::Secret> ZeroTerminated(const crypto::Secret& passphrase) {
  const base::ByteSpan bytes = passphrase.Expose();
  if (std::find(bytes.begin(), bytes.end(), 0) != bytes.end()) {
    return absl::InvalidArgumentError(
        "the passphrase holds a zero byte, which PKCS#12 cannot have");
  }
  crypto::Secret text = crypto::Secret::OfSize(bytes.size() + 1);
  std::copy(bytes.begin(), bytes.end(), text.MutableBytes().begin());
  return text;
}

absl::Status CheckPassphrase(PKCS12* file, const char* passphrase) {
  if (PKCS12_mac_present(file) != 1) {
    return absl::InvalidArgumentError(
        "the PKCS#12 file has no MAC, so anybody could have changed it (make it anew without "
        "-nomac)");
  }
  // An empty passphrase is written in two ways.
  if (PKCS12_verify_mac(file, passphrase, -1) == 1 ||
      (*passphrase == '\0' && PKCS12_verify_mac(file, nullptr, 0) == 1)) {
    return absl::OkStatus();
  }
  crypto::DropOpenSslErrors();
  return absl::PermissionDeniedError("cannot open the PKCS#12 file: wrong passphrase");
}

absl::Status NotOpened() {
  const unsigned long error = ERR_peek_error();
  if (ERR_GET_LIB(error) == ERR_LIB_EVP || ERR_GET_REASON(error) == ERR_R_UNSUPPORTED) {
    return crypto::OpenSslError(
        absl::StatusCode::kUnimplemented,
        "cannot open the PKCS#12 file: OpenSSL 3 has put its encryption aside (make it anew where "
        "it "
        "can be read: openssl pkcs12 -legacy, then openssl pkcs12 -export)");
  }
  return crypto::OpenSslError(absl::StatusCode::kInvalidArgument, "cannot open the PKCS#12 file");
}

absl::StatusOr<std::vector<Certificate>> CertificatesOf(STACK_OF(X509) * stack) {
  std::vector<Certificate> certificates;
  for (int i = 0; i < sk_X509_num(stack); ++i) {
    JET_ASSIGN_OR_RETURN(Certificate certificate, Certificate::FromX509(sk_X509_value(stack, i)));
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

}  // namespace

absl::StatusOr<Pkcs12> DecodePkcs12(const crypto::Secret& encoded,
                                    crypto::PassphraseSource passphrase) {
  const crypto::StackWiper wiper;
  JET_ASSIGN_OR_RETURN(const Pkcs12Ptr file, DecodeDer(encoded.Expose()));
  JET_ASSIGN_OR_RETURN(const crypto::Secret given, passphrase());
  JET_ASSIGN_OR_RETURN(const crypto::Secret terminated, ZeroTerminated(given));
  const char* const text = reinterpret_cast<const char*>(terminated.Expose().data());
  JET_RETURN_IF_ERROR(CheckPassphrase(file.get(), text));
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  STACK_OF(X509)* others = nullptr;
  const int parsed = PKCS12_parse(file.get(), text, &key, &certificate, &others);
  const crypto::EvpPkeyPtr owned_key(key);
  const crypto::X509Ptr owned_certificate(certificate);
  const CertificateStackPtr owned_others(others);
  if (parsed != 1) return NotOpened();
  if (key == nullptr || certificate == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("the PKCS#12 file holds no ",
                     key == nullptr ? "private key" : "certificate of its private key"));
  }
  JET_ASSIGN_OR_RETURN(crypto::PrivateKey private_key, crypto::PrivateKey::FromEvp(key));
  JET_ASSIGN_OR_RETURN(Certificate own, Certificate::FromX509(certificate));
  JET_ASSIGN_OR_RETURN(std::vector<Certificate> issuers, CertificatesOf(others));
  return Pkcs12{std::move(private_key), std::move(own), std::move(issuers)};
}

}  // namespace jet::pki

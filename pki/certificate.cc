#include "pki/certificate.h"

#include <openssl/asn1.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"
#include "pki/der.h"
#include "pki/name_text.h"
#include "pki/pem.h"

namespace jet::pki {
namespace {

// A date that is none is `otherwise`.
absl::Time TimeOf(const ASN1_TIME* time, absl::Time otherwise) {
  std::tm parts = {};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
    crypto::DropOpenSslErrors();
    return otherwise;
  }
  return absl::FromTM(parts, absl::UTCTimeZone());
}

// Returns the content octets of the DER SEQUENCE `der`, without its tag and length.
base::Bytes ContentOf(base::ByteSpan der) {
  const uint8_t* position = der.data();
  long length = 0;
  int tag = 0;
  int tag_class = 0;
  if ((ASN1_get_object(&position, &length, &tag, &tag_class, static_cast<long>(der.size())) &
       0x80) != 0) {
    crypto::DropOpenSslErrors();
    return {};
  }
  return base::Bytes(position, position + length);
}

base::Bytes NameContent(const X509_NAME* name) {
  const uint8_t* der = nullptr;
  size_t size = 0;
  if (X509_NAME_get0_der(name, &der, &size) != 1) return {};
  return ContentOf(base::ByteSpan(der, size));
}

base::Bytes IntegerContent(const ASN1_INTEGER* integer) {
  const absl::StatusOr<base::Bytes> der = EncodeDer(i2d_ASN1_INTEGER, integer, "the serial number");
  return der.ok() ? ContentOf(*der) : base::Bytes();
}

// NIST SP 800-57, part 1, 5.6: the least that still protects. SHA-224 has as many against
// collisions, SHA-1 less than 80.
constexpr int kSecurityBits = 112;

constexpr ObjectKind kKind = {"certificate", "an X.509 certificate", PEM_STRING_X509,
                              PEM_STRING_X509_OLD};

}  // namespace

struct Certificate::State {
  State(crypto::X509Ptr owned, crypto::PublicKey key)
      : x509(std::move(owned)), public_key(std::move(key)) {}

  const crypto::X509Ptr x509;
  const crypto::PublicKey public_key;
  base::Bytes der;
  absl::optional<base::Bytes> subject_key_identifier;
  base::Bytes serial_content;
  base::Bytes issuer_content;
  std::string subject;
  std::string issuer;
  std::string common_name;
};

absl::StatusOr<Certificate> Certificate::Decode(base::ByteSpan encoded) {
  JET_ASSIGN_OR_RETURN(const base::Bytes der, ReadOneDer(encoded, kKind));
  return DecodeDer(der);
}

absl::StatusOr<Certificate> Certificate::DecodeDer(base::ByteSpan der) {
  JET_ASSIGN_OR_RETURN(const crypto::X509Ptr certificate,
                       pki::DecodeDer<crypto::X509Ptr>(d2i_X509, der, kKind));
  return FromX509(certificate.get());
}

absl::StatusOr<Certificate> Certificate::ReadFile(const std::string& path) {
  JET_ASSIGN_OR_RETURN(const base::Bytes content, base::ReadFile(path, kMaxCertificateFile));
  absl::StatusOr<Certificate> certificate = Decode(content);
  if (!certificate.ok()) return base::Annotate(certificate.status(), absl::StrCat("'", path, "'"));
  return certificate;
}

absl::StatusOr<Certificate> Certificate::FromX509(X509* certificate) {
  if (X509_up_ref(certificate) != 1) {
    return crypto::OpenSslError(absl::StatusCode::kInternal, "cannot share the certificate");
  }
  crypto::X509Ptr owned(certificate);
  // Computes the extension flags now: later calls then only read, from any thread.
  if (X509_check_purpose(certificate, -1, 0) != 1) crypto::DropOpenSslErrors();
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) {
    return crypto::OpenSslError(absl::StatusCode::kInvalidArgument,
                                "the certificate's public key cannot be used");
  }
  JET_ASSIGN_OR_RETURN(crypto::PublicKey public_key, crypto::PublicKey::FromEvp(key));
  auto state = std::make_shared<State>(std::move(owned), std::move(public_key));
  JET_ASSIGN_OR_RETURN(state->der, EncodeDer(i2d_X509, certificate, "the certificate"));
  const ASN1_OCTET_STRING* identifier = X509_get0_subject_key_id(certificate);
  if (identifier != nullptr) {
    const uint8_t* data = ASN1_STRING_get0_data(identifier);
    state->subject_key_identifier = base::Bytes(data, data + ASN1_STRING_length(identifier));
  }
  state->serial_content = IntegerContent(X509_get0_serialNumber(certificate));
  state->issuer_content = NameContent(X509_get_issuer_name(certificate));
  state->subject = NameText(X509_get_subject_name(certificate));
  state->issuer = NameText(X509_get_issuer_name(certificate));
  state->common_name = CommonName(X509_get_subject_name(certificate));
  return Certificate(std::shared_ptr<const State>(std::move(state)));
}

const base::Bytes& Certificate::der() const { return state_->der; }
const crypto::PublicKey& Certificate::public_key() const { return state_->public_key; }
const absl::optional<base::Bytes>& Certificate::subject_key_identifier() const {
  return state_->subject_key_identifier;
}
const base::Bytes& Certificate::serial_content() const { return state_->serial_content; }
const base::Bytes& Certificate::issuer_content() const { return state_->issuer_content; }
const std::string& Certificate::subject() const { return state_->subject; }
const std::string& Certificate::issuer() const { return state_->issuer; }
const std::string& Certificate::common_name() const { return state_->common_name; }
size_t Certificate::common_name_count() const {
  return CommonNameCount(X509_get_subject_name(state_->x509.get()));
}
X509* Certificate::x509() const { return state_->x509.get(); }

std::string Certificate::serial() const { return base::HexEncode(state_->serial_content); }

// Dates that cannot be read make the certificate valid never.
absl::Time Certificate::not_before() const {
  return TimeOf(X509_get0_notBefore(x509()), absl::InfiniteFuture());
}
absl::Time Certificate::not_after() const {
  return TimeOf(X509_get0_notAfter(x509()), absl::InfinitePast());
}

bool Certificate::is_ca() const { return (X509_get_extension_flags(x509()) & EXFLAG_CA) != 0; }

bool Certificate::has_key_usage() const {
  return (X509_get_extension_flags(x509()) & EXFLAG_KUSAGE) != 0;
}

bool Certificate::allows_digital_signature() const {
  // Without the extension OpenSSL answers with all bits set.
  return (X509_get_key_usage(x509()) & KU_DIGITAL_SIGNATURE) != 0;
}

bool Certificate::self_issued() const {
  return (X509_get_extension_flags(x509()) & EXFLAG_SI) != 0;
}

bool Certificate::subject_has_control_characters() const {
  return HasControlCharacters(X509_get_subject_name(x509()));
}

bool Certificate::is_weakly_signed() const {
  int security_bits = 0;
  if (X509_get_signature_info(x509(), nullptr, nullptr, &security_bits, nullptr) != 1) {
    crypto::DropOpenSslErrors();
    return true;
  }
  return security_bits < kSecurityBits;
}

std::string Certificate::Pem() const { return WritePem(PEM_STRING_X509, state_->der); }

absl::StatusOr<std::string> Certificate::Fingerprint(crypto::HashAlgorithm algorithm) const {
  JET_ASSIGN_OR_RETURN(const crypto::Digest digest, crypto::ComputeDigest(algorithm, state_->der));
  return base::HexEncode(digest.value());
}

absl::StatusOr<base::Bytes> Certificate::PublicKeyIdentifier() const {
  const ASN1_BIT_STRING* key = X509_get0_pubkey_bitstr(x509());
  const base::ByteSpan bits(ASN1_STRING_get0_data(key),
                            static_cast<size_t>(ASN1_STRING_length(key)));
  JET_ASSIGN_OR_RETURN(const crypto::Digest digest,
                       crypto::ComputeDigest(crypto::HashAlgorithm::kSha1, bits));
  const base::ByteSpan value = digest.value();
  return base::Bytes(value.begin(), value.end());
}

}  // namespace jet::pki

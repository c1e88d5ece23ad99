#include "pki/issue.h"

#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"
#include "crypto/secret.h"
#include "pki/signature_algorithm.h"

namespace jet::pki {
namespace {

using crypto::OpenSslError;
constexpr absl::StatusCode kInternal = absl::StatusCode::kInternal;

// RFC 5280, 4.1.2.2: at most 20 octets, positive; 16 random ones cannot collide.
constexpr size_t kSerialSize = 16;

struct ExtensionRow {
  int nid;
  const char* value;  // in the syntax of x509v3_config(5)
};

constexpr std::array<ExtensionRow, 3> kLeafExtensions = {{
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_subject_key_identifier, "hash"},
}};

constexpr ExtensionRow kAuthorityKeyIdentifier = {NID_authority_key_identifier, "keyid:always"};

absl::Status SetRandomSerial(X509* certificate) {
  std::array<uint8_t, kSerialSize> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) {
    return OpenSslError(kInternal, "cannot get random bytes");
  }
  bytes[0] = static_cast<uint8_t>((bytes[0] & 0x7FU) | 0x40U);  // positive, and always 16 octets
  const crypto::BignumPtr number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  if (number == nullptr ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return OpenSslError(kInternal, "cannot set the serial number");
  }
  return absl::OkStatus();
}

absl::Status SetValidity(X509* certificate, const Validity& validity) {
  const std::time_t not_before = absl::ToTimeT(validity.not_before);
  const std::time_t not_after = absl::ToTimeT(validity.not_after);
  if (ASN1_TIME_set(X509_getm_notBefore(certificate), not_before) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate), not_after) == nullptr) {
    return OpenSslError(absl::StatusCode::kInvalidArgument, "cannot set the dates");
  }
  return absl::OkStatus();
}

absl::Status AddExtension(X509* certificate, X509* issuer, const ExtensionRow& row) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const crypto::X509ExtensionPtr extension(
      X509V3_EXT_conf_nid(nullptr, &context, row.nid, row.value));
  if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return OpenSslError(kInternal, absl::StrCat("cannot add the extension ", OBJ_nid2ln(row.nid)));
  }
  return absl::OkStatus();
}

const EVP_MD* MessageDigestFor(const crypto::PublicKey& key) {
  return EVP_get_digestbyname(crypto::NameOf(HashFor(key)));
}

// Makes a certificate for `key`; `issuer` is null for one that signs itself.
absl::StatusOr<Certificate> Issue(const Issuer* issuer, const crypto::PrivateKey& signing_key,
                                  const crypto::PublicKey& key, const Subject& subject,
                                  const Validity& validity) {
  const crypto::StackWiper wiper;
  const crypto::X509Ptr certificate(X509_new());
  X509* const x509 = certificate.get();
  if (x509 == nullptr || X509_set_version(x509, X509_VERSION_3) != 1) {
    return OpenSslError(kInternal, "cannot make a certificate");
  }
  JET_RETURN_IF_ERROR(SetRandomSerial(x509));
  JET_RETURN_IF_ERROR(SetValidity(x509, validity));
  JET_RETURN_IF_ERROR(FillName(subject, X509_get_subject_name(x509)));
  X509* const issuer_x509 = issuer == nullptr ? x509 : issuer->certificate.x509();
  if (X509_set_issuer_name(x509, X509_get_subject_name(issuer_x509)) != 1 ||
      X509_set_pubkey(x509, key.evp()) != 1) {
    return OpenSslError(kInternal, "cannot make a certificate");
  }
  for (const ExtensionRow& row : kLeafExtensions) {
    JET_RETURN_IF_ERROR(AddExtension(x509, issuer_x509, row));
  }
  JET_RETURN_IF_ERROR(AddExtension(x509, issuer_x509, kAuthorityKeyIdentifier));
  if (X509_sign(x509, signing_key.evp(), MessageDigestFor(signing_key.public_key())) <= 0) {
    return OpenSslError(kInternal, "cannot sign the certificate");
  }
  // What left this function verified: a certificate that does not is of no use to anybody.
  if (X509_verify(x509, signing_key.evp()) != 1) {
    return OpenSslError(kInternal, "the new certificate does not verify");
  }
  // Decoded again: X509_set_pubkey keeps the key it was given, with its private half, as long as
  // the certificate lives.
  JET_ASSIGN_OR_RETURN(const Certificate issued, Certificate::FromX509(x509));
  return Certificate::DecodeDer(issued.der());
}

absl::Status CheckIssuer(const Issuer& issuer) {
  const Certificate& certificate = issuer.certificate;
  if (!certificate.is_ca()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the CA certificate of '", certificate.subject(), "' is no CA (CA:FALSE)"));
  }
  if (certificate.has_key_usage() &&
      (X509_get_key_usage(certificate.x509()) & KU_KEY_CERT_SIGN) == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the CA certificate of '", certificate.subject(),
                     "' may not sign certificates (keyUsage lacks keyCertSign)"));
  }
  if (!certificate.subject_key_identifier().has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the CA certificate of '", certificate.subject(),
                     "' has no subject key identifier, which the new certificate must name (RFC "
                     "5280, 4.2.1.1)"));
  }
  if (!(certificate.public_key() == issuer.key.public_key())) {
    return absl::FailedPreconditionError(
        "the CA's private key does not belong to the CA's certificate");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Certificate> IssueSelfSigned(const crypto::PrivateKey& key, const Subject& subject,
                                            const Validity& validity) {
  return Issue(nullptr, key, key.public_key(), subject, validity);
}

absl::StatusOr<Certificate> IssueBy(const Issuer& issuer, const crypto::PublicKey& key,
                                    const Subject& subject, const Validity& validity) {
  JET_RETURN_IF_ERROR(CheckIssuer(issuer));
  return Issue(&issuer, issuer.key, key, subject, validity);
}

}  // namespace jet::pki

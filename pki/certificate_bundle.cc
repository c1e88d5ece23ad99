#include "pki/certificate_bundle.h"

#include <openssl/asn1.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"
#include "pki/der.h"
#include "pki/pem.h"
#include "pki/signature_algorithm.h"

namespace jet::pki {
namespace {

using Pkcs7Ptr = crypto::OpenSslPtr<PKCS7, PKCS7_free>;

// RFC 7468, sections 8 and 9.
constexpr ObjectKind kPkcs7 = {"PKCS#7 object", "a PKCS#7 SignedData", PEM_STRING_PKCS7,
                               PEM_STRING_CMS};

bool Contains(const std::vector<Certificate>& certificates, const Certificate& wanted) {
  return std::any_of(certificates.begin(), certificates.end(),
                     [&wanted](const Certificate& each) { return each.der() == wanted.der(); });
}

absl::Status Append(Certificate certificate, std::vector<Certificate>& bundle) {
  if (Contains(bundle, certificate)) return absl::OkStatus();
  if (bundle.size() == kMaxBundle) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the file holds more than ", kMaxBundle, " certificates"));
  }
  bundle.push_back(std::move(certificate));
  return absl::OkStatus();
}

absl::Status AppendPkcs7(base::ByteSpan der, std::vector<Certificate>& bundle) {
  JET_ASSIGN_OR_RETURN(const Pkcs7Ptr pkcs7, DecodeDer<Pkcs7Ptr>(d2i_PKCS7, der, kPkcs7));
  if (!PKCS7_type_is_signed(pkcs7.get()) || pkcs7->d.sign == nullptr) {
    return absl::InvalidArgumentError(
        "the PKCS#7 object is of another type than SignedData: it cannot hold certificates");
  }
  const STACK_OF(X509)* const certificates = pkcs7->d.sign->cert;
  for (int i = 0; i < sk_X509_num(certificates); ++i) {
    JET_ASSIGN_OR_RETURN(Certificate certificate,
                         Certificate::FromX509(sk_X509_value(certificates, i)));
    JET_RETURN_IF_ERROR(Append(std::move(certificate), bundle));
  }
  return absl::OkStatus();
}

absl::Status AppendCertificate(base::ByteSpan der, std::vector<Certificate>& bundle) {
  JET_ASSIGN_OR_RETURN(Certificate certificate, Certificate::DecodeDer(der));
  return Append(std::move(certificate), bundle);
}

absl::Status AppendBlock(const PemBlock& block, std::vector<Certificate>& bundle) {
  if (block.label == PEM_STRING_X509 || block.label == PEM_STRING_X509_OLD) {
    return AppendCertificate(block.content, bundle);
  }
  if (block.label == kPkcs7.label || block.label == kPkcs7.other_label) {
    return AppendPkcs7(block.content, bundle);
  }
  if (block.holds_private_key()) {
    return absl::InvalidArgumentError("the file holds a private key: never send or receive one");
  }
  return absl::InvalidArgumentError(absl::StrCat("the file holds a PEM block '", block.label,
                                                 "': only certificates are expected in it"));
}

absl::Status AppendPem(base::ByteSpan pem, std::vector<Certificate>& bundle) {
  JET_ASSIGN_OR_RETURN(const std::vector<PemBlock> blocks, ReadPem(pem));
  for (const PemBlock& block : blocks) JET_RETURN_IF_ERROR(AppendBlock(block, bundle));
  return absl::OkStatus();
}

// A PKCS#7 object begins with the OID of its type, a certificate with a SEQUENCE.
bool IsPkcs7(base::ByteSpan der) {
  const uint8_t* position = der.data();
  long length = 0;
  int tag = 0;
  int tag_class = 0;
  const int result =
      ASN1_get_object(&position, &length, &tag, &tag_class, static_cast<long>(der.size()));
  crypto::DropOpenSslErrors();
  return (result & 0x80) == 0 && position < der.data() + der.size() && *position == V_ASN1_OBJECT;
}

// What OpenSSL says of names, key identifiers and key usage. Where it says that the signature's
// algorithm is none of the issuer's key, the signature itself is left to tell.
absl::Status CheckMayHaveIssued(const Certificate& certificate, const Certificate& issuer) {
  const int result = X509_check_issued(issuer.x509(), certificate.x509());
  crypto::DropOpenSslErrors();
  const std::string message =
      absl::StrCat("'", issuer.subject(), "' did not issue '", certificate.subject(),
                   "': ", X509_verify_cert_error_string(result));
  switch (result) {
    case X509_V_OK:
    case X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH:
    case X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM:
      return absl::OkStatus();
    case X509_V_ERR_SUBJECT_ISSUER_MISMATCH:
    case X509_V_ERR_AKID_SKID_MISMATCH:
    case X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
      return absl::NotFoundError(message);
    default:
      return absl::FailedPreconditionError(message);
  }
}

bool IsSelfSigned(const Certificate& certificate) {
  const bool self_signed = X509_self_signed(certificate.x509(), 1) == 1;
  crypto::DropOpenSslErrors();
  return self_signed;
}

// Returns the issuer of `certificate` among `candidates` without those in `chain`; nullopt when
// there is none. Of several, such as a CA's own certificate and one with which another CA vouches
// for it, the one that ends the chain.
absl::StatusOr<absl::optional<Certificate>> NextIssuer(const Certificate& certificate,
                                                       const std::vector<Certificate>& candidates,
                                                       const std::vector<Certificate>& chain) {
  absl::optional<Certificate> found;
  absl::Status mismatch;
  for (const Certificate& candidate : candidates) {
    if (Contains(chain, candidate)) continue;
    const absl::Status issued = CheckIssuedBy(certificate, candidate);
    if (!issued.ok() && !absl::IsNotFound(issued)) mismatch.Update(issued);
    if (!issued.ok()) continue;
    if (IsSelfSigned(candidate)) return candidate;
    if (!found.has_value()) found = candidate;
  }
  if (!found.has_value()) JET_RETURN_IF_ERROR(mismatch);
  return found;
}

}  // namespace

absl::StatusOr<std::vector<Certificate>> DecodeCertificates(base::ByteSpan encoded) {
  if (encoded.empty()) return absl::InvalidArgumentError("the certificate file is empty");
  std::vector<Certificate> bundle;
  if (IsPem(encoded)) {
    JET_RETURN_IF_ERROR(AppendPem(encoded, bundle));
  } else if (IsPkcs7(encoded)) {
    JET_RETURN_IF_ERROR(AppendPkcs7(encoded, bundle));
  } else {
    JET_RETURN_IF_ERROR(AppendCertificate(encoded, bundle));
  }
  if (bundle.empty()) return absl::InvalidArgumentError("the file holds no certificate");
  return bundle;
}

absl::StatusOr<std::vector<Certificate>> ReadCertificates(const std::string& path) {
  JET_ASSIGN_OR_RETURN(const base::Bytes content, base::ReadFile(path, kMaxCertificateFile));
  absl::StatusOr<std::vector<Certificate>> bundle = DecodeCertificates(content);
  if (!bundle.ok()) return base::Annotate(bundle.status(), absl::StrCat("'", path, "'"));
  return bundle;
}

absl::Status CheckIssuedBy(const Certificate& certificate, const Certificate& issuer) {
  JET_RETURN_IF_ERROR(CheckMayHaveIssued(certificate, issuer));
  const std::string what = absl::StrCat("the certificate of '", certificate.subject(), "'");
  JET_RETURN_IF_ERROR(CheckCanVerify(X509_get_signature_nid(certificate.x509()), what));
  if (X509_verify(certificate.x509(), issuer.public_key().evp()) == 1) return absl::OkStatus();
  crypto::DropOpenSslErrors();
  return absl::UnauthenticatedError(absl::StrCat(
      "the signature of ", what, " does not match the key of its issuer '", issuer.subject(), "'"));
}

absl::StatusOr<std::vector<Certificate>> IssuersOf(const Certificate& certificate,
                                                   const std::vector<Certificate>& candidates) {
  std::vector<Certificate> chain = {certificate};
  while (!IsSelfSigned(chain.back())) {
    JET_ASSIGN_OR_RETURN(absl::optional<Certificate> issuer,
                         NextIssuer(chain.back(), candidates, chain));
    if (!issuer.has_value()) break;
    chain.push_back(*std::move(issuer));
  }
  chain.erase(chain.begin());
  return chain;
}

}  // namespace jet::pki

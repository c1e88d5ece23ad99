#include "pki/request.h"

#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"
#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/name_text.h"
#include "pki/pem.h"
#include "pki/signature_algorithm.h"

namespace jet::pki {
namespace {

using crypto::OpenSslError;
using X509ReqPtr = crypto::OpenSslPtr<X509_REQ, X509_REQ_free>;
using Asn1BitStringPtr = crypto::OpenSslPtr<ASN1_BIT_STRING, ASN1_BIT_STRING_free>;
constexpr absl::StatusCode kInternal = absl::StatusCode::kInternal;

constexpr ObjectKind kKind = {"certificate request", "a PKCS#10 certificate request",
                              PEM_STRING_X509_REQ, PEM_STRING_X509_REQ_OLD};

absl::StatusOr<crypto::PublicKey> VerifiedKey(X509_REQ* request) {
  EVP_PKEY* const key = X509_REQ_get0_pubkey(request);
  if (key == nullptr) {
    return OpenSslError(absl::StatusCode::kInvalidArgument,
                        "the certificate request's public key cannot be used");
  }
  JET_RETURN_IF_ERROR(
      CheckCanVerify(X509_REQ_get_signature_nid(request), "the certificate request"));
  if (X509_REQ_verify(request, key) != 1) {
    crypto::DropOpenSslErrors();
    return absl::UnauthenticatedError(
        "the certificate request's signature does not match the public key in it");
  }
  return crypto::PublicKey::FromEvp(key);
}

// The parameters of RSA's algorithms are NULL, those of ECDSA's are absent (RFC 4055, 5758).
absl::StatusOr<crypto::X509AlgorPtr> SignatureAlgorithm(const crypto::PublicKey& key,
                                                        crypto::HashAlgorithm hash) {
  const bool rsa = key.type().algorithm == crypto::KeyAlgorithm::kRsa;
  int nid = NID_undef;
  crypto::X509AlgorPtr algorithm(X509_ALGOR_new());
  if (algorithm == nullptr ||
      OBJ_find_sigid_by_algs(&nid, OBJ_ln2nid(crypto::NameOf(hash)),
                             rsa ? NID_rsaEncryption : NID_X9_62_id_ecPublicKey) != 1 ||
      X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(nid), rsa ? V_ASN1_NULL : V_ASN1_UNDEF,
                      nullptr) != 1) {
    return OpenSslError(kInternal, "cannot name the signature algorithm");
  }
  return algorithm;
}

absl::StatusOr<Asn1BitStringPtr> BitString(base::ByteSpan bytes) {
  Asn1BitStringPtr bits(ASN1_BIT_STRING_new());
  if (bits == nullptr ||
      ASN1_STRING_set(bits.get(), bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return OpenSslError(kInternal, "cannot hold the signature");
  }
  // All bits of the last byte are used. Without this OpenSSL drops zeros at the end.
  bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07L);
  bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
  return bits;
}

// Makes the request without its signature. The key is encoded and decoded first: OpenSSL's object
// would otherwise share the signer's, in which the private key may be.
absl::StatusOr<X509ReqPtr> Unsigned(const crypto::PublicKey& key, const Subject& subject) {
  JET_ASSIGN_OR_RETURN(const base::Bytes key_info, key.SubjectPublicKeyInfo());
  JET_ASSIGN_OR_RETURN(const crypto::PublicKey public_half,
                       crypto::PublicKey::FromSubjectPublicKeyInfo(key_info));
  X509ReqPtr request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), public_half.evp()) != 1) {
    return OpenSslError(kInternal, "cannot make a certificate request");
  }
  JET_RETURN_IF_ERROR(FillName(subject, X509_REQ_get_subject_name(request.get())));
  return request;
}

absl::Status Sign(const crypto::Signer& signer, X509_REQ* request) {
  const crypto::HashAlgorithm hash = HashFor(signer.public_key());
  JET_ASSIGN_OR_RETURN(const base::Bytes to_be_signed,
                       EncodeDer(i2d_re_X509_REQ_tbs, request, "the certificate request"));
  JET_ASSIGN_OR_RETURN(const crypto::Digest digest, crypto::ComputeDigest(hash, to_be_signed));
  JET_ASSIGN_OR_RETURN(const base::Bytes signature, signer.SignDigest(digest));
  JET_ASSIGN_OR_RETURN(const crypto::X509AlgorPtr algorithm,
                       SignatureAlgorithm(signer.public_key(), hash));
  JET_ASSIGN_OR_RETURN(Asn1BitStringPtr bits, BitString(signature));
  if (X509_REQ_set1_signature_algo(request, algorithm.get()) != 1) {
    return OpenSslError(kInternal, "cannot name the signature algorithm");
  }
  X509_REQ_set0_signature(request, bits.release());
  return absl::OkStatus();
}

}  // namespace

struct CertificateRequest::State {
  State(X509ReqPtr owned, crypto::PublicKey key)
      : x509_req(std::move(owned)), public_key(std::move(key)) {}

  const X509ReqPtr x509_req;
  const crypto::PublicKey public_key;
  base::Bytes der;
  std::string subject_text;
  std::string common_name;
};

absl::StatusOr<CertificateRequest> CertificateRequest::Decode(base::ByteSpan encoded) {
  JET_ASSIGN_OR_RETURN(base::Bytes der, ReadOneDer(encoded, kKind));
  JET_ASSIGN_OR_RETURN(X509ReqPtr request, DecodeDer<X509ReqPtr>(d2i_X509_REQ, der, kKind));
  JET_ASSIGN_OR_RETURN(crypto::PublicKey key, VerifiedKey(request.get()));
  const X509_NAME* const name = X509_REQ_get_subject_name(request.get());
  auto state = std::make_shared<State>(std::move(request), std::move(key));
  state->der = std::move(der);
  state->subject_text = NameText(name);
  state->common_name = CommonName(name);
  return CertificateRequest(std::shared_ptr<const State>(std::move(state)));
}

absl::StatusOr<CertificateRequest> CertificateRequest::ReadFile(const std::string& path) {
  JET_ASSIGN_OR_RETURN(const base::Bytes content, base::ReadFile(path, kMaxCertificateFile));
  absl::StatusOr<CertificateRequest> request = Decode(content);
  if (!request.ok()) return base::Annotate(request.status(), absl::StrCat("'", path, "'"));
  return request;
}

const base::Bytes& CertificateRequest::der() const { return state_->der; }
std::string CertificateRequest::Pem() const { return WritePem(PEM_STRING_X509_REQ, state_->der); }
const crypto::PublicKey& CertificateRequest::public_key() const { return state_->public_key; }
const std::string& CertificateRequest::subject_text() const { return state_->subject_text; }
const std::string& CertificateRequest::common_name() const { return state_->common_name; }

absl::StatusOr<Subject> CertificateRequest::GetSubject() const {
  return ReadName(X509_REQ_get_subject_name(state_->x509_req.get()));
}

absl::StatusOr<CertificateRequest> MakeRequest(const crypto::Signer& signer,
                                               const Subject& subject) {
  JET_RETURN_IF_ERROR(crypto::CheckMaySign(signer.public_key().type()));
  JET_ASSIGN_OR_RETURN(const X509ReqPtr request, Unsigned(signer.public_key(), subject));
  JET_RETURN_IF_ERROR(Sign(signer, request.get()));
  JET_ASSIGN_OR_RETURN(const base::Bytes der,
                       EncodeDer(i2d_X509_REQ, request.get(), "the certificate request"));
  // Decoding verifies it: what leaves this function is what a CA will accept.
  return CertificateRequest::Decode(der);
}

}  // namespace jet::pki

#include "sign/sign_digest.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/hash_algorithm.h"
#include "crypto/key_type.h"
#include "crypto/verity_digest.h"
#include "ima/file_id.h"

namespace jet::sign {

absl::StatusOr<ima::KeyId> KeyIdOfSigner(const crypto::Signer& signer,
                                         const pki::Certificate& certificate) {
  if (!(certificate.public_key() == signer.public_key())) {
    return absl::FailedPreconditionError(
        "the certificate does not belong to the private key: signatures would never verify");
  }
  JET_RETURN_IF_ERROR(crypto::CheckMaySign(certificate.public_key().type()));
  return ima::KeyIdOf(certificate);
}

absl::StatusOr<base::Bytes> SignDigest(const crypto::Signer& signer,
                                       const pki::Certificate& certificate,
                                       const crypto::Digest& digest, ima::SignatureKind kind) {
  JET_ASSIGN_OR_RETURN(const ima::KeyId key_id, KeyIdOfSigner(signer, certificate));
  return SignDigest(signer, key_id, digest, kind);
}

absl::StatusOr<base::Bytes> SignDigest(const crypto::Signer& signer, const ima::KeyId& key_id,
                                       const crypto::Digest& digest, ima::SignatureKind kind) {
  const crypto::HashAlgorithmRow& hash = crypto::RowOf(digest.algorithm());
  if (hash.strength != crypto::HashStrength::kSign) {
    return absl::FailedPreconditionError(absl::StrCat(hash.name, " is too weak to sign with"));
  }
  if (kind == ima::SignatureKind::kVerity) {
    JET_RETURN_IF_ERROR(crypto::CheckIsVerityHash(digest.algorithm()));
  }
  JET_ASSIGN_OR_RETURN(const crypto::Digest signed_digest, ima::SignedDigest(kind, digest));
  JET_ASSIGN_OR_RETURN(base::Bytes signature, signer.SignDigest(signed_digest));
  const absl::Status verified = signer.public_key().Verify(signed_digest, signature);
  if (!verified.ok()) {
    return absl::InternalError(
        absl::StrCat("the new signature does not verify and was dropped: ", verified.message()));
  }
  return ima::EncodeSignature({digest.algorithm(), key_id, std::move(signature), kind});
}

}  // namespace jet::sign

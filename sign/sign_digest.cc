#include "sign/sign_digest.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/hash_algorithm.h"
#include "ima/signature.h"

namespace jet::sign {

absl::StatusOr<base::Bytes> SignDigest(const crypto::Signer& signer, const ima::KeyId& key_id,
                                       const crypto::Digest& digest) {
  const crypto::HashAlgorithmRow& hash = crypto::RowOf(digest.algorithm());
  if (hash.strength != crypto::HashStrength::kSign) {
    return absl::FailedPreconditionError(absl::StrCat(hash.name, " is too weak to sign with"));
  }
  JET_ASSIGN_OR_RETURN(base::Bytes signature, signer.SignDigest(digest));
  const absl::Status verified = signer.public_key().Verify(digest, signature);
  if (!verified.ok()) {
    return absl::InternalError(
        absl::StrCat("the new signature does not verify and was dropped: ", verified.message()));
  }
  return ima::EncodeSignature({digest.algorithm(), key_id, std::move(signature)});
}

}  // namespace jet::sign

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "appraise/appraisal.h"
#include "crypto/verity_digest.h"

namespace jet::appraise {

absl::StatusOr<Appraisal> AppraiseContent(base::ByteSpan content,
                                          const absl::optional<base::Bytes>& xattr,
                                          const TrustSet& trust, Rule rule) {
  if (rule == Rule::kSigv3) {
    return AppraiseVerity(xattr, trust, absl::nullopt, [content](crypto::HashAlgorithm hash) {
      return crypto::ComputeVerityDigest(content, hash);
    });
  }
  return Appraise(xattr, trust, [content](crypto::HashAlgorithm hash) {
    return crypto::ComputeDigest(hash, content);
  });
}

absl::StatusOr<Appraisal> AppraiseDigest(const crypto::Digest& digest,
                                         const absl::optional<base::Bytes>& xattr,
                                         const TrustSet& trust, Rule rule) {
  const auto given = [&digest](crypto::HashAlgorithm hash) -> absl::StatusOr<crypto::Digest> {
    if (hash == digest.algorithm()) return digest;
    return absl::FailedPreconditionError(
        absl::StrCat("cannot judge the signature by a ", crypto::NameOf(digest.algorithm()),
                     " digest: it is over the ", crypto::NameOf(hash), " digest of the file"));
  };
  if (rule == Rule::kSigv3) return AppraiseVerity(xattr, trust, digest, given);
  return Appraise(xattr, trust, given);
}

}  // namespace jet::appraise

#include "sign/file_digest.h"

#include "base/status_macros.h"
#include "crypto/verity_digest.h"

namespace jet::sign {

absl::StatusOr<FileDigest> DigestOfFile(int fd, const FileDigestRequest& request,
                                        crypto::Hasher& hasher) {
  if (request.kind == ima::SignatureKind::kContent) {
    JET_ASSIGN_OR_RETURN(const crypto::Digest digest,
                         hasher.HashFile(fd, request.hash, request.size));
    return FileDigest{digest, absl::nullopt};
  }
  JET_ASSIGN_OR_RETURN(const absl::optional<crypto::Digest> measured,
                       crypto::MeasureVerityDigest(fd));
  if (measured.has_value()) return FileDigest{*measured, VerityState::kEnabled};
  JET_ASSIGN_OR_RETURN(const crypto::Digest computed,
                       crypto::ComputeVerityDigest(fd, request.hash, request.size));
  return FileDigest{computed, VerityState::kNotEnabled};
}

}  // namespace jet::sign

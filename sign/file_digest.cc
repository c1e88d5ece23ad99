#include "sign/file_digest.h"

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/permission.h"
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

absl::StatusOr<bool> EnableVerityToSign(int fd, crypto::HashAlgorithm hash) {
  // Enabling cannot be undone, so what would stop the signature is looked for before.
  if (!base::HasCapSysAdmin() || !base::InInitialUserNamespace()) {
    return absl::PermissionDeniedError(
        absl::StrCat("fs-verity is not enabled, as the signature could not be written then: ",
                     base::ExplainXattrRefusal(fd, EPERM)));
  }
  return crypto::EnableVerity(fd, hash);
}

}  // namespace jet::sign

#include "ima/file_id.h"

#include "base/bytes.h"

namespace jet::ima {

absl::StatusOr<crypto::Digest> SignedDigest(SignatureKind kind, const crypto::Digest& digest) {
  if (kind == SignatureKind::kContent) return digest;
  base::Bytes file_id = {static_cast<uint8_t>(XattrType::kVeritySignature),
                         KernelHashId(digest.algorithm())};
  file_id.insert(file_id.end(), digest.value().begin(), digest.value().end());
  return crypto::ComputeDigest(digest.algorithm(), file_id);
}

}  // namespace jet::ima

// What the signatures in security.ima are computed over.
#ifndef JET_IMA_FILE_ID_H_
#define JET_IMA_FILE_ID_H_

#include "absl/status/statusor.h"
#include "crypto/digest.h"
#include "ima/signature.h"

namespace jet::ima {

// Returns the digest that a signature of `kind` signs for a file with `digest`: `digest` itself
// where that is of the content. Where it is the fs-verity digest, the hash, by the algorithm of
// `digest`, of struct ima_file_id (calc_file_id_hash in Linux' ima_appraise.c):
//   offset 0  1  type 0x06
//          1  1  hash algorithm of the digest (include/uapi/linux/hash_info.h)
//          2  n  the digest
// So nobody can pass a signature over the one kind of digest off as one over the other.
absl::StatusOr<crypto::Digest> SignedDigest(SignatureKind kind, const crypto::Digest& digest);

}  // namespace jet::ima

#endif  // JET_IMA_FILE_ID_H_

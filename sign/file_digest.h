// The digest of a file that a signature is over.
#ifndef JET_SIGN_FILE_DIGEST_H_
#define JET_SIGN_FILE_DIGEST_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "crypto/digest.h"
#include "crypto/hash_algorithm.h"
#include "ima/signature.h"

namespace jet::sign {

// Whether fs-verity is enabled on a file. While it is not, the kernel takes no signature over its
// fs-verity digest.
enum class VerityState {
  kEnabled,     // it was
  kEnabledNow,  // by this signer
  kNotEnabled,
};

// A value.
struct FileDigest {
  crypto::Digest digest;               // of the content, or the fs-verity digest
  absl::optional<VerityState> verity;  // nullopt for the digest of the content
};

// What is to be found of a file, and what is known of it.
struct FileDigestRequest {
  ima::SignatureKind kind;     // which digest
  crypto::HashAlgorithm hash;  // made by which algorithm
  uint64_t size;               // of the file
};

// Returns the digest of the open file `fd` that a signature of `request.kind` signs. The fs-verity
// digest is the kernel's where fs-verity is enabled on the file, with the hash that it was enabled
// with, whatever was requested; else the one that enabling it would give. ABORTED when the file has
// another size.
absl::StatusOr<FileDigest> DigestOfFile(int fd, const FileDigestRequest& request,
                                        crypto::Hasher& hasher);

}  // namespace jet::sign

#endif  // JET_SIGN_FILE_DIGEST_H_

// Enables fs-verity, which cannot be undone, on files that have their signature.
#ifndef JET_SIGN_VERITY_ENABLING_H_
#define JET_SIGN_VERITY_ENABLING_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/digest.h"
#include "sign/file_digest.h"

namespace jet::sign {

// Looks for what would keep this process from enabling fs-verity on the open file `fd` or from
// writing its security.ima, as far as that can be seen beforehand. UNIMPLEMENTED, with what to do,
// when the file system or the kernel has no fs-verity. PERMISSION_DENIED on a file system that is
// mounted read-only, for an immutable or append-only file, without CAP_SYS_ADMIN, or in a user
// namespace. OK where it is enabled. Changes nothing.
absl::Status CheckBeforeEnabling(int fd);

// Enables fs-verity on the open file `fd`, whose fs-verity digest `signed_digest` was found to be
// and which has a signature of it. Returns kEnabledNow, or kEnabled when somebody else was faster.
// FAILED_PRECONDITION when the file turns out to have been changed meanwhile, so that the digest is
// another one: VerityWasEnabled is true of that. ABORTED when somebody else was faster and gave it
// another digest. Otherwise as crypto::EnableVerity, and nothing is enabled.
absl::StatusOr<VerityState> EnableVerityOfSigned(int fd, const crypto::Digest& signed_digest);

// True when `error` is of a file on which fs-verity was enabled all the same.
bool VerityWasEnabled(const absl::Status& error);

}  // namespace jet::sign

#endif  // JET_SIGN_VERITY_ENABLING_H_

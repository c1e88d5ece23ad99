// Puts a signature that was made elsewhere into security.ima.
#ifndef JET_SIGN_APPLY_SIGNATURE_H_
#define JET_SIGN_APPLY_SIGNATURE_H_

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "sign/signature_store.h"

namespace jet::sign {

enum class ApplyResult {
  kApplied,       // security.ima was written and read back
  kAlreadyValid,  // security.ima is that signature already; nothing was written
  kWouldApply,    // as kApplied, but this is a dry run: nothing was written
  kRefused,       // it is no good signature of the file; nothing was written
};

// The word for `result` in messages and JSON: "applied", "already-valid", "would-apply", "refused".
const char* ApplyResultName(ApplyResult result);

struct ApplyOptions {
  bool dry_run = false;  // do all but write
};

// Says whether the signature is one of the file. Called again when the file changed meanwhile.
using SignatureCheck = absl::FunctionRef<absl::StatusOr<bool>()>;

// Writes `value` to `store`, the attribute of the regular file `fd`, which is open for reading
// only, if `check` says that it is a signature of it. The file is watched all the while: when it
// changed, it starts over, twice; then ABORTED, and `value` is not in `store`. UNAVAILABLE while
// somebody has the file open for writing; otherwise what `check` and `store` say. Thread-safe.
absl::StatusOr<ApplyResult> ApplySignature(int fd, const base::Bytes& value, SignatureCheck check,
                                           SignatureStore& store, const ApplyOptions& options);

}  // namespace jet::sign

#endif  // JET_SIGN_APPLY_SIGNATURE_H_

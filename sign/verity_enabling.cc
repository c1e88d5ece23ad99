#include "sign/verity_enabling.h"

#include <cerrno>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "base/fs_verity.h"
#include "base/permission.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "crypto/verity_digest.h"

namespace jet::sign {
namespace {

constexpr char kEnabledPayload[] = "jet/verity-enabled";

absl::Status CheckSignatureCanBeWritten(int fd) {
  // Unknown is no reason to refuse: writing the signature comes before enabling, and tells.
  if (base::HasCapSysAdmin() && base::OwnUserNamespace() != base::UserNamespace::kOther) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      absl::StrCat("fs-verity is not enabled, as the signature could not be written: ",
                   base::ExplainXattrRefusal(fd, EPERM)));
}

absl::Status CheckMeasured(int fd, const crypto::Digest& signed_digest) {
  JET_ASSIGN_OR_RETURN(const absl::optional<crypto::Digest> measured,
                       crypto::MeasureVerityDigest(fd));
  if (measured == signed_digest) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the file was changed after it was read, and no signature matches it; look at what it is "
      "now, then sign it again");
}

}  // namespace

absl::Status CheckBeforeEnabling(int fd) {
  JET_ASSIGN_OR_RETURN(const absl::optional<base::VerityMeasurement> measured,
                       base::MeasureVerity(fd));
  if (measured.has_value()) return absl::OkStatus();
  JET_RETURN_IF_ERROR(base::CheckVerityCanBeEnabled(fd));
  return CheckSignatureCanBeWritten(fd);
}

absl::StatusOr<VerityState> EnableVerityOfSigned(int fd, const crypto::Digest& signed_digest) {
  JET_ASSIGN_OR_RETURN(const bool enabled_now, crypto::EnableVerity(fd, signed_digest.algorithm()));
  const absl::Status measured = CheckMeasured(fd, signed_digest);
  if (measured.ok()) return enabled_now ? VerityState::kEnabledNow : VerityState::kEnabled;
  if (!enabled_now) {
    return absl::AbortedError("another process enabled fs-verity on the file meanwhile");
  }
  absl::Status error = base::Annotate(measured, "fs-verity was enabled, but");
  error.SetPayload(kEnabledPayload, absl::Cord());
  return error;
}

bool VerityWasEnabled(const absl::Status& error) {
  return error.GetPayload(kEnabledPayload).has_value();
}

}  // namespace jet::sign

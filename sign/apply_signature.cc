#include "sign/apply_signature.h"

#include "base/change_guard.h"
#include "base/status_macros.h"

namespace jet::sign {
namespace {

// How often a file that changed meanwhile is tried in all.
constexpr int kTries = 3;

absl::StatusOr<ApplyResult> ApplyOnce(int fd, const base::Bytes& value, SignatureCheck check,
                                      SignatureStore& store, const ApplyOptions& options) {
  JET_ASSIGN_OR_RETURN(const base::ChangeGuard guard, base::ChangeGuard::Start(fd));
  JET_ASSIGN_OR_RETURN(const bool good, check());
  JET_RETURN_IF_ERROR(guard.Check());
  if (!good) return ApplyResult::kRefused;
  JET_ASSIGN_OR_RETURN(const absl::optional<base::Bytes> present, store.Read());
  if (present == value) return ApplyResult::kAlreadyValid;
  if (options.dry_run) return ApplyResult::kWouldApply;
  JET_RETURN_IF_ERROR(store.Write(value, guard));
  return ApplyResult::kApplied;
}

}  // namespace

const char* ApplyResultName(ApplyResult result) {
  switch (result) {
    case ApplyResult::kApplied:
      return "applied";
    case ApplyResult::kAlreadyValid:
      return "already-valid";
    case ApplyResult::kWouldApply:
      return "would-apply";
    case ApplyResult::kRefused:
      return "refused";
  }
  return "";
}

absl::StatusOr<ApplyResult> ApplySignature(int fd, const base::Bytes& value, SignatureCheck check,
                                           SignatureStore& store, const ApplyOptions& options) {
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<ApplyResult> result = ApplyOnce(fd, value, check, store, options);
    if (!absl::IsAborted(result.status()) || attempt == kTries) return result;
  }
}

}  // namespace jet::sign

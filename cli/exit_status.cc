#include "cli/exit_status.h"

#include "absl/strings/cord.h"

namespace jet::cli {
namespace {

constexpr char kUsagePayload[] = "jet/usage";

}  // namespace

absl::Status UsageError(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

ExitStatus ExitStatusFor(const absl::Status& error) {
  return error.GetPayload(kUsagePayload).has_value() ? ExitStatus::kUsage : ExitStatus::kCouldNotDo;
}

}  // namespace jet::cli

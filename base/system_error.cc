#include "base/system_error.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace jet::base {
namespace {

constexpr char kErrnoPayload[] = "jet/errno";

absl::StatusCode CodeFor(int error_number) {
  switch (error_number) {
    case ENODATA:
    case ENOKEY:
      return absl::StatusCode::kNotFound;
    case EKEYREJECTED:
      return absl::StatusCode::kPermissionDenied;
    case EBADMSG:
      return absl::StatusCode::kInvalidArgument;
    case ENOPKG:
    case EOPNOTSUPP:
      return absl::StatusCode::kUnimplemented;
    default:
      return absl::ErrnoToStatusCode(error_number);
  }
}

}  // namespace

absl::Status SystemError(int error_number, absl::string_view action) {
  // glibc's strerror() is thread-safe since 2.32.
  absl::Status status(CodeFor(error_number),
                      absl::StrCat(action, ": ", std::strerror(error_number)));
  status.SetPayload(kErrnoPayload, absl::Cord(absl::StrCat(error_number)));
  return status;
}

int ErrnoOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrnoPayload);
  int error_number = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &error_number)) return 0;
  return error_number;
}

absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload([&annotated](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

}  // namespace jet::base

#include "crypto/openssl_error.h"

#include <openssl/err.h>

#include "absl/strings/str_cat.h"

namespace jet::crypto {

absl::Status OpenSslError(absl::StatusCode code, absl::string_view action) {
  // The newest entry is the least specific one ("decoder routines: unsupported"), so the oldest
  // that has a reason is reported.
  const char* reason = nullptr;
  while (const unsigned long error = ERR_get_error()) {
    if (reason == nullptr) reason = ERR_reason_error_string(error);
  }
  if (reason == nullptr) return absl::Status(code, action);
  return absl::Status(code, absl::StrCat(action, ": ", reason));
}

void DropOpenSslErrors() { ERR_clear_error(); }

}  // namespace jet::crypto

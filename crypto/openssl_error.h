// The one gate from OpenSSL's error queue to absl::Status.
#ifndef JET_CRYPTO_OPENSSL_ERROR_H_
#define JET_CRYPTO_OPENSSL_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace jet::crypto {

// Makes a status with `code` and "<action>: <OpenSSL's reason>" and empties this thread's error
// queue, so that no reason is ever reported twice or for another failure.
absl::Status OpenSslError(absl::StatusCode code, absl::string_view action);

// Empties this thread's error queue after a failure that is not an error for the caller.
void DropOpenSslErrors();

}  // namespace jet::crypto

#endif  // JET_CRYPTO_OPENSSL_ERROR_H_

// What a certificate must be for the kernel's IMA to use its key.
#ifndef JET_IMA_SIGNING_CERTIFICATE_H_
#define JET_IMA_SIGNING_CERTIFICATE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pki/certificate.h"

namespace jet::ima {

// What to do about a certificate outside of its dates.
enum class ExpiredCertificates {
  kRefuse,
  kAllow,  // the kernel does not look at the dates either
};

// Checks that the key of `certificate` may sign and that the kernel can find and use it: key type
// and size, subject key identifier of 4 bytes or more, digitalSignature where keyUsage is present,
// dates that include `now`, no control characters in the subject. FAILED_PRECONDITION says what is
// wrong. Returns warnings about what is allowed but unwise (CA:TRUE, no keyUsage, expired but
// allowed).
absl::StatusOr<std::vector<std::string>> CheckSigningCertificate(
    const pki::Certificate& certificate, absl::Time now, ExpiredCertificates expired);

// OK when `now` lies within the certificate's dates; else FAILED_PRECONDITION, which says when it
// expired or will be valid. The kernel does not look at them.
absl::Status CheckDates(const pki::Certificate& certificate, absl::Time now);

}  // namespace jet::ima

#endif  // JET_IMA_SIGNING_CERTIFICATE_H_

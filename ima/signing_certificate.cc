#include "ima/signing_certificate.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/key_type.h"
#include "ima/key_id.h"

namespace jet::ima {
namespace {

std::string DayOf(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone());
}

}  // namespace

absl::Status CheckDates(const pki::Certificate& certificate, absl::Time now) {
  if (now > certificate.not_after()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate expired on ", DayOf(certificate.not_after())));
  }
  if (now < certificate.not_before()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate is not valid before ", DayOf(certificate.not_before())));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> CheckSigningCertificate(
    const pki::Certificate& certificate, absl::Time now, ExpiredCertificates expired) {
  std::vector<std::string> warnings;
  JET_RETURN_IF_ERROR(crypto::CheckMaySign(certificate.public_key().type()));
  JET_RETURN_IF_ERROR(KeyIdOf(certificate).status());
  if (certificate.subject_has_control_characters()) {
    return absl::FailedPreconditionError(
        "the certificate's subject holds control characters, which would forge lines in "
        "/proc/keys");
  }
  if (!certificate.allows_digital_signature()) {
    return absl::FailedPreconditionError(
        "the certificate's keyUsage does not allow digitalSignature");
  }
  const absl::Status dates = CheckDates(certificate, now);
  if (!dates.ok()) {
    if (expired == ExpiredCertificates::kRefuse) return dates;
    warnings.emplace_back(dates.message());
  }
  if (certificate.is_ca()) {
    warnings.emplace_back(
        "the certificate is a CA (CA:TRUE): its key can issue further certificates");
  }
  if (!certificate.has_key_usage()) {
    warnings.emplace_back(
        "the certificate has no keyUsage: newer kernels take only digitalSignature on .ima");
  }
  return warnings;
}

}  // namespace jet::ima

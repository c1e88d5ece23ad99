// Fuzzes the readers of certificates and certificate requests: DER, PEM and PKCS#7, with all that
// is asked of what they take. What is taken reads back as the same DER.
//   build/fuzz/tests/fuzz/certificate_fuzzer -max_len=8192 -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/time/clock.h"
#include "base/bytes.h"
#include "ima/key_id.h"
#include "ima/signing_certificate.h"
#include "pki/certificate.h"
#include "pki/certificate_bundle.h"
#include "pki/request.h"

namespace jet {
namespace {

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "certificate_fuzzer: %s\n", what);
  std::abort();
}

void Look(const pki::Certificate& certificate) {
  const auto again = pki::Certificate::Decode(base::AsBytes(certificate.Pem()));
  Require(again.ok() && again->der() == certificate.der(), "the PEM does not read back");
  const auto key_id = ima::KeyIdOf(certificate);
  Require(!key_id.ok() || ima::Matches(certificate, *key_id), "its own key id does not match");
  (void)ima::CheckSigningCertificate(certificate, absl::Now(), ima::ExpiredCertificates::kAllow);
  (void)certificate.serial();
  (void)certificate.subject_has_control_characters();
  (void)certificate.is_weakly_signed();
  (void)certificate.self_issued();
  (void)pki::CheckIssuedBy(certificate, certificate);
  Require(certificate.Fingerprint().ok(), "no fingerprint");
}

}  // namespace
}  // namespace jet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const jet::base::ByteSpan encoded(data, size);
  const auto one = jet::pki::Certificate::Decode(encoded);
  const auto several = jet::pki::DecodeCertificates(encoded);
  jet::Require(
      !one.ok() || (several.ok() && several->size() == 1 && several->front().der() == one->der()),
      "one certificate is no bundle of one");
  if (several.ok()) {
    for (const auto& certificate : *several) jet::Look(certificate);
  }
  const auto request = jet::pki::CertificateRequest::Decode(encoded);
  if (request.ok()) {
    const auto again = jet::pki::CertificateRequest::Decode(jet::base::AsBytes(request->Pem()));
    jet::Require(again.ok() && again->der() == request->der(), "the request does not read back");
    (void)request->GetSubject();
  }
  return 0;
}

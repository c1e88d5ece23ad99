// Certificates to order, also such as pki/ refuses to make.
#ifndef JET_TESTS_IMA_CERTIFICATE_BUILDER_H_
#define JET_TESTS_IMA_CERTIFICATE_BUILDER_H_

#include <string>

#include "absl/types/optional.h"
#include "base/bytes.h"
#include "pki/certificate.h"

namespace jet::test {

enum class TestKey { kRsa2048, kP256, kEd25519 };

struct CertificateSpec {
  TestKey key = TestKey::kRsa2048;
  std::string common_name = "test key";
  // The value of the subjectKeyIdentifier extension; left out when nullopt.
  absl::optional<base::Bytes> identifier = base::Bytes{0x01, 0x02, 0x03, 0x04, 0x05, 0x06};
};

// Makes a self-signed certificate with a new key. Throws on failure.
pki::Certificate BuildCertificate(const CertificateSpec& spec = {});

}  // namespace jet::test

#endif  // JET_TESTS_IMA_CERTIFICATE_BUILDER_H_

// Certificates to order, good and bad ones, made while the tests run.
#ifndef JET_TESTS_PKI_TEST_CERTIFICATES_H_
#define JET_TESTS_PKI_TEST_CERTIFICATES_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "crypto/private_key.h"
#include "pki/certificate.h"

namespace jet::test {

// How the text of a name entry is written down.
enum class NameEncoding { kUtf8, kBmp, kRawUtf8 };  // kRawUtf8: the bytes as they are, valid or not

struct NameEntry {
  std::string field;  // OpenSSL's short name: "CN", "O", "emailAddress"
  std::string text;
  NameEncoding encoding = NameEncoding::kUtf8;
};

struct CertificateSpec {
  std::string key_type = "ec:p256";  // of TestKey, unless `key` is given
  const crypto::PrivateKey* key = nullptr;
  std::vector<NameEntry> subject = {{"O", "Lab"}, {"CN", "test"}};
  base::Bytes serial = {0x01};                                // big endian, unsigned
  absl::Time not_before = absl::FromUnixSeconds(1700000000);  // 2023-11-14
  absl::Time not_after = absl::FromUnixSeconds(4000000000);   // 2096-10-02
  absl::optional<base::Bytes> subject_key_identifier = base::Bytes(20, 0x5c);
  std::string basic_constraints = "critical,CA:FALSE";  // in x509v3_config(5); "" for none
  std::string key_usage = "critical,digitalSignature";  // "" for none
  std::vector<NameEntry> issuer = {};                   // the subject, when empty
  const crypto::PrivateKey* issuer_key = nullptr;       // its own key, when null
  absl::optional<base::Bytes> authority_key_identifier = absl::nullopt;
  std::string hash = "sha256";  // of the signature; Ed25519 brings its own along
};

// Returns a certificate, signed by its own key unless `spec` says otherwise. Throws on failure.
pki::Certificate MakeCertificate(const CertificateSpec& spec = {});

// Returns `certificate` in PEM.
std::string PemOf(const pki::Certificate& certificate);

}  // namespace jet::test

#endif  // JET_TESTS_PKI_TEST_CERTIFICATES_H_

// A certs folder for one test, and a CA that answers its requests.
#ifndef JET_TESTS_JET_CERT_REQUEST_FIXTURE_H_
#define JET_TESTS_JET_CERT_REQUEST_FIXTURE_H_

#include <gtest/gtest.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "jet-cert-request/certs_folder.h"
#include "jet-cert-request/new_request.h"
#include "pki/certificate.h"
#include "tests/base/scratch_folder.h"
#include "tests/pki/test_certificates.h"

namespace jet::cert_request {

// Within the life of every certificate made here (2023 to 2096).
inline const absl::Time kNow = absl::FromUnixSeconds(1800000000);

CertificateName Name(absl::string_view text);

// A whole subject with the common name `name`.
pki::Subject SubjectOf(absl::string_view name);

mode_t ModeOf(const std::string& path);
bool Exists(const std::string& path);
std::string ContentOf(const std::string& path);
std::vector<std::string> NamesIn(const std::string& folder);

// The CA's own certificates: its root, and the one that signs, which the root issued.
pki::Certificate Root();
pki::Certificate Intermediate(const std::string& hash = "sha256");

// What the CA would issue to `key` with the common name `name`.
test::CertificateSpec Issued(const crypto::PrivateKey& key, absl::string_view name);

class CertsTest : public testing::Test {
 protected:
  CertsTest() : path_(scratch_.Path("certs")) {}

  CertsFolder OpenFolder(FolderAccess access = FolderAccess::kWrite) const;

  // A request as the form yields it.
  NewRequest Wanted(absl::string_view name, absl::string_view key_type = "ec:p256") const;

  // Makes key and request of `name`.
  RequestFiles Make(absl::string_view name) const;

  // The private key of `name`.
  crypto::PrivateKey KeyOf(absl::string_view name) const;

  std::string Path(absl::string_view file) const {
    return scratch_.Path("certs/") + std::string(file);
  }
  std::string Write(absl::string_view file, absl::string_view content, mode_t mode = 0644) const {
    return scratch_.Write("certs/" + std::string(file), content, mode);
  }

  const test::ScratchFolder scratch_;
  const std::string path_;  // the certs folder, which is not there yet
};

}  // namespace jet::cert_request

#endif  // JET_TESTS_JET_CERT_REQUEST_FIXTURE_H_

#include "tests/jet-cert-request/fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/crypto/test_keys.h"
#include "tests/status_matchers.h"

namespace jet::cert_request {
namespace {

using test::CertificateSpec;
using test::MakeCertificate;
using test::TestKey;
using test::ValueOf;

constexpr char kCaKeyType[] = "ec:p384";
const std::vector<test::NameEntry> kRootName = {{"O", "Lab"}, {"CN", "test root"}};
const std::vector<test::NameEntry> kCaName = {{"O", "Lab"}, {"CN", "test CA"}};
const base::Bytes kCaIdentifier(20, 0xca);
const base::Bytes kRootIdentifier(20, 0x70);

}  // namespace

CertificateName Name(absl::string_view text) { return ValueOf(ParseCertificateName(text)); }

pki::Subject SubjectOf(absl::string_view name) {
  pki::Subject subject;
  subject.country = "US";
  subject.state = "CA";
  subject.locality = "Sunnyvale";
  subject.organization = "Acme, Inc.";
  subject.organizational_unit = "R/D";
  subject.common_name = std::string(name);
  subject.email = "ca@acme.example";
  return subject;
}

mode_t ModeOf(const std::string& path) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) != 0) return 0;
  return status.st_mode & 07777;
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string ContentOf(const std::string& path) {
  return std::string(base::AsText(ValueOf(base::ReadFile(path, 1 << 20))));
}

std::vector<std::string> NamesIn(const std::string& folder) {
  return ValueOf(base::ListFolder(test::Open(folder, O_RDONLY | O_DIRECTORY).get(), folder));
}

pki::Certificate Root() {
  CertificateSpec spec;
  spec.key_type = "rsa:2048";
  spec.subject = kRootName;
  spec.subject_key_identifier = kRootIdentifier;
  spec.basic_constraints = "critical,CA:TRUE";
  spec.key_usage = "critical,keyCertSign,cRLSign";
  return MakeCertificate(spec);
}

pki::Certificate Intermediate(const std::string& hash) {
  CertificateSpec spec;
  spec.key_type = kCaKeyType;
  spec.subject = kCaName;
  spec.subject_key_identifier = kCaIdentifier;
  spec.basic_constraints = "critical,CA:TRUE";
  spec.key_usage = "critical,keyCertSign,cRLSign";
  spec.issuer = kRootName;
  spec.issuer_key = &TestKey("rsa:2048");
  spec.authority_key_identifier = kRootIdentifier;
  spec.hash = hash;
  return MakeCertificate(spec);
}

CertificateSpec Issued(const crypto::PrivateKey& key, absl::string_view name) {
  CertificateSpec spec;
  spec.key = &key;
  spec.subject = {{"O", "Acme, Inc."}, {"CN", std::string(name)}};
  spec.issuer = kCaName;
  spec.issuer_key = &TestKey(kCaKeyType);
  spec.authority_key_identifier = kCaIdentifier;
  return spec;
}

CertsFolder CertsTest::OpenFolder(FolderAccess access) const {
  return ValueOf(CertsFolder::Open(path_, access));
}

NewRequest CertsTest::Wanted(absl::string_view name, absl::string_view key_type) const {
  NewRequest wanted;
  wanted.name = Name(name);
  wanted.subject = SubjectOf(name);
  wanted.key_type = ValueOf(crypto::ParseSigningKeyType(key_type));
  return wanted;
}

RequestFiles CertsTest::Make(absl::string_view name) const {
  return ValueOf(MakeRequestFiles(OpenFolder(), Wanted(name)));
}

crypto::PrivateKey CertsTest::KeyOf(absl::string_view name) const {
  return ValueOf(ReadPrivateKeyFile(Path(std::string(name) + kKeyEnding), test::NoPassphrase));
}

}  // namespace jet::cert_request

// Says whether the kernel would run an open file, by its own security.ima.
// usage: appraise_descriptor FILE CERTIFICATE
// Exit status: 0 valid, 1 not, 2 called wrongly, 3 no verdict was found.
#include <absl/time/clock.h>
#include <fcntl.h>
#include <jet-ima/appraise/appraisal.h>
#include <jet-ima/ima/signing_certificate.h>
#include <unistd.h>

#include <iostream>
#include <string>

namespace {

// What the verdict does not say, as the kernel does not care: weak keys and hashes, and dates.
void PrintWarnings(const jet::appraise::Appraisal& appraisal) {
  for (const std::string& warning : appraisal.warnings) {
    std::cerr << "appraise_descriptor: warning: " << warning << '\n';
  }
  if (appraisal.key == nullptr) return;
  const absl::Status dates = jet::ima::CheckDates(appraisal.key->certificate, absl::Now());
  if (!dates.ok()) std::cerr << "appraise_descriptor: warning: " << dates.message() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: appraise_descriptor FILE CERTIFICATE\n";
    return 2;
  }
  const auto certificate = jet::pki::Certificate::ReadFile(argv[2]);
  if (!certificate.ok()) {
    std::cerr << "appraise_descriptor: " << certificate.status().message() << '\n';
    return 3;
  }
  // The verdict points into it.
  const jet::appraise::TrustSet trust({{"release key", *certificate}});

  const int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    std::cerr << "appraise_descriptor: cannot open the file\n";
    return 3;
  }
  jet::crypto::Hasher hasher;
  const auto appraisal = jet::appraise::AppraiseFile(fd, trust, hasher);
  (void)close(fd);
  if (!appraisal.ok()) {
    std::cerr << "appraise_descriptor: " << appraisal.status().message() << '\n';
    return 3;
  }
  PrintWarnings(*appraisal);
  std::cout << jet::appraise::VerdictName(appraisal->verdict);
  if (appraisal->key != nullptr) std::cout << " (" << appraisal->key->name << ')';
  std::cout << '\n';
  return appraisal->verdict == jet::appraise::Verdict::kValid ? 0 : 1;
}

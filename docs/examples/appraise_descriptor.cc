// Says whether the kernel would run an open file, by its own security.ima.
// usage: appraise_descriptor FILE CERTIFICATE
// Exit status: 0 valid, 1 not, 2 called wrongly, 3 no verdict was found.
#include <fcntl.h>
#include <jet-ima/appraise/appraisal.h>
#include <unistd.h>

#include <iostream>

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
  std::cout << jet::appraise::VerdictName(appraisal->verdict);
  if (appraisal->key != nullptr) std::cout << " (" << appraisal->key->name << ')';
  std::cout << '\n';
  return appraisal->verdict == jet::appraise::Verdict::kValid ? 0 : 1;
}

// Says whether the kernel would run a file with the content on stdin and the value of security.ima
// in the file VALUE, where it trusts the keys of the certificates. No such file is needed.
// usage: appraise_bytes VALUE CERTIFICATE... < CONTENT
// Exit status: 0 valid, 1 not, 2 called wrongly, 3 no verdict was found.
#include <absl/time/clock.h>
#include <jet-ima/appraise/appraisal.h>
#include <jet-ima/ima/signing_certificate.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>
#include <vector>

namespace {

using jet::base::Bytes;

absl::StatusOr<jet::appraise::TrustSet> Trust(char** first, char** last) {
  std::vector<jet::ima::NamedCertificate> certificates;
  for (char** path = first; path != last; ++path) {
    absl::StatusOr<jet::pki::Certificate> certificate = jet::pki::Certificate::ReadFile(*path);
    if (!certificate.ok()) return certificate.status();
    certificates.push_back({*path, *std::move(certificate)});
  }
  return jet::appraise::TrustSet(std::move(certificates));
}

// What the verdict does not say, as the kernel does not care: weak keys and hashes, and dates.
void PrintWarnings(const jet::appraise::Appraisal& appraisal) {
  for (const std::string& warning : appraisal.warnings) {
    std::cerr << "appraise_bytes: warning: " << warning << '\n';
  }
  if (appraisal.key == nullptr) return;
  const absl::Status dates = jet::ima::CheckDates(appraisal.key->certificate, absl::Now());
  if (!dates.ok()) std::cerr << "appraise_bytes: warning: " << dates.message() << '\n';
}

int Fail(const absl::Status& status) {
  std::cerr << "appraise_bytes: " << status.message() << '\n';
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: appraise_bytes VALUE CERTIFICATE... < CONTENT\n";
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  if (!file) return Fail(absl::NotFoundError("cannot open the value"));
  const Bytes value{std::istreambuf_iterator<char>(file), {}};
  const Bytes content{std::istreambuf_iterator<char>(std::cin), {}};
  // The verdict points into it.
  const absl::StatusOr<jet::appraise::TrustSet> trust = Trust(argv + 2, argv + argc);
  if (!trust.ok()) return Fail(trust.status());

  const jet::appraise::Rule rule = jet::appraise::RuleForValue(value);
  const absl::StatusOr<jet::appraise::Appraisal> appraisal =
      jet::appraise::AppraiseContent(content, value, *trust, rule);
  if (!appraisal.ok()) return Fail(appraisal.status());
  PrintWarnings(*appraisal);
  std::cout << jet::appraise::VerdictName(appraisal->verdict);
  if (!appraisal->kernel_cause.empty()) std::cout << " cause=" << appraisal->kernel_cause;
  if (!appraisal->detail.empty()) std::cout << ": " << appraisal->detail;
  std::cout << '\n';
  return appraisal->verdict == jet::appraise::Verdict::kValid ? 0 : 1;
}

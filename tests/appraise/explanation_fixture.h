// A file that is explained under a kernel, as most tests of explanations need it.
#ifndef JET_TESTS_APPRAISE_EXPLANATION_FIXTURE_H_
#define JET_TESTS_APPRAISE_EXPLANATION_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "appraise/explanation.h"

namespace jet::appraise {

// Numbers of file systems, as statfs(2) gives them.
constexpr uint64_t kExt4 = 0xef53;
constexpr uint64_t kTmpfs = 0x01021994;
constexpr uint64_t kFuse = 0x65735546;
constexpr uint64_t kOverlay = 0x794c7630;

// The policy of an ExplanationTest.
constexpr char kBasePolicy[] =
    "dont_appraise fsmagic=0x01021994\n"
    "appraise func=BPRM_CHECK appraise_type=imasig\n"
    "appraise func=MMAP_CHECK mask=MAY_EXEC appraise_type=imasig\n";

// Its subject key identifier, if it has one, is 0x5c throughout.
pki::Certificate CertificateOf(const std::string& key_type, bool with_identifier = true);

// A certificate in a keyring whose subject key identifier is `byte` throughout.
ima::KeyringMember MemberOf(uint8_t byte);

ima::PolicyInForce PolicyOf(const std::string& text);

// A file, a kernel and an appraisal as they mostly are; tests change what they are about.
class ExplanationTest : public testing::Test {
 protected:
  ExplanationTest();

  // An appraisal that is not valid.
  void Becomes(Verdict verdict, const std::string& cause, bool with_key = false);

  std::vector<Finding> Findings() const;

  std::vector<std::string> Ids() const;

  // The text and the remedy of the first finding called `id`; empty when there is none.
  std::string Said(const std::string& id) const;

  ima::NamedCertificate key_;
  TrustSet trust_;
  Appraisal appraisal_;
  FileFacts file_;
  KernelFacts kernel_;
  absl::Time now_ = absl::FromUnixSeconds(1800000000);
  absl::optional<std::string> signature_file_;
};

}  // namespace jet::appraise

#endif  // JET_TESTS_APPRAISE_EXPLANATION_FIXTURE_H_

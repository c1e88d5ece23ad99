#include "tests/appraise/explanation_fixture.h"

#include "ima/key_facts.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::appraise {

pki::Certificate CertificateOf(const std::string& key_type, bool with_identifier) {
  test::CertificateSpec spec;
  spec.key_type = key_type;
  spec.subject_key_identifier =
      with_identifier ? absl::make_optional(base::Bytes(20, 0x5c)) : absl::nullopt;
  return test::MakeCertificate(spec);
}

ima::KeyringMember MemberOf(uint8_t byte) {
  ima::KeyringMember member;
  member.type = "asymmetric";
  member.subject_key_identifier = base::Bytes(20, byte);
  return member;
}

ima::PolicyInForce PolicyOf(const std::string& text) {
  ima::PolicyInForce policy;
  policy.origin = ima::PolicyOrigin::kKernel;
  policy.policy = test::ValueOf(ima::ParsePolicy(text, ima::PolicyText::kWritten));
  policy.name = "the running policy";
  return policy;
}

ExplanationTest::ExplanationTest() : key_{"a", CertificateOf("rsa:2048")}, trust_({key_}) {
  file_.mode = 0100755;
  file_.file_system_magic = kExt4;
  file_.file_system_name = "ext4";
  file_.owner = 0;
  file_.group = 0;
  file_.verity_enabled = true;
  file_.has_evm = false;
  kernel_.state.release = "6.1";
  kernel_.state.ima = {ima::Presence::kPresent, ""};
  kernel_.state.appraise = {ima::AppraiseMode::kEnforce, "ima_appraise=enforce"};
  kernel_.state.algorithms = std::vector<std::string>{"sha256"};
  kernel_.state.config = ima::KernelConfig("CONFIG_CRYPTO_SHA256=y\n", "/proc/config.gz");
  kernel_.facilities.audit = {ima::Presence::kPresent, ""};
  kernel_.facilities.evm = {ima::Presence::kAbsent, ""};
  kernel_.policy = PolicyOf(kBasePolicy);
  kernel_.ring = {ima::kTrustedImaName, ima::RingSight::kListed, {MemberOf(0x5c)}, ""};
  appraisal_.verdict = Verdict::kValid;
  appraisal_.signature_version = 2;
  appraisal_.key_id = ima::KeyId{0x5c, 0x5c, 0x5c, 0x5c};
  appraisal_.hash_name = "sha256";
  appraisal_.key = &key_;
}

void ExplanationTest::Becomes(Verdict verdict, const std::string& cause, bool with_key) {
  appraisal_.verdict = verdict;
  appraisal_.kernel_cause = cause;
  appraisal_.detail = "the detail";
  if (!with_key) appraisal_.key = nullptr;
}

std::vector<Finding> ExplanationTest::Findings() const {
  return Explain({appraisal_, file_, kernel_, trust_, now_, "dir/app", signature_file_});
}

std::vector<std::string> ExplanationTest::Ids() const {
  std::vector<std::string> ids;
  for (const Finding& finding : Findings()) ids.push_back(finding.id);
  return ids;
}

std::string ExplanationTest::Said(const std::string& id) const {
  for (const Finding& finding : Findings()) {
    if (finding.id == id) return finding.text + " | " + finding.remedy;
  }
  return "";
}

}  // namespace jet::appraise

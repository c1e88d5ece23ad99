#include "appraise/explanation.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/file.h"
#include "ima/key_facts.h"
#include "ima/key_id.h"
#include "tests/base/scratch_folder.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::appraise {
namespace {

using test::ValueOf;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr uint64_t kExt4 = 0xef53;
constexpr uint64_t kTmpfs = 0x01021994;
constexpr uint64_t kFuse = 0x65735546;
constexpr uint64_t kOverlay = 0x794c7630;

constexpr char kBasePolicy[] =
    "dont_appraise fsmagic=0x01021994\n"
    "appraise func=BPRM_CHECK appraise_type=imasig\n"
    "appraise func=MMAP_CHECK mask=MAY_EXEC appraise_type=imasig\n";

pki::Certificate CertificateOf(const std::string& key_type, bool with_identifier = true) {
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
  policy.policy = ValueOf(ima::ParsePolicy(text, ima::PolicyText::kWritten));
  policy.name = "the running policy";
  return policy;
}

// A file, a kernel and an appraisal as they mostly are; tests change what they are about.
class ExplanationTest : public testing::Test {
 protected:
  ExplanationTest() : key_{"a", CertificateOf("rsa:2048")}, trust_({key_}) {
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

  // An appraisal that is not valid.
  void Becomes(Verdict verdict, const std::string& cause, bool with_key = false) {
    appraisal_.verdict = verdict;
    appraisal_.kernel_cause = cause;
    appraisal_.detail = "the detail";
    if (!with_key) appraisal_.key = nullptr;
  }

  std::vector<Finding> Findings() const {
    return Explain({appraisal_, file_, kernel_, trust_, now_, "dir/app", signature_file_});
  }

  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    for (const Finding& finding : Findings()) ids.push_back(finding.id);
    return ids;
  }

  // The text and the remedy of the first finding called `id`; empty when there is none.
  std::string Said(const std::string& id) const {
    for (const Finding& finding : Findings()) {
      if (finding.id == id) return finding.text + " | " + finding.remedy;
    }
    return "";
  }

  ima::NamedCertificate key_;
  TrustSet trust_;
  Appraisal appraisal_;
  FileFacts file_;
  KernelFacts kernel_;
  absl::Time now_ = absl::FromUnixSeconds(1800000000);
  absl::optional<std::string> signature_file_;
};

TEST_F(ExplanationTest, AValidFileRunsByTheRulesThatAppraiseIt) {
  EXPECT_THAT(Ids(), testing::ElementsAre("runs", "signer", "key-in-ring"));
  EXPECT_THAT(Said("runs"),
              AllOf(HasSubstr("executed or mapped for execution"), HasSubstr("lets it pass"),
                    HasSubstr("line 2: appraise func=BPRM_CHECK appraise_type=imasig; line 3: "),
                    HasSubstr("the running policy")));
  EXPECT_THAT(Said("signer"), AllOf(HasSubstr("key 'a'"), HasSubstr("5c5c5c5c")));
}

TEST_F(ExplanationTest, ATamperedFileIsRefusedInTheKernelsWords) {
  Becomes(Verdict::kMismatch, "invalid-signature", /*with_key=*/true);
  EXPECT_THAT(Ids(), testing::ElementsAre("refused", "signer", "key-in-ring", "content-changed",
                                          "audit-record"));
  EXPECT_THAT(Said("refused"), AllOf(HasSubstr("EACCES ('Permission denied'"),
                                     HasSubstr("'failed to map segment from shared object'"),
                                     HasSubstr("op=appraise_data cause=invalid-signature")));
  EXPECT_THAT(Said("content-changed"), HasSubstr("jet-sign dir/app --key NAME"));
}

TEST_F(ExplanationTest, AStrippedFileIsToldToBeSignedLast) {
  Becomes(Verdict::kMismatch, "invalid-signature", /*with_key=*/true);
  file_.has_symbol_table = false;
  EXPECT_THAT(Said("stripped"), AllOf(HasSubstr("no symbol table"), HasSubstr("Sign last")));
  file_.kind = base::FileKind::kScript;
  EXPECT_EQ(Said("stripped"), "");
}

TEST_F(ExplanationTest, OnlyAHash) {
  Becomes(Verdict::kHashOnly, "IMA-signature-required");
  EXPECT_THAT(Said("refused"), HasSubstr("cause=IMA-signature-required"));
  EXPECT_THAT(Said("hash-only"), HasSubstr("proves nothing"));
  kernel_.policy = PolicyOf("appraise func=BPRM_CHECK\nappraise func=MMAP_CHECK\n");
  EXPECT_THAT(Ids(), AllOf(Contains("unknown-outcome"), Not(Contains("refused"))));
}

TEST_F(ExplanationTest, UnsignedSaysHowSignaturesAreLost) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  EXPECT_THAT(Said("no-signature"), AllOf(HasSubstr("container images"), HasSubstr("cp -a")));
  EXPECT_EQ(Said("on-overlay"), "");
  signature_file_ = "dir/app.sig";
  EXPECT_THAT(Said("no-signature"), HasSubstr("jet-sign apply dir/app"));
  file_.file_system_magic = kOverlay;
  EXPECT_THAT(Said("on-overlay"), HasSubstr("layer"));
  kernel_.policy = PolicyOf("appraise fowner=0\n");
  EXPECT_THAT(Said("refused"), HasSubstr("cause=missing-hash"));
}

TEST_F(ExplanationTest, AWrongKeyIsNamedByTheKernelsLogLine) {
  Becomes(Verdict::kUnknownKey, "invalid-signature");
  appraisal_.key_id = ima::KeyId{0xaa, 0xbb, 0xcc, 0xdd};
  EXPECT_THAT(Said("refused"),
              HasSubstr("'integrity: Request for unknown key 'id:aabbccdd' in '.ima' keyring. err "
                        "-11'"));
  EXPECT_THAT(Said("unknown-signer"),
              AllOf(HasSubstr("aabbccdd"), HasSubstr("jet-keystore import")));
}

TEST_F(ExplanationTest, AKeyThatOnlyTheRingHasMayRun) {
  Becomes(Verdict::kUnknownKey, "invalid-signature");
  kernel_.ring.members.push_back(MemberOf(0xaa));
  appraisal_.key_id = ima::KeyId{0xaa, 0xaa, 0xaa, 0xaa};
  EXPECT_THAT(Ids(), AllOf(Contains("unknown-outcome"), Not(Contains("refused"))));
  EXPECT_THAT(Said("unknown-signer"), HasSubstr("the keyring .ima holds one"));
}

TEST_F(ExplanationTest, AValidFileWhoseKeyIsNotInTheRingIsRefused) {
  kernel_.ring.members = {MemberOf(0x11)};
  EXPECT_THAT(Said("refused"), AllOf(HasSubstr("does not have the key"),
                                     HasSubstr("Request for unknown key 'id:5c5c5c5c'")));
  EXPECT_THAT(Said("key-not-in-ring"),
              AllOf(HasSubstr("jet-ima load"), HasSubstr(".ima takes only")));
  kernel_.ring = {"_ima", ima::RingSight::kAbsent, {}, "none"};
  EXPECT_THAT(Said("refused"), HasSubstr("'integrity: no _ima keyring: -126'"));
  EXPECT_THAT(Said("key-not-in-ring"), Not(HasSubstr(".ima takes only")));
}

TEST_F(ExplanationTest, ARingThatCannotBeSeenLeavesItOpen) {
  kernel_.ring = {"of its IMA", ima::RingSight::kHidden, {}, "only root may see it"};
  EXPECT_THAT(Said("unknown-outcome"), HasSubstr("only root may see it"));
  EXPECT_THAT(Said("ring-not-visible"), HasSubstr("as root"));
}

TEST_F(ExplanationTest, ACertificateWithoutIdentifierIsFoundByItsPublicKey) {
  const pki::Certificate nameless = CertificateOf("rsa:2048", /*with_identifier=*/false);
  trust_ = TrustSet({{"nameless", nameless}});
  const base::Bytes identifier = ValueOf(nameless.PublicKeyIdentifier());
  Becomes(Verdict::kUnknownKey, "invalid-signature");
  ima::KeyId key_id;
  std::copy(identifier.end() - 4, identifier.end(), key_id.begin());
  appraisal_.key_id = key_id;
  EXPECT_THAT(Said("certificate-without-ski"),
              AllOf(HasSubstr("'nameless'"), HasSubstr("does not find a key by that"),
                    HasSubstr("subjectKeyIdentifier=hash")));
  EXPECT_EQ(Said("unknown-signer"), "");
  appraisal_.key_id = ima::KeyId{1, 2, 3, 4};
  EXPECT_THAT(Said("certificate-without-ski"), HasSubstr("No signature can name the key"));
}

TEST_F(ExplanationTest, TwoKeysOfOneIdLeaveItOpen) {
  Becomes(Verdict::kAmbiguousKey, "");
  EXPECT_THAT(Ids(), Contains("unknown-outcome"));
  EXPECT_THAT(Said("ambiguous-key"), HasSubstr("only the first"));
}

TEST_F(ExplanationTest, MalformedAndUnsupportedSayWhatToLookAt) {
  Becomes(Verdict::kMalformed, "invalid-signature");
  EXPECT_THAT(Said("malformed"),
              AllOf(HasSubstr("the detail"), HasSubstr("jet-ima inspect dir/app")));
  Becomes(Verdict::kUnsupported, "invalid-signature-version");
  EXPECT_THAT(Said("unsupported"), HasSubstr("the detail"));
  EXPECT_THAT(Said("refused"), HasSubstr("cause=invalid-signature-version"));
}

TEST_F(ExplanationTest, AnExpiredSignerStillRuns) {
  now_ = absl::FromUnixSeconds(5000000000);
  EXPECT_THAT(Ids(), Contains("runs"));
  EXPECT_THAT(Said("certificate-not-current"),
              AllOf(HasSubstr("expired on 2096-10-02"), HasSubstr("--require-current")));
}

TEST_F(ExplanationTest, WithoutAuditThereIsNoReasonToFind) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  kernel_.facilities.audit = {ima::Presence::kAbsent, "CONFIG_AUDIT is not set"};
  EXPECT_THAT(Said("no-audit"), HasSubstr("CONFIG_AUDIT is not set"));
  EXPECT_THAT(Ids(), Not(Contains("audit-record")));
}

TEST_F(ExplanationTest, AnUnpinnedRingIsSaid) {
  kernel_.ring.name = "_ima";
  EXPECT_THAT(Said("ring-not-pinned"), HasSubstr("jet-ima load --pin"));
}

TEST_F(ExplanationTest, AHashThatTheKernelLacksFailsBeforeTheSignature) {
  appraisal_.hash_name = "sha512";
  EXPECT_THAT(Said("refused"), AllOf(HasSubstr("op=collect_data cause=failed"),
                                     HasSubstr("'ima: Can not allocate sha512 (reason: -2)'")));
}

TEST_F(ExplanationTest, AnEcKeyNeedsAKernelWithEcdsa) {
  key_ = {"ec", CertificateOf("ec:p256")};
  EXPECT_THAT(Said("refused"),
              AllOf(HasSubstr("cannot verify with ec:p256"), HasSubstr("cause=invalid-signature")));
  kernel_.state.algorithms->push_back("ecdsa-nist-p256");
  EXPECT_THAT(Ids(), Contains("runs"));
  kernel_.state.algorithms = absl::nullopt;
  EXPECT_THAT(Ids(), Contains("unknown-outcome"));
}

TEST_F(ExplanationTest, AnExemptTmpfsIsAHole) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  file_.file_system_magic = kTmpfs;
  EXPECT_THAT(Said("not-appraised"), AllOf(HasSubstr("a rule exempts it"),
                                           HasSubstr("line 1: dont_appraise fsmagic=0x01021994")));
  EXPECT_THAT(Said("exempt-tmpfs"), HasSubstr("noexec"));
  file_.mounted_noexec = true;
  EXPECT_EQ(Said("exempt-tmpfs"), "");
  EXPECT_THAT(Ids(), Not(Contains("refused")));
}

TEST_F(ExplanationTest, UsesThatDifferAreToldApart) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  kernel_.policy = PolicyOf("appraise func=BPRM_CHECK appraise_type=imasig\n");
  EXPECT_THAT(Said("refused"), HasSubstr("When it is executed, the kernel refuses it"));
  EXPECT_THAT(Said("not-appraised"), AllOf(HasSubstr("When it is mapped for execution"),
                                           HasSubstr("no rule of the running policy")));
}

TEST_F(ExplanationTest, AlgorithmsOfTheRule) {
  kernel_.policy = PolicyOf("appraise appraise_type=imasig appraise_algos=sha384,sha512\n");
  EXPECT_THAT(Said("refused"), AllOf(HasSubstr("op=collect_data cause=denied-hash-algorithm"),
                                     HasSubstr("only sha384, sha512")));
}

TEST_F(ExplanationTest, RulesThatDependOnWhoExecutesLeaveItOpen) {
  kernel_.policy = PolicyOf("appraise uid=0 appraise_type=imasig\n");
  EXPECT_THAT(Said("unknown-outcome"), HasSubstr("depends on uid=0"));
}

TEST_F(ExplanationTest, AVerityRuleWantsAnotherSignature) {
  kernel_.policy = PolicyOf("appraise digest_type=verity appraise_type=sigv3\n");
  EXPECT_THAT(Said("refused"), HasSubstr("cause=verity-signature-required"));
  appraisal_.signature_version = 3;
  EXPECT_THAT(Ids(), Contains("unknown-outcome"));
}

TEST_F(ExplanationTest, AnAppraisalOfTheVerityDigestIsForVerityRules) {
  appraisal_.signature_version = 3;
  appraisal_.verity_enabled = true;
  EXPECT_THAT(Said("refused"), AllOf(HasSubstr("cause=IMA-signature-required"),
                                     HasSubstr("over the fs-verity digest")));
  kernel_.policy = PolicyOf("appraise digest_type=verity appraise_type=sigv3\n");
  EXPECT_THAT(Ids(), testing::ElementsAre("runs", "signer", "key-in-ring"));
  Becomes(Verdict::kMismatch, "invalid-verity-signature", /*with_key=*/true);
  EXPECT_THAT(Said("refused"), HasSubstr("cause=invalid-verity-signature"));
  EXPECT_THAT(Said("content-changed"), HasSubstr("jet-sign --verity dir/app --key NAME"));
  Becomes(Verdict::kVerityNotEnabled, "no-verity-digest", /*with_key=*/true);
  appraisal_.verity_enabled = false;
  EXPECT_THAT(Said("refused"), HasSubstr("cause=no-verity-digest"));
  EXPECT_THAT(Said("verity-not-enabled"), HasSubstr("fsverity enable dir/app"));
  Becomes(Verdict::kUnsupported, "verity-signature-required", /*with_key=*/true);
  appraisal_.signature_version = 2;
  EXPECT_THAT(Said("unsupported"), HasSubstr("Sign it: jet-sign --verity dir/app"));
  kernel_.policy = PolicyOf(kBasePolicy);
  EXPECT_THAT(Said("unknown-outcome"), HasSubstr("without --verity"));
}

TEST_F(ExplanationTest, AModuleMayHaveAnAppendedSignature) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  file_.kind = base::FileKind::kKernelModule;
  kernel_.policy = PolicyOf("appraise func=MODULE_CHECK appraise_type=imasig|modsig\n");
  EXPECT_THAT(Said("unknown-outcome"),
              AllOf(HasSubstr("loaded as a kernel module"), HasSubstr("appended to the module")));
  Becomes(Verdict::kMismatch, "invalid-signature");
  EXPECT_THAT(Ids(), Contains("refused"));
}

TEST_F(ExplanationTest, EvmComesBeforeTheSignature) {
  kernel_.facilities.evm = {ima::Presence::kPresent, "/sys/kernel/security/evm says 1"};
  EXPECT_THAT(Said("refused"), HasSubstr("cause=missing-HMAC"));
  EXPECT_THAT(Said("evm-active"), HasSubstr("The file has none"));
  file_.has_evm = true;
  EXPECT_THAT(Ids(), AllOf(Contains("unknown-outcome"), Not(Contains("refused"))));
  kernel_.facilities.evm = {ima::Presence::kUnknown, ""};
  EXPECT_THAT(Ids(), AllOf(Contains("evm-present"), Contains("runs")));
}

TEST_F(ExplanationTest, FuseCannotBeVerified) {
  file_.file_system_magic = kFuse;
  EXPECT_THAT(Said("unverifiable-file-system"), HasSubstr("cause=unverifiable-signature"));
  EXPECT_THAT(Ids(), Contains("runs"));
  kernel_.state.boot_policies = {"fail_securely"};
  EXPECT_THAT(Said("refused"), HasSubstr("cause=unverifiable-signature"));
}

TEST_F(ExplanationTest, NoexecIsNotImasDoing) {
  file_.mounted_noexec = true;
  EXPECT_THAT(Said("mounted-noexec"), HasSubstr("whatever IMA says"));
}

TEST_F(ExplanationTest, TheModeDecidesWhatARefusalIs) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  kernel_.state.appraise = {ima::AppraiseMode::kLog, "ima_appraise=log"};
  EXPECT_THAT(Said("refused"),
              AllOf(HasSubstr("only records it (ima_appraise=log)"), Not(HasSubstr("EACCES"))));
  kernel_.state.appraise = {ima::AppraiseMode::kFix, "ima_appraise=fix"};
  EXPECT_THAT(Said("refused"), HasSubstr("writes a hash"));
  kernel_.state.appraise = {ima::AppraiseMode::kUnknown, ""};
  EXPECT_THAT(Said("refused"), HasSubstr("its mode is not known"));
  kernel_.state.appraise = {ima::AppraiseMode::kOff, "ima_appraise=off"};
  EXPECT_THAT(Said("not-appraised"), HasSubstr("ima_appraise=off"));
  EXPECT_THAT(Ids(), Not(Contains("refused")));
}

TEST_F(ExplanationTest, AKernelWithoutImaIsSaidFirst) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  kernel_.state.ima = {ima::Presence::kAbsent, "there is no /sys/kernel/security/ima"};
  kernel_.policy.origin = ima::PolicyOrigin::kAssumed;
  EXPECT_THAT(Ids(), testing::ElementsAre("kernel-without-ima", "refused", "no-signature"));
  EXPECT_THAT(Said("kernel-without-ima"), HasSubstr("This kernel (6.1) has no IMA"));
  EXPECT_THAT(Said("refused"), HasSubstr("such a kernel refuses it"));
}

TEST_F(ExplanationTest, AnAssumedPolicyAndWhatCouldNotBeReadAreSaid) {
  kernel_.policy.origin = ima::PolicyOrigin::kAssumed;
  kernel_.policy.why = "Permission denied";
  kernel_.state.unreadable = {"cannot open '/a'"};
  kernel_.facilities.unreadable = {"cannot open '/b'"};
  file_.unreadable = {"cannot open '/c'"};
  const std::vector<std::string> ids = Ids();
  EXPECT_EQ(ids.front(), "policy-assumed");
  EXPECT_THAT(Said("policy-assumed"), AllOf(HasSubstr("Permission denied"), HasSubstr("--policy")));
  EXPECT_EQ(std::count(ids.begin(), ids.end(), "not-readable"), 3);
}

TEST_F(ExplanationTest, ScriptsAndOtherFilesAreUsedInTheirOwnWays) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  file_.kind = base::FileKind::kScript;
  EXPECT_THAT(Said("refused"), HasSubstr("When it is executed, the kernel refuses"));
  EXPECT_THAT(Ids(), Not(Contains("not-appraised")));
  file_.kind = base::FileKind::kOther;
  file_.mode = 0100644;
  EXPECT_THAT(Said("not-appraised"), HasSubstr("When it is opened for reading"));
}

TEST_F(ExplanationTest, ExecutionIsAskedThreeTimes) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  for (const char* rule : {"appraise func=FILE_CHECK mask=MAY_EXEC appraise_type=imasig\n",
                           "appraise func=CREDS_CHECK appraise_type=imasig\n",
                           "appraise func=BPRM_CHECK appraise_type=imasig\n"}) {
    kernel_.policy = PolicyOf(rule);
    EXPECT_THAT(Said("refused"), HasSubstr("When it is executed, the kernel refuses it")) << rule;
    EXPECT_THAT(Said("not-appraised"),
                HasSubstr("mapped for execution, as shared objects and programs are"))
        << rule;
  }
  kernel_.policy = PolicyOf("appraise func=FILE_CHECK appraise_type=imasig\n");
  EXPECT_THAT(Said("refused"), AllOf(HasSubstr("executed or mapped for execution as a shared"),
                                     HasSubstr("the loader 'cannot open shared object file'")));
  EXPECT_THAT(Said("not-appraised"), HasSubstr("mapped for execution as a program"));
}

TEST_F(ExplanationTest, AnyRefusalOnTheWayDecidesAndThenAnyDoubt) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  file_.kind = base::FileKind::kScript;
  kernel_.policy = PolicyOf(
      "dont_appraise func=BPRM_CHECK\nappraise func=FILE_CHECK mask=MAY_EXEC uid=0\n"
      "appraise func=CREDS_CHECK appraise_type=imasig\n");
  EXPECT_THAT(Ids(), AllOf(Contains("refused"), Not(Contains("unknown-outcome"))));
  EXPECT_THAT(Said("refused"), HasSubstr("line 3"));
  kernel_.policy =
      PolicyOf("dont_appraise func=BPRM_CHECK\nappraise func=FILE_CHECK mask=MAY_EXEC uid=0\n");
  EXPECT_THAT(Said("unknown-outcome"), HasSubstr("uid=0"));
  kernel_.policy = PolicyOf("dont_appraise func=BPRM_CHECK\n");
  EXPECT_THAT(Said("not-appraised"), HasSubstr("a rule exempts it"));
}

TEST_F(ExplanationTest, InterpretersOpenScriptsAndLoadersModules) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  kernel_.policy = PolicyOf("appraise func=FILE_CHECK mask=MAY_READ appraise_type=imasig\n");
  file_.kind = base::FileKind::kScript;
  EXPECT_THAT(Said("refused"), HasSubstr("When it is opened by its interpreter, the kernel"));
  EXPECT_THAT(Said("not-appraised"), HasSubstr("When it is executed"));
  file_.kind = base::FileKind::kKernelModule;
  EXPECT_THAT(Said("refused"), HasSubstr("When it is loaded as a kernel module"));
}

TEST_F(ExplanationTest, AProgramThatMayBeExecutedAndNotMappedDiesAtItsStart) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  kernel_.policy = PolicyOf("appraise func=MMAP_CHECK appraise_type=imasig\n");
  EXPECT_THAT(Said("refused"),
              AllOf(HasSubstr("'Segmentation fault', status 139"),
                    HasSubstr("of the loader 'failed to map segment from shared object'"),
                    Not(HasSubstr("Permission denied"))));
  kernel_.policy = PolicyOf(kBasePolicy);
  EXPECT_THAT(Said("refused"), Not(HasSubstr("Segmentation fault")));
}

TEST_F(ExplanationTest, DigestTypeOfAMeasureRuleCountsForAppraisal) {
  kernel_.policy = PolicyOf(
      "measure func=BPRM_CHECK digest_type=verity\n"
      "appraise func=BPRM_CHECK appraise_type=imasig\n");
  EXPECT_THAT(Said("refused"), HasSubstr("op=appraise_data cause=verity-signature-required"));
  file_.verity_enabled = false;
  EXPECT_THAT(Said("refused"), HasSubstr("op=collect_data cause=no-verity-digest"));
  kernel_.policy = PolicyOf("measure digest_type=verity\nappraise\n");
  EXPECT_THAT(Said("refused"), HasSubstr("op=collect_data cause=no-verity-digest"));
  file_.verity_enabled = true;
  EXPECT_THAT(Said("unknown-outcome"), HasSubstr("fs-verity digest"));
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  EXPECT_THAT(Said("refused"), HasSubstr("cause=missing-hash"));
}

TEST_F(ExplanationTest, BothCausesWhereFsVerityIsNotKnown) {
  kernel_.policy = PolicyOf("appraise digest_type=verity appraise_type=sigv3\n");
  file_.verity_enabled = absl::nullopt;
  EXPECT_THAT(Said("refused"), AllOf(HasSubstr("op=appraise_data cause=verity-signature-required"),
                                     HasSubstr("op=collect_data cause=no-verity-digest")));
  file_.verity_enabled = false;
  EXPECT_THAT(Said("refused"), AllOf(HasSubstr("op=collect_data cause=no-verity-digest"),
                                     Not(HasSubstr("verity-signature-required"))));
  appraisal_.signature_version = 3;
  EXPECT_THAT(Said("refused"), HasSubstr("cause=no-verity-digest"));
}

TEST_F(ExplanationTest, ASignatureOverTheVerityDigestUnderARuleThatWantsAnyHash) {
  Becomes(Verdict::kUnsupported, "IMA-signature-required");
  appraisal_.signature_version = 3;
  appraisal_.detail = "counts only under";
  kernel_.policy = PolicyOf("appraise\n");
  EXPECT_THAT(Said("refused"), AllOf(HasSubstr("cause=invalid-verity-signature"),
                                     Not(HasSubstr("counts only under"))));
  Becomes(Verdict::kValid, "", /*with_key=*/true);
  appraisal_.verity_enabled = true;
  EXPECT_THAT(Said("refused"), HasSubstr("cause=invalid-verity-signature"));
}

TEST_F(ExplanationTest, TwoKeysOfOneIdInTheRingLeaveItOpen) {
  ima::KeyringMember twin = MemberOf(0x11);
  std::fill(twin.subject_key_identifier->end() - 4, twin.subject_key_identifier->end(), 0x5c);
  kernel_.ring.members.push_back(twin);
  EXPECT_THAT(Ids(), testing::ElementsAre("unknown-outcome", "signer", "ambiguous-key"));
  EXPECT_THAT(Said("unknown-outcome"), HasSubstr("tries only the first"));
  // A second certificate of the same key.
  kernel_.ring.members = {MemberOf(0x5c), MemberOf(0x5c)};
  EXPECT_THAT(Ids(), Contains("runs"));
}

TEST_F(ExplanationTest, AnUnknownKeyInARingThatCannotBeSeenMayRun) {
  Becomes(Verdict::kUnknownKey, "invalid-signature");
  kernel_.ring = {"of its IMA", ima::RingSight::kHidden, {}, "only root may see it"};
  EXPECT_THAT(Ids(), testing::ElementsAre("unknown-outcome", "unknown-signer", "ring-not-visible"));
  EXPECT_THAT(Said("unknown-outcome"), HasSubstr("only root may see it"));
}

TEST_F(ExplanationTest, AnUnknownKeyWithoutImaIsRefusedUnlessThatKernelHasIt) {
  Becomes(Verdict::kUnknownKey, "invalid-signature");
  kernel_.ring = {"of its IMA", ima::RingSight::kHidden, {}, "none"};
  kernel_.state.ima = {ima::Presence::kAbsent, "there is no /sys/kernel/security/ima"};
  EXPECT_THAT(Said("refused"), HasSubstr("unless its keyring has the key"));
  EXPECT_EQ(Said("ring-not-visible"), "");
}

TEST_F(ExplanationTest, AlgorithmsDoNotDecideWhereNoneIsKnown) {
  Becomes(Verdict::kNoSignature, "IMA-signature-required");
  appraisal_.hash_name = "";
  file_.kind = base::FileKind::kKernelModule;
  kernel_.policy =
      PolicyOf("appraise func=MODULE_CHECK appraise_type=imasig|modsig appraise_algos=sha512\n");
  EXPECT_THAT(Ids(), AllOf(Contains("unknown-outcome"), Not(Contains("refused"))));
}

TEST_F(ExplanationTest, WhatIsNotKnownOfTheFileDoesNotDecide) {
  file_ = FileFacts();
  file_.unreadable = {"cannot open"};
  kernel_.policy = PolicyOf("appraise fowner=0 appraise_type=imasig\n");
  EXPECT_THAT(Said("unknown-outcome"), HasSubstr("depends on fowner"));
  kernel_.policy = PolicyOf("dont_appraise fsmagic=0\nappraise appraise_type=imasig\n");
  EXPECT_THAT(Ids(), AllOf(Contains("unknown-outcome"), Not(Contains("not-appraised"))));
  kernel_.policy = PolicyOf(kBasePolicy);
  file_.file_system_magic = kExt4;
  kernel_.facilities.evm = {ima::Presence::kPresent, ""};
  EXPECT_THAT(Ids(), AllOf(Contains("unknown-outcome"), Not(Contains("refused"))));
  EXPECT_THAT(Said("evm-active"), HasSubstr("possibly one"));
}

TEST_F(ExplanationTest, AKernelWithoutAnyPolicySaysSo) {
  kernel_.policy.policy.rules.clear();
  EXPECT_THAT(Said("not-appraised"),
              AllOf(HasSubstr("no policy is loaded"), Not(HasSubstr("the running policy"))));
  kernel_.policy.origin = ima::PolicyOrigin::kBoot;
  kernel_.policy.name = "the policy of ima_policy=tcb";
  EXPECT_THAT(Said("not-appraised"), HasSubstr("no policy is loaded"));
  kernel_.state.boot_policies = {"tcb"};
  EXPECT_THAT(Said("not-appraised"), HasSubstr("no rule of the policy of ima_policy=tcb"));
}

TEST_F(ExplanationTest, LongRulesAreCut) {
  const std::string label(100000, 'x');
  kernel_.policy = PolicyOf("appraise obj_type=" + label + "\n");
  EXPECT_THAT(Said("unknown-outcome"), HasSubstr("xxx..."));
  EXPECT_LT(Said("unknown-outcome").size(), 1000u);
  std::string many = "sha512";
  for (int i = 0; i < 10000; ++i) many += ",sha512";
  kernel_.policy = PolicyOf("appraise appraise_type=imasig appraise_algos=" + many + "\n");
  EXPECT_THAT(Said("refused"), HasSubstr("takes only sha512, sha512"));
  EXPECT_LT(Said("refused").size(), 1000u);
}

TEST_F(ExplanationTest, AFileSystemWithoutAttributesIsExplained) {
  const std::vector<Finding> findings =
      ExplainError(absl::UnimplementedError("keeps no attributes"), file_);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].id, "file-system-without-attributes");
  EXPECT_THAT(findings[0].text, HasSubstr("(ext4) keeps no security.ima"));
  EXPECT_THAT(ExplainError(absl::PermissionDeniedError("no"), file_), IsEmpty());
}

TEST_F(ExplanationTest, WithoutAttributesThePolicyStillTellsWhatHappens) {
  constexpr uint64_t kRamfs = 0x858458f6;
  const auto ids_of = [this] {
    std::vector<std::string> ids;
    for (const Finding& finding :
         ExplainError(absl::UnimplementedError("keeps no attributes"), file_, &kernel_)) {
      ids.push_back(finding.id);
    }
    return ids;
  };
  EXPECT_THAT(ids_of(), testing::ElementsAre("refused", "file-system-without-attributes"));
  kernel_.policy = PolicyOf("dont_appraise fsmagic=0x858458f6\nappraise\n");
  EXPECT_THAT(ids_of(), testing::ElementsAre("refused", "file-system-without-attributes"));
  file_.file_system_magic = kRamfs;
  EXPECT_THAT(ids_of(), testing::ElementsAre("not-appraised", "exempt-tmpfs",
                                             "file-system-without-attributes"));
  // The kernel's record is of what comes before the attribute, and there is none of the rest.
  kernel_.policy = PolicyOf("appraise\n");
  EXPECT_THAT(ExplainError(absl::UnimplementedError("none"), file_, &kernel_)[0].text,
              Not(HasSubstr("cause=")));
  kernel_.policy = PolicyOf("appraise digest_type=verity appraise_type=sigv3\n");
  file_.verity_enabled = false;
  EXPECT_THAT(ExplainError(absl::UnimplementedError("none"), file_, &kernel_)[0].text,
              HasSubstr("op=collect_data cause=no-verity-digest"));
}

TEST_F(ExplanationTest, ABlacklistedKeyIsRefusedBeforeTheRingIsLookedAt) {
  kernel_.facilities.blacklist.sight = ima::RingSight::kListed;
  kernel_.facilities.blacklist.members = {MemberOf(0x5c)};
  EXPECT_THAT(Ids(), testing::ElementsAre("refused", "key-blacklisted", "signer", "key-in-ring",
                                          "audit-record"));
  EXPECT_THAT(Said("refused"),
              AllOf(HasSubstr("cause=invalid-signature"),
                    HasSubstr("'integrity: Key 'id:5c5c5c5c' is in ima_blacklist_keyring'")));
  Becomes(Verdict::kUnknownKey, "invalid-signature");
  kernel_.ring.sight = ima::RingSight::kHidden;
  EXPECT_THAT(Ids(), AllOf(Contains("refused"), Not(Contains("unknown-outcome"))));
  kernel_.facilities.blacklist.members = {MemberOf(0x11)};
  EXPECT_THAT(Ids(), AllOf(Contains("unknown-outcome"), Not(Contains("key-blacklisted"))));
  kernel_.facilities.blacklist = {ima::kImaBlacklist, ima::RingSight::kHidden, {}, "only root"};
  EXPECT_THAT(Said("not-readable"), HasSubstr("the keyring .ima_blacklist: only root"));
}

TEST_F(ExplanationTest, AVeritySignatureWhoseKeyTheRingLacksHasTheCauseOfItsKind) {
  appraisal_.signature_version = 3;
  appraisal_.verity_enabled = true;
  kernel_.ring.members = {MemberOf(0x11)};
  kernel_.policy = PolicyOf("appraise digest_type=verity appraise_type=sigv3\n");
  EXPECT_THAT(Said("refused"), HasSubstr("cause=invalid-verity-signature"));
}

TEST(FileFactsTest, TheMountTellsTheFileSystem) {
  constexpr char kMountinfo[] =
      "21 26 0:19 / /proc rw,nosuid shared:12 - proc proc rw\n"
      "26 1 8:1 / / rw shared:1 master:2 - ext4 /dev/sda1 rw\n"
      "126 1 8:1 / /with\\040blank rw - fuse.sshfs host: rw\n"
      "27 1 8:1 / /cut rw\n";
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 21), "proc");
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 26), "ext4");
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 126), "fuse");
  EXPECT_EQ(FileSystemOfMount("1 1 8:1 / / rw - fuseblk.ntfs /dev/a rw\n", 1), "fuseblk");
  EXPECT_EQ(FileSystemOfMount("1 1 8:1 / / rw - a.b none rw\n", 1), "a.b");
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 27), absl::nullopt);
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 2), absl::nullopt);
  EXPECT_EQ(FileSystemOfMount("", 2), absl::nullopt);
}

TEST(FileFactsTest, ReadsThemOfAnOpenFile) {
  const base::UniqueFd program = ValueOf(base::OpenAt(AT_FDCWD, "/proc/self/exe", O_RDONLY));
  const FileFacts facts = ValueOf(ReadFileFacts(program.get(), base::FileKind::kElf));
  EXPECT_TRUE(facts.has_symbol_table);
  EXPECT_NE(facts.mode & 0111u, 0u);
  EXPECT_TRUE(facts.file_system_name.has_value());
  EXPECT_TRUE(facts.file_system_magic.has_value());
  EXPECT_EQ(facts.owner, getuid());
  EXPECT_TRUE(facts.group.has_value());
  EXPECT_EQ(facts.verity_enabled, false);
  EXPECT_EQ(facts.has_evm, false);
  EXPECT_THAT(facts.unreadable, IsEmpty());
  const base::UniqueFd stripped = ValueOf(base::OpenAt(AT_FDCWD, "/bin/true", O_RDONLY));
  EXPECT_FALSE(ValueOf(ReadFileFacts(stripped.get(), base::FileKind::kElf)).has_symbol_table);
}

}  // namespace
}  // namespace jet::appraise

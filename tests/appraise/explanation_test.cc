#include "appraise/explanation.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST_F(ExplanationTest, AFileSystemWithoutAttributesIsExplained) {
  const std::vector<Finding> findings =
      ExplainError(absl::UnimplementedError("keeps no attributes"), file_);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].id, "file-system-without-attributes");
  EXPECT_THAT(findings[0].text, HasSubstr("(ext4) keeps no security.ima"));
  EXPECT_THAT(ExplainError(absl::PermissionDeniedError("no"), file_), IsEmpty());
}

TEST(FileFactsTest, TheMountTellsTheFileSystem) {
  constexpr char kMountinfo[] =
      "21 26 0:19 / /proc rw,nosuid shared:12 - proc proc rw\n"
      "26 1 8:1 / / rw shared:1 master:2 - ext4 /dev/sda1 rw\n"
      "126 1 8:1 / /with\\040blank rw - fuse.sshfs host: rw\n"
      "27 1 8:1 / /cut rw\n";
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 21), "proc");
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 26), "ext4");
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 126), "fuse.sshfs");
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
  EXPECT_NE(facts.file_system_magic, 0u);
  EXPECT_THAT(facts.unreadable, IsEmpty());
  const base::UniqueFd stripped = ValueOf(base::OpenAt(AT_FDCWD, "/bin/true", O_RDONLY));
  EXPECT_FALSE(ValueOf(ReadFileFacts(stripped.get(), base::FileKind::kElf)).has_symbol_table);
}

}  // namespace
}  // namespace jet::appraise

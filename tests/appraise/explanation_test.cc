#include "appraise/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ima/key_id.h"
#include "tests/appraise/explanation_fixture.h"
#include "tests/status_matchers.h"

namespace jet::appraise {
namespace {

using test::ValueOf;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

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

TEST_F(ExplanationTest, AFileSystemWithoutAttributesIsExplained) {
  const std::vector<Finding> findings =
      ExplainError(absl::UnimplementedError("keeps no attributes"), file_);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].id, "file-system-without-attributes");
  EXPECT_THAT(findings[0].text, HasSubstr("(ext4) keeps no security.ima"));
  EXPECT_THAT(ExplainError(absl::PermissionDeniedError("no"), file_), IsEmpty());
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

}  // namespace
}  // namespace jet::appraise

// What explanations say of the rules of a policy, and of the uses that they are about.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "appraise/explanation.h"
#include "tests/appraise/explanation_fixture.h"

namespace jet::appraise {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

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

}  // namespace
}  // namespace jet::appraise

#include "ima/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

using absl::StatusCode;
using test::StatusIs;
using test::ValueOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr uint64_t kTmpfs = 0x01021994;
constexpr uint64_t kExt4 = 0xef53;

constexpr PolicyAccess kExecuting = {PolicyHook::kBprmCheck, AccessMask::kExec};
constexpr PolicyAccess kMapping = {PolicyHook::kMmapCheck, AccessMask::kExec};
constexpr PolicyAccess kLoading = {PolicyHook::kModuleCheck, AccessMask::kRead};
constexpr PolicyAccess kReading = {PolicyHook::kFileCheck, AccessMask::kRead};
constexpr PolicyAccess kOpeningToExecute = {PolicyHook::kFileCheck, AccessMask::kExec};

Policy Written(const std::string& text) { return ValueOf(ParsePolicy(text, PolicyText::kWritten)); }

PolicyRule RuleOf(const std::string& line) { return Written(line).rules.at(0); }

PolicySubject FileOn(uint64_t magic, uint32_t owner = 0) {
  PolicySubject subject;
  subject.file_system_magic = magic;
  subject.owner = owner;
  subject.group = 0;
  return subject;
}

TEST(ParsePolicyTest, TakesWhatTheKernelTakes) {
  for (const char* line : {
           "measure",
           "measure func=KEY_CHECK keyrings=.ima|.evm",
           "measure func=CRITICAL_DATA label=selinux",
           "measure func=FILE_CHECK mask=MAY_READ uid=0 pcr=11 template=ima-sig",
           "dont_measure fsmagic=0x9fa0",
           "audit func=BPRM_CHECK",
           "hash fsname=ext4",
           "dont_hash",
           "appraise",
           "appraise fowner=0",
           "appraise func=PATH_CHECK",
           "appraise func=FILE_MMAP mask=^MAY_EXEC",
           "appraise func=BPRM_CHECK appraise_type=imasig",
           "appraise func=MODULE_CHECK appraise_type=imasig|modsig",
           "appraise func=MODULE_CHECK appraise_type=imasig|modsig appraise_flag=check_blacklist",
           "appraise func=BPRM_CHECK digest_type=verity appraise_type=sigv3",
           "appraise func=SETXATTR_CHECK appraise_algos=sha256,sha512",
           "appraise func=BPRM_CHECK appraise_type=imasig appraise_algos=sha256,sha384",
           "appraise func=BPRM_CHECK permit_directio",
           "appraise\tfunc=BPRM_CHECK  uid>999 gid<10",
           "appraise euid=0 egid=0",
           "dont_appraise fgroup>5 obj_type=httpd_exec_t subj_user=system_u",
           "appraise fsuuid=6f0e7c39-7d9c-4c3d-9d53-6f3a6f2c0a11",
           "  appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig",
           "measure pcr=63",
           "measure pcr=+3",
           "appraise uid=+5 fsmagic=+1",
           "appraise fsuuid=00000000-0000-0000-0000-000000000001xx",
           "measure func=KEXEC_CMDLINE fsmagic=0xef53 pcr=1 obj_user=x",
           "measure func=CRITICAL_DATA label=a|b uid=0 gid=0 pcr=3",
           "measure func=KEY_CHECK uid=0 gid=0 pcr=3",
           "measure digest_type=verity",
           "dont_measure digest_type=verity",
       }) {
    EXPECT_THAT(ParsePolicy(line, PolicyText::kWritten), test::IsOk()) << line;
  }
}

struct RefusedRow {
  const char* line;
  const char* why;
};

TEST(ParsePolicyTest, RefusesWhatTheKernelRefusesAndNamesTheLine) {
  for (const RefusedRow& row : {
           RefusedRow{"appraised", "unknown word 'appraised'"},
           {"func=BPRM_CHECK", "neither appraise nor measure"},
           {"appraise measure", "two actions"},
           {"appraise func=BPRM", "unknown word 'func=BPRM'"},
           {"appraise func=bprm_check", "unknown word"},
           {"appraise func=", "'func=' has no value"},
           {"appraise func=BPRM_CHECK func=MMAP_CHECK", "func is given twice"},
           {"appraise mask=EXEC", "unknown word"},
           {"appraise mask=^^MAY_EXEC", "unknown word"},
           {"appraise fsmagic=tmpfs", "unknown word"},
           {"appraise fsmagic=-1", "unknown word"},
           {"appraise fsmagic=0x11111111111111111", "unknown word"},
           {"appraise fsmagic=0x1 fsmagic=0x2", "fsmagic is given twice"},
           {"appraise fsuuid=6f0e7c39", "unknown word"},
           {"appraise uid=root", "unknown word 'uid=root'"},
           {"appraise uid=-1", "unknown word"},
           {"appraise uid=4294967295", "unknown word"},
           {"appraise uid=4294967296", "unknown word"},
           {"appraise uid=0 euid=0", "euid is given twice"},
           {"appraise fowner=0 fowner=1", "fowner is given twice"},
           {"appraise fsname>ext4", "unknown word"},
           {"appraise appraise_type=modsig", "unknown word"},
           {"appraise func=BPRM_CHECK appraise_type=imasig|modsig",
            "appraise_type=imasig|modsig is not for BPRM_CHECK"},
           {"appraise appraise_type=sigv3", "digest_type=verity before it"},
           {"appraise appraise_type=sigv3 digest_type=verity", "before it"},
           {"appraise appraise_type=imasig digest_type=verity", "digest_type before appraise_type"},
           {"appraise digest_type=verity appraise_type=imasig", "appraise_type=sigv3"},
           {"appraise digest_type=verity", "wants appraise_type=sigv3"},
           {"appraise func=MODULE_CHECK digest_type=verity appraise_type=sigv3", "not for MODULE"},
           {"measure appraise_type=imasig", "belong to appraise"},
           {"measure appraise_algos=sha256", "belong to appraise"},
           {"appraise pcr=10", "belong to measure"},
           {"appraise template=ima-sig", "belongs to measure"},
           {"measure pcr=-1", "unknown word"},
           {"measure pcr=64", "unknown word 'pcr=64'"},
           {"measure pcr=3\r", "unknown word"},
           {"measure pcr=0x3", "unknown word"},
           {"measure uid=++5", "unknown word"},
           {"measure fsmagic=+", "unknown word"},
           {"measure template=ima-ng template=ima-sig", "template is given twice"},
           {"template=ima-ng measure", "belongs to measure"},
           {"measure label=a", "label= is not for a rule without func="},
           {"measure keyrings=.ima", "keyrings= is not for a rule without func="},
           {"measure func=KEY_CHECK label=a", "label= is not for KEY_CHECK"},
           {"measure func=KEY_CHECK keyrings=.ima||.evm", "empty name"},
           {"measure func=KEY_CHECK keyrings=.ima keyrings=.evm", "keyrings is given twice"},
           {"measure func=KEY_CHECK euid=0", "euid is not for KEY_CHECK"},
           {"measure func=KEY_CHECK mask=MAY_READ", "mask= is not for KEY_CHECK"},
           {"measure func=KEY_CHECK obj_user=x", "security module is not for KEY_CHECK"},
           {"measure func=CRITICAL_DATA label=a||b", "empty name"},
           {"measure func=CRITICAL_DATA label=|", "empty name"},
           {"measure func=CRITICAL_DATA fowner=0", "fowner is not for CRITICAL_DATA"},
           {"measure func=CRITICAL_DATA fsmagic=0", "fsmagic= is not for CRITICAL_DATA"},
           {"measure func=CRITICAL_DATA keyrings=.ima", "keyrings= is not for CRITICAL_DATA"},
           {"measure func=KEXEC_CMDLINE mask=MAY_READ", "mask= is not for KEXEC_CMDLINE"},
           {"measure func=KEXEC_CMDLINE permit_directio", "permit_directio is not for"},
           {"measure func=KEXEC_CMDLINE digest_type=verity", "digest_type= is not for"},
           {"appraise func=SETXATTR_CHECK appraise_algos=sha256 uid=0", "uid is not for SETXATTR"},
           {"appraise func=SETXATTR_CHECK appraise_algos=sha256 appraise_type=imasig",
            "appraise_type= is not for SETXATTR_CHECK"},
           {"appraise func=SETXATTR_CHECK appraise_algos=sha256 permit_directio",
            "permit_directio is not for SETXATTR_CHECK"},
           {"appraise func=KEY_CHECK", "KEY_CHECK is only ever measured"},
           {"appraise func=SETXATTR_CHECK", "SETXATTR_CHECK is for appraise with appraise_algos"},
           {"appraise appraise_algos=sha3", "unknown hash algorithm 'sha3'"},
           {"appraise appraise_algos=sha256,", "unknown hash algorithm ''"},
           {"appraise appraise_flag=check_blacklist", "imasig|modsig"},
           {"appraise appraise_flag=other", "unknown word"},
           {"appraise fowner=0\r", "unknown word"},
           {"appraise # because", "unknown word '#'"},
       }) {
    EXPECT_THAT(ParsePolicy(absl::StrCat("# comment\n\n", row.line, "\n"), PolicyText::kWritten),
                StatusIs(StatusCode::kInvalidArgument,
                         testing::AllOf(HasSubstr("line 3: "), HasSubstr(row.why))))
        << row.line;
  }
}

TEST(ParsePolicyTest, WhatTheKernelShowsIsTakenInItsOrder) {
  const std::string shown = "appraise func=BPRM_CHECK appraise_type=sigv3 digest_type=verity \n";
  EXPECT_THAT(ParsePolicy(shown, PolicyText::kWritten),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("before")));
  const Policy policy = ValueOf(ParsePolicy(shown, PolicyText::kShown));
  ASSERT_THAT(policy.rules, SizeIs(1));
  EXPECT_EQ(policy.rules[0].requirement, Requirement::kVeritySignature);
  EXPECT_EQ(policy.rules[0].text,
            "appraise func=BPRM_CHECK appraise_type=sigv3 digest_type=verity");
}

TEST(ParsePolicyTest, OnlyBlanksAndTabsEndAWord) {
  EXPECT_EQ(RuleOf("appraise fsname=\f \t").text, "appraise fsname=\f");
  EXPECT_EQ(RuleOf("appraise fsname=\f").file_system_name, "\f");
}

TEST(ParsePolicyTest, HostileTextIsRefusedAndNotRepeatedAtLength) {
  EXPECT_THAT(ParsePolicy("", PolicyText::kWritten),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no rule")));
  EXPECT_THAT(ParsePolicy("# only this\n", PolicyText::kWritten),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no rule")));
  const std::string with_nul("appraise\nappraise fow\0ner=0\n", 28);
  EXPECT_THAT(ParsePolicy(with_nul, PolicyText::kWritten),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 2 holds a NUL byte")));
  const auto huge =
      ParsePolicy(absl::StrCat("appraise ", std::string(900000, 'x')), PolicyText::kWritten);
  EXPECT_THAT(huge, StatusIs(StatusCode::kInvalidArgument, HasSubstr("unknown word 'xxx")));
  EXPECT_LT(huge.status().message().size(), 200u);
  std::string many;
  for (int i = 0; i < 50000; ++i) absl::StrAppend(&many, "dont_appraise uid=", i, "\n");
  const Policy policy = Written(absl::StrCat(many, "appraise fowner=0\n"));
  EXPECT_EQ(Decide(policy, FileOn(kExt4), {kExecuting}).coverage, Coverage::kDepends);
}

TEST(ParsePolicyTest, ReadsEveryPartOfARule) {
  const PolicyRule rule = RuleOf(
      "appraise func=MMAP_CHECK mask=^MAY_EXEC fsmagic=0xef53 fsname=ext4 fowner>9 fgroup<7 uid=0 "
      "obj_type=t appraise_type=imasig appraise_algos=sha256,sha384");
  EXPECT_EQ(rule.line, 1u);
  EXPECT_EQ(rule.action, PolicyAction::kAppraise);
  EXPECT_EQ(rule.hook, PolicyHook::kMmapCheck);
  EXPECT_TRUE(rule.mask->any_of);
  EXPECT_EQ(rule.file_system_magic, kExt4);
  EXPECT_EQ(rule.file_system_name, "ext4");
  EXPECT_EQ(rule.owner->comparison, Comparison::kGreater);
  EXPECT_EQ(rule.owner->id, 9u);
  EXPECT_EQ(rule.group->comparison, Comparison::kLess);
  EXPECT_THAT(rule.circumstances, ElementsAre("uid=0", "obj_type=t"));
  EXPECT_EQ(rule.requirement, Requirement::kSignature);
  EXPECT_THAT(rule.algorithms, ElementsAre("sha256", "sha384"));
  EXPECT_EQ(RuleOf("appraise").requirement, Requirement::kHashOrSignature);
  EXPECT_THAT(RuleOf("appraise").circumstances, IsEmpty());
}

constexpr char kBase[] =
    "dont_appraise fsmagic=0x01021994\n"
    "appraise func=BPRM_CHECK appraise_type=imasig\n"
    "appraise func=MMAP_CHECK mask=MAY_EXEC appraise_type=imasig\n";

TEST(DecideTest, TheFirstRuleThatMatchesDecides) {
  const Policy policy = Written(kBase);
  const PolicyDecision on_tmpfs = Decide(policy, FileOn(kTmpfs), {kExecuting});
  EXPECT_EQ(on_tmpfs.coverage, Coverage::kExempt);
  EXPECT_EQ(on_tmpfs.rule->line, 1u);
  const PolicyDecision executed = Decide(policy, FileOn(kExt4), {kExecuting});
  EXPECT_EQ(executed.coverage, Coverage::kAppraised);
  EXPECT_EQ(executed.rule->line, 2u);
  EXPECT_EQ(Decide(policy, FileOn(kExt4), {kMapping}).rule->line, 3u);
  const PolicyDecision loaded = Decide(policy, FileOn(kExt4), {kLoading});
  EXPECT_EQ(loaded.coverage, Coverage::kNoRule);
  EXPECT_EQ(loaded.rule, nullptr);
}

TEST(DecideTest, RulesThatMeasureDoNotMatter) {
  const Policy policy = Written("measure\nhash\naudit\ndont_measure\nappraise fowner=0\n");
  EXPECT_EQ(Decide(policy, FileOn(kExt4), {kExecuting}).rule->line, 5u);
}

struct ConditionRow {
  const char* rule;
  Coverage coverage;
};

TEST(DecideTest, Conditions) {
  PolicySubject subject = FileOn(kExt4, 5);
  subject.file_system_name = "ext4";
  subject.group = 7;
  for (const ConditionRow& row : {
           ConditionRow{"appraise", Coverage::kAppraised},
           {"appraise fsmagic=ef53", Coverage::kAppraised},
           {"appraise fsmagic=0xEF53", Coverage::kAppraised},
           {"appraise fsmagic=0xef54", Coverage::kNoRule},
           {"appraise fsname=ext4", Coverage::kAppraised},
           {"appraise fsname=ext", Coverage::kNoRule},
           {"appraise fowner=5", Coverage::kAppraised},
           {"appraise fowner>5", Coverage::kNoRule},
           {"appraise fowner>4", Coverage::kAppraised},
           {"appraise fowner<6", Coverage::kAppraised},
           {"appraise fowner<5", Coverage::kNoRule},
           {"appraise fgroup=7", Coverage::kAppraised},
           {"appraise fgroup=8", Coverage::kNoRule},
           {"appraise mask=MAY_EXEC", Coverage::kAppraised},
           {"appraise mask=^MAY_EXEC", Coverage::kAppraised},
           {"appraise mask=MAY_READ", Coverage::kNoRule},
           {"appraise func=FILE_CHECK mask=MAY_EXEC", Coverage::kNoRule},
           {"appraise func=MMAP_CHECK", Coverage::kNoRule},
           {"appraise uid=0", Coverage::kDepends},
           {"appraise gid>10", Coverage::kDepends},
           {"appraise uid=0 fowner=6", Coverage::kNoRule},
           {"appraise obj_type=t", Coverage::kDepends},
           {"dont_appraise uid=0", Coverage::kNoRule},
           {"dont_appraise", Coverage::kExempt},
       }) {
    const Policy policy = Written(row.rule);
    EXPECT_EQ(Decide(policy, subject, {kExecuting}).coverage, row.coverage) << row.rule;
  }
}

TEST(DecideTest, ADoubtfulRuleCountsOnlyWhereItMakesADifference) {
  const Policy same =
      Written("appraise uid=0 appraise_type=imasig\nappraise appraise_type=imasig\n");
  EXPECT_EQ(Decide(same, FileOn(kExt4), {kExecuting}).coverage, Coverage::kAppraised);
  const Policy other = Written("appraise uid=0\nappraise appraise_type=imasig\n");
  const PolicyDecision decision = Decide(other, FileOn(kExt4), {kExecuting});
  EXPECT_EQ(decision.coverage, Coverage::kDepends);
  EXPECT_EQ(decision.circumstance, "uid=0");
  EXPECT_EQ(decision.rule->line, 1u);
  const Policy behind = Written("dont_appraise fowner=0\nappraise uid=0\n");
  EXPECT_EQ(Decide(behind, FileOn(kExt4), {kExecuting}).coverage, Coverage::kExempt);
}

TEST(DecideTest, AFileSystemWithoutAKnownNameDependsOnIt) {
  const Policy policy = Written("dont_appraise fsname=btrfs\nappraise\n");
  const PolicyDecision decision = Decide(policy, FileOn(kExt4), {kExecuting});
  EXPECT_EQ(decision.coverage, Coverage::kDepends);
  EXPECT_EQ(decision.circumstance, "fsname=btrfs");
}

TEST(DecideTest, TheMaskIsThatOfTheAccess) {
  const Policy policy = Written("appraise func=FILE_CHECK mask=MAY_EXEC\n");
  EXPECT_EQ(Decide(policy, FileOn(kExt4), {kOpeningToExecute}).coverage, Coverage::kAppraised);
  EXPECT_EQ(Decide(policy, FileOn(kExt4), {kReading}).coverage, Coverage::kNoRule);
  // What was asked before does not decide.
  EXPECT_EQ(Decide(policy, FileOn(kExt4), {kOpeningToExecute, kExecuting}).coverage,
            Coverage::kNoRule);
}

TEST(DecideTest, WhatIsNotKnownOfTheFileLeavesItOpen) {
  const PolicySubject unknown;
  for (const ConditionRow& row : {
           ConditionRow{"appraise fowner=0", Coverage::kDepends},
           {"appraise fgroup>3", Coverage::kDepends},
           {"dont_appraise fsmagic=0\nappraise", Coverage::kDepends},
           {"appraise", Coverage::kAppraised},
       }) {
    EXPECT_EQ(Decide(Written(row.rule), unknown, {kExecuting}).coverage, row.coverage) << row.rule;
  }
  EXPECT_EQ(Decide(Written("appraise fowner=0"), unknown, {kExecuting}).circumstance, "fowner");
  EXPECT_EQ(Decide(Written("appraise fgroup=0"), unknown, {kExecuting}).circumstance, "fgroup");
}

struct VerityRow {
  const char* policy;
  Requirement requirement;
};

// `action |= entry->flags & IMA_NONACTION_FLAGS`, for every rule that matches.
TEST(DecideTest, DigestTypeOfAnyMatchingRuleCounts) {
  for (const VerityRow& row : {
           VerityRow{"measure func=BPRM_CHECK digest_type=verity\n"
                     "appraise func=BPRM_CHECK appraise_type=imasig\n",
                     Requirement::kVeritySignature},
           {"appraise appraise_type=imasig\nmeasure digest_type=verity\n",
            Requirement::kVeritySignature},
           {"audit digest_type=verity\nappraise\n", Requirement::kVerityDigest},
           {"dont_measure digest_type=verity\nappraise\n", Requirement::kVerityDigest},
           {"measure func=MMAP_CHECK digest_type=verity\nappraise appraise_type=imasig\n",
            Requirement::kSignature},
           {"measure\nmeasure digest_type=verity\nappraise appraise_type=imasig\n",
            Requirement::kSignature},
           {"measure uid=0 digest_type=verity\nappraise digest_type=verity appraise_type=sigv3\n",
            Requirement::kVeritySignature},
           {"measure uid=0\nappraise\n", Requirement::kHashOrSignature},
       }) {
    const Policy policy = Written(row.policy);
    const PolicyDecision decision = Decide(policy, FileOn(kExt4), {kExecuting});
    EXPECT_EQ(decision.coverage, Coverage::kAppraised) << row.policy;
    EXPECT_EQ(decision.requirement, row.requirement) << row.policy;
  }
}

TEST(DecideTest, ADoubtfulDigestTypeLeavesItOpen) {
  const Policy policy = Written("measure uid=0 digest_type=verity\nappraise\n");
  const PolicyDecision decision = Decide(policy, FileOn(kExt4), {kExecuting});
  EXPECT_EQ(decision.coverage, Coverage::kDepends);
  EXPECT_EQ(decision.rule->line, 1u);
  EXPECT_EQ(decision.circumstance, "uid=0");
}

TEST(DecideTest, DigestTypeStaysFromTheAccessBefore) {
  const Policy policy = Written(
      "measure func=FILE_CHECK mask=MAY_EXEC digest_type=verity\n"
      "appraise func=BPRM_CHECK appraise_type=imasig\n");
  EXPECT_EQ(Decide(policy, FileOn(kExt4), {kExecuting}).requirement, Requirement::kSignature);
  EXPECT_EQ(Decide(policy, FileOn(kExt4), {kOpeningToExecute, kExecuting}).requirement,
            Requirement::kVeritySignature);
}

TEST(PolicyHookNameTest, IsTheKernelsWord) {
  EXPECT_STREQ(PolicyHookName(PolicyHook::kFileCheck), "FILE_CHECK");
  EXPECT_STREQ(PolicyHookName(PolicyHook::kMmapCheck), "MMAP_CHECK");
  EXPECT_STREQ(PolicyHookName(PolicyHook::kSetxattrCheck), "SETXATTR_CHECK");
}

}  // namespace
}  // namespace jet::ima

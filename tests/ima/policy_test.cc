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

Policy Written(const std::string& text) { return ValueOf(ParsePolicy(text, PolicyText::kWritten)); }

PolicyRule RuleOf(const std::string& line) { return Written(line).rules.at(0); }

PolicySubject FileOn(uint64_t magic, uint32_t owner = 0) {
  PolicySubject subject;
  subject.file_system_magic = magic;
  subject.owner = owner;
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
           {"appraise func=BPRM_CHECK appraise_type=imasig|modsig", "MODULE_CHECK"},
           {"appraise appraise_type=sigv3", "digest_type=verity before it"},
           {"appraise appraise_type=sigv3 digest_type=verity", "before it"},
           {"appraise appraise_type=imasig digest_type=verity", "digest_type before appraise_type"},
           {"appraise digest_type=verity appraise_type=imasig", "appraise_type=sigv3"},
           {"appraise digest_type=verity", "wants appraise_type=sigv3"},
           {"appraise func=MODULE_CHECK digest_type=verity appraise_type=sigv3", "not for this"},
           {"measure appraise_type=imasig", "belong to appraise"},
           {"measure appraise_algos=sha256", "belong to appraise"},
           {"appraise pcr=10", "belong to measure"},
           {"appraise template=ima-sig", "belongs to measure"},
           {"measure pcr=-1", "unknown word"},
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
  EXPECT_EQ(Decide(policy, FileOn(kExt4), PolicyHook::kBprmCheck).coverage, Coverage::kDepends);
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
  const PolicyDecision on_tmpfs = Decide(policy, FileOn(kTmpfs), PolicyHook::kBprmCheck);
  EXPECT_EQ(on_tmpfs.coverage, Coverage::kExempt);
  EXPECT_EQ(on_tmpfs.rule->line, 1u);
  const PolicyDecision executed = Decide(policy, FileOn(kExt4), PolicyHook::kBprmCheck);
  EXPECT_EQ(executed.coverage, Coverage::kAppraised);
  EXPECT_EQ(executed.rule->line, 2u);
  EXPECT_EQ(Decide(policy, FileOn(kExt4), PolicyHook::kMmapCheck).rule->line, 3u);
  const PolicyDecision loaded = Decide(policy, FileOn(kExt4), PolicyHook::kModuleCheck);
  EXPECT_EQ(loaded.coverage, Coverage::kNoRule);
  EXPECT_EQ(loaded.rule, nullptr);
}

TEST(DecideTest, RulesThatMeasureDoNotMatter) {
  const Policy policy = Written("measure\nhash\naudit\ndont_measure\nappraise fowner=0\n");
  EXPECT_EQ(Decide(policy, FileOn(kExt4), PolicyHook::kBprmCheck).rule->line, 5u);
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
           {"appraise func=MMAP_CHECK", Coverage::kNoRule},
           {"appraise uid=0", Coverage::kDepends},
           {"appraise gid>10", Coverage::kDepends},
           {"appraise uid=0 fowner=6", Coverage::kNoRule},
           {"appraise obj_type=t", Coverage::kDepends},
           {"dont_appraise uid=0", Coverage::kNoRule},
           {"dont_appraise", Coverage::kExempt},
       }) {
    const Policy policy = Written(row.rule);
    EXPECT_EQ(Decide(policy, subject, PolicyHook::kBprmCheck).coverage, row.coverage) << row.rule;
  }
}

TEST(DecideTest, ADoubtfulRuleCountsOnlyWhereItMakesADifference) {
  const Policy same =
      Written("appraise uid=0 appraise_type=imasig\nappraise appraise_type=imasig\n");
  EXPECT_EQ(Decide(same, FileOn(kExt4), PolicyHook::kBprmCheck).coverage, Coverage::kAppraised);
  const Policy other = Written("appraise uid=0\nappraise appraise_type=imasig\n");
  const PolicyDecision decision = Decide(other, FileOn(kExt4), PolicyHook::kBprmCheck);
  EXPECT_EQ(decision.coverage, Coverage::kDepends);
  EXPECT_EQ(decision.circumstance, "uid=0");
  EXPECT_EQ(decision.rule->line, 1u);
  const Policy behind = Written("dont_appraise fowner=0\nappraise uid=0\n");
  EXPECT_EQ(Decide(behind, FileOn(kExt4), PolicyHook::kBprmCheck).coverage, Coverage::kExempt);
}

TEST(DecideTest, AFileSystemWithoutAKnownNameDependsOnIt) {
  const Policy policy = Written("dont_appraise fsname=btrfs\nappraise\n");
  const PolicyDecision decision = Decide(policy, FileOn(kExt4), PolicyHook::kBprmCheck);
  EXPECT_EQ(decision.coverage, Coverage::kDepends);
  EXPECT_EQ(decision.circumstance, "fsname=btrfs");
}

TEST(PolicyHookNameTest, IsTheKernelsWord) {
  EXPECT_STREQ(PolicyHookName(PolicyHook::kFileCheck), "FILE_CHECK");
  EXPECT_STREQ(PolicyHookName(PolicyHook::kMmapCheck), "MMAP_CHECK");
  EXPECT_STREQ(PolicyHookName(PolicyHook::kSetxattrCheck), "SETXATTR_CHECK");
}

}  // namespace
}  // namespace jet::ima

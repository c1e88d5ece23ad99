#include "ima/policy_in_force.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "ima/kernel_facilities.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

namespace fs = std::filesystem;

using absl::StatusCode;
using test::StatusIs;
using test::ValueOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kPolicy[] = "sys/kernel/security/ima/policy";

class PolicyInForceTest : public testing::Test {
 protected:
  void Put(const std::string& path, const std::string& content, mode_t mode = 0644) {
    const fs::path file = fs::path(folder_.path()) / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    ASSERT_EQ(chmod(file.c_str(), mode), 0);
  }

  void PutIma() { fs::create_directories(fs::path(folder_.path()) / "sys/kernel/security/ima"); }

  KernelState State() const { return ReadKernelState(folder_.path(), "6.1"); }

  PolicyInForce Read() const { return ReadPolicyInForce(folder_.path(), State()); }

  KernelFacilities Facilities() const { return ReadKernelFacilities(folder_.path(), State()); }

  test::ScratchFolder folder_;
};

TEST_F(PolicyInForceTest, IsWhatTheKernelShows) {
  PutIma();
  Put(kPolicy, "dont_appraise fsmagic=0x9fa0 \nappraise appraise_type=imasig \n", 0600);
  const PolicyInForce found = Read();
  EXPECT_EQ(found.origin, PolicyOrigin::kKernel);
  EXPECT_EQ(found.name, "the running policy");
  EXPECT_THAT(found.policy.rules, SizeIs(2));
}

TEST_F(PolicyInForceTest, AnEmptyOneHasNoRules) {
  PutIma();
  Put(kPolicy, "", 0600);
  EXPECT_EQ(Read().origin, PolicyOrigin::kKernel);
  EXPECT_THAT(Read().policy.rules, IsEmpty());
}

TEST_F(PolicyInForceTest, OneThatIsNotUnderstoodIsReplacedByAnAssumption) {
  PutIma();
  Put(kPolicy, "appraise func=FROM_THE_FUTURE \n", 0600);
  const PolicyInForce found = Read();
  EXPECT_EQ(found.origin, PolicyOrigin::kAssumed);
  EXPECT_THAT(found.why, HasSubstr("line 1: unknown word 'func=FROM_THE_FUTURE'"));
  EXPECT_THAT(found.policy.rules, SizeIs(3));
  EXPECT_EQ(found.policy.rules[0].requirement, Requirement::kSignature);
}

TEST_F(PolicyInForceTest, ALoadedOneThatIsHiddenIsAssumed) {
  PutIma();
  const PolicyInForce found = Read();
  EXPECT_EQ(found.origin, PolicyOrigin::kAssumed);
  EXPECT_THAT(found.why, HasSubstr("CONFIG_IMA_READ_POLICY"));
}

TEST_F(PolicyInForceTest, AKernelWithoutImaIsAssumedToHaveOne) {
  Put("proc/mounts", "securityfs /sys/kernel/security securityfs rw 0 0\n");
  EXPECT_EQ(Read().origin, PolicyOrigin::kAssumed);
  EXPECT_THAT(Read().why, HasSubstr("no IMA"));
}

TEST_F(PolicyInForceTest, TheAssumptionIsOfTheKindOfSignatureAskedFor) {
  PutIma();
  const PolicyInForce found = ReadPolicyInForce(folder_.path(), State(), AssumedRules::kSigv3);
  EXPECT_EQ(found.origin, PolicyOrigin::kAssumed);
  ASSERT_THAT(found.policy.rules, SizeIs(3));
  EXPECT_EQ(found.policy.rules[0].requirement, Requirement::kVeritySignature);
  EXPECT_EQ(found.policy.rules[1].requirement, Requirement::kVeritySignature);
}

TEST_F(PolicyInForceTest, WithoutOneThatWasLoadedTheBootPolicyHolds) {
  PutIma();
  Put("boot/config-6.1", "CONFIG_IMA=y\nCONFIG_IMA_APPRAISE=y\n");
  Put("proc/cmdline", "ima_policy=appraise_tcb|secure_boot\n");
  // Unreadable for root, as in a kernel without CONFIG_IMA_READ_POLICY: a folder.
  fs::create_directories(fs::path(folder_.path()) / kPolicy);
  ASSERT_EQ(chmod((fs::path(folder_.path()) / kPolicy).c_str(), 0200), 0);
  const PolicyInForce found = Read();
  EXPECT_EQ(found.origin, PolicyOrigin::kBoot);
  EXPECT_EQ(found.name, "the policy of ima_policy=appraise_tcb|secure_boot");
  ASSERT_THAT(found.policy.rules, SizeIs(16));
  EXPECT_EQ(found.policy.rules.front().hook, PolicyHook::kModuleCheck);
  EXPECT_EQ(found.policy.rules.back().text, "appraise fowner=0");
}

TEST_F(PolicyInForceTest, BuiltInRulesFollowTheConfiguration) {
  PutIma();
  Put("boot/config-6.1",
      "CONFIG_IMA=y\nCONFIG_IMA_APPRAISE_REQUIRE_MODULE_SIGS=y\n"
      "CONFIG_IMA_APPRAISE_SIGNED_INIT=y\n");
  Put("proc/cmdline", "ima_policy=appraise_tcb\n");
  const std::string text = BootPolicyText(State());
  EXPECT_THAT(text, HasSubstr("appraise func=MODULE_CHECK appraise_type=imasig\n"));
  EXPECT_THAT(text, HasSubstr("appraise fowner=0 appraise_type=imasig\n"));
  EXPECT_THAT(ParsePolicy(text, PolicyText::kWritten), test::IsOk());
}

TEST_F(PolicyInForceTest, AFileIsNamedInItsErrors) {
  Put("good", "appraise fowner=0\n");
  const PolicyInForce found = ValueOf(ReadPolicyFile(folder_.path() + "/good"));
  EXPECT_EQ(found.origin, PolicyOrigin::kFile);
  EXPECT_THAT(found.policy.rules, SizeIs(1));
  Put("bad", "appraise fowner=0\nnonsense\n");
  EXPECT_THAT(ReadPolicyFile(folder_.path() + "/bad"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("/bad': line 2: unknown word")));
  EXPECT_THAT(ReadPolicyFile(folder_.path() + "/none"),
              StatusIs(StatusCode::kNotFound, HasSubstr("/none")));
  Put("large", std::string(kMaxPolicy + 1, '#'));
  EXPECT_THAT(ReadPolicyFile(folder_.path() + "/large"),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("/large")));
}

using KernelFacilitiesTest = PolicyInForceTest;

TEST_F(KernelFacilitiesTest, AuditByConfigurationThenByWhatProcHas) {
  EXPECT_EQ(Facilities().audit.word, Presence::kUnknown);
  Put("proc/self/stat", "");
  EXPECT_EQ(Facilities().audit.word, Presence::kAbsent);
  Put("proc/self/loginuid", "0");
  EXPECT_EQ(Facilities().audit.word, Presence::kPresent);
  Put("boot/config-6.1", "# CONFIG_AUDIT is not set\n");
  EXPECT_EQ(Facilities().audit.word, Presence::kAbsent);
  EXPECT_THAT(Facilities().audit.why, HasSubstr("CONFIG_AUDIT is not set in /boot/config-6.1"));
  Put("boot/config-6.1", "CONFIG_AUDIT=y\n");
  EXPECT_EQ(Facilities().audit.word, Presence::kPresent);
  Put("proc/cmdline", "audit=1 audit=0 -- audit=1\n");
  EXPECT_EQ(Facilities().audit.word, Presence::kAbsent);
}

TEST_F(KernelFacilitiesTest, EvmIsActiveOnceItHasAKey) {
  EXPECT_EQ(Facilities().evm.word, Presence::kUnknown);
  PutIma();
  EXPECT_EQ(Facilities().evm.word, Presence::kAbsent);
  Put("sys/kernel/security/evm", "0\n");
  EXPECT_EQ(Facilities().evm.word, Presence::kAbsent);
  Put("sys/kernel/security/evm", "2\n");
  EXPECT_EQ(Facilities().evm.word, Presence::kPresent);
}

TEST_F(KernelFacilitiesTest, WhatMayNotBeReadIsSaid) {
  PutIma();
  fs::create_directories(fs::path(folder_.path()) / "sys/kernel/security/evm");
  const KernelFacilities facilities = Facilities();
  EXPECT_EQ(facilities.evm.word, Presence::kUnknown);
  EXPECT_THAT(facilities.unreadable, SizeIs(1));
}

TEST_F(KernelFacilitiesTest, AHiddenBlacklistCountsOnlyWhereTheKernelHasOne) {
  const KernelRing hidden = {kImaBlacklist, RingSight::kHidden, {}, "only root may see it"};
  KernelRing listed = {kImaBlacklist, RingSight::kListed, {KeyringMember()}, ""};
  KernelState state;
  state.ima = {Presence::kPresent, ""};
  EXPECT_EQ(BlacklistOf(state, hidden).sight, RingSight::kAbsent);
  EXPECT_EQ(BlacklistOf(state, listed).sight, RingSight::kListed);
  state.config = KernelConfig("CONFIG_IMA=y\n", "/boot/config");
  EXPECT_EQ(BlacklistOf(state, hidden).sight, RingSight::kAbsent);
  EXPECT_THAT(BlacklistOf(state, listed).members, IsEmpty());
  state.config = KernelConfig("CONFIG_IMA_BLACKLIST_KEYRING=y\n", "/boot/config");
  EXPECT_EQ(BlacklistOf(state, hidden).why, "only root may see it");
  EXPECT_THAT(BlacklistOf(state, listed).members, SizeIs(1));
  state.ima.word = Presence::kAbsent;
  EXPECT_EQ(BlacklistOf(state, listed).sight, RingSight::kAbsent);
}

TEST_F(KernelFacilitiesTest, HashesAreThoseRegisteredOrBuilt) {
  EXPECT_EQ(SupportsHash(State(), "sha256"), absl::nullopt);
  Put("proc/crypto", "name         : sha256\ndriver       : sha256-generic\n");
  EXPECT_EQ(SupportsHash(State(), "sha256"), true);
  EXPECT_EQ(SupportsHash(State(), "sha512"), absl::nullopt);
  Put("boot/config-6.1", "CONFIG_CRYPTO_SHA256=y\nCONFIG_CRYPTO_SHA1=m\n");
  EXPECT_EQ(SupportsHash(State(), "sha512"), false);
  EXPECT_EQ(SupportsHash(State(), "sha1"), absl::nullopt);
  EXPECT_EQ(SupportsHash(State(), "sm3"), absl::nullopt);
}

}  // namespace
}  // namespace jet::ima

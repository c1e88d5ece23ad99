#include "ima/policy_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

namespace fs = std::filesystem;

using absl::StatusCode;
using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using testing::AllOf;
using testing::HasSubstr;

constexpr char kRules[] =
    "# signed\n"
    "dont_appraise fsmagic=0x9fa0\n"
    "appraise func=BPRM_CHECK appraise_type=imasig";

class PolicyLoadTest : public testing::Test {
 protected:
  std::string Put(const std::string& name, const std::string& content) const {
    const fs::path file = fs::path(folder_.path()) / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }

  // What stands for the kernel's file: it takes everything.
  std::string KernelFile() const { return Put("kernel", ""); }

  static std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  test::ScratchFolder folder_;
};

TEST_F(PolicyLoadTest, GivesTheKernelTheWholeTextWithTheLastLinesEnd) {
  const std::string kernel = KernelFile();
  EXPECT_THAT(LoadPolicy(Put("policy", kRules), kernel), IsOk());
  EXPECT_EQ(Read(kernel), std::string(kRules) + "\n");
}

TEST_F(PolicyLoadTest, NamesTheLineThatTheKernelWouldRefuseAndGivesItNothing) {
  const std::string kernel = KernelFile();
  const std::string path = Put("policy", std::string(kRules) + "\nappraise func=NONSENSE\n");
  EXPECT_THAT(LoadPolicy(path, kernel),
              StatusIs(StatusCode::kInvalidArgument, AllOf(HasSubstr(path), HasSubstr("line 4"))));
  EXPECT_EQ(Read(kernel), "");
}

TEST_F(PolicyLoadTest, ALineLongerThanTheKernelLooksAtIsRefused) {
  const std::string kernel = KernelFile();
  const std::string good = "#" + std::string(4093, 'x') + "\n" + kRules;
  EXPECT_THAT(LoadPolicy(Put("good", good), kernel), IsOk());
  const std::string bad = std::string(kRules) + "\n#" + std::string(4094, 'x');
  EXPECT_THAT(LoadPolicy(Put("bad", bad), kernel),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 4: longer than 4094")));
}

TEST_F(PolicyLoadTest, ANulByteIsRefused) {
  const std::string text = std::string(kRules) + "\n# " + std::string(1, '\0') + "\n";
  EXPECT_THAT(LoadPolicy(Put("policy", text), KernelFile()),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("NUL")));
}

TEST_F(PolicyLoadTest, WithoutItsFileTheKernelTakesNoOtherPolicy) {
  EXPECT_THAT(LoadPolicy(Put("policy", kRules), folder_.path() + "/none"),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("a policy was loaded before")));
}

TEST_F(PolicyLoadTest, AMissingPolicyIsNamed) {
  EXPECT_THAT(LoadPolicy(folder_.path() + "/none", KernelFile()),
              StatusIs(StatusCode::kNotFound, HasSubstr("/none")));
}

TEST_F(PolicyLoadTest, WhatElseTheKernelAnswersIsReported) {
  const std::string path = Put("policy", kRules);
  EXPECT_THAT(LoadPolicy(path, "/dev/full"),
              StatusIs(StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("the kernel refuses"), HasSubstr(path))));
}

TEST_F(PolicyLoadTest, TheCommandLineSwitchesItOff) {
  const auto switched_off = [this](const std::string& line) {
    Put("proc/cmdline", line);
    return PolicyIsSwitchedOff(folder_.path());
  };
  EXPECT_THAT(switched_off("quiet jet.policy=off ro\n"), IsOkAndHolds(true));
  EXPECT_THAT(switched_off("jet.policy=on jet.policy=off"), IsOkAndHolds(true));
  EXPECT_THAT(switched_off("jet.policy=off jet.policy=on"), IsOkAndHolds(false));
  EXPECT_THAT(switched_off("quiet ima_policy=off"), IsOkAndHolds(false));
  EXPECT_THAT(switched_off("jet.policy=offset"), IsOkAndHolds(false));
  EXPECT_THAT(switched_off("quiet -- jet.policy=off"), IsOkAndHolds(false));
}

TEST_F(PolicyLoadTest, WithoutACommandLineItIsNotKnown) {
  EXPECT_THAT(PolicyIsSwitchedOff(folder_.path()), StatusIs(StatusCode::kNotFound, HasSubstr("")));
}

KernelState Ready() {
  KernelState state;
  state.ima = {Presence::kPresent, ""};
  state.appraise = {AppraiseMode::kEnforce, "the default"};
  state.policy = PolicyState::kOpen;
  return state;
}

TEST(TakesPolicyTest, AKernelWithAnOpenPolicyDoes) {
  EXPECT_THAT(CheckTakesPolicy(Ready()), IsOk());
  KernelState state = Ready();
  state.appraise.word = AppraiseMode::kLog;
  EXPECT_THAT(CheckTakesPolicy(state), IsOk());
}

TEST(TakesPolicyTest, OthersDoNotAndWhyIsSaid) {
  KernelState state = Ready();
  state.ima = {Presence::kAbsent, "there is none"};
  EXPECT_THAT(CheckTakesPolicy(state),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("there is none")));
  state = Ready();
  state.appraise = {AppraiseMode::kNotSupported, "CONFIG_IMA_APPRAISE is not set"};
  EXPECT_THAT(CheckTakesPolicy(state),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("CONFIG_IMA_APPRAISE")));
  state = Ready();
  state.policy = PolicyState::kFinal;
  EXPECT_THAT(CheckTakesPolicy(state),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("loaded before")));
  state.policy = PolicyState::kUnknown;
  EXPECT_THAT(CheckTakesPolicy(state),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("cannot be told")));
}

}  // namespace
}  // namespace jet::ima

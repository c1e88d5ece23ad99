#include "base/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

#include "absl/time/clock.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using test::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kLimit = 1 << 20;

ChildProcessRequest Shell(const std::string& script) {
  ChildProcessRequest request;
  request.arguments = {"sh", "-c", script};
  request.environment = EnvironmentOf({"PATH"});
  request.output_limit = kLimit;
  request.error_limit = kLimit;
  request.timeout = absl::Seconds(60);
  return request;
}

bool HasNoChild() { return waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

TEST(ChildProcessTest, GivesBackWhatTheChildWroteAndItsStatus) {
  ASSERT_OK_AND_ASSIGN(const ChildProcessResult result,
                       RunChildProcess(Shell("echo out; echo err >&2; exit 7")));
  EXPECT_EQ(AsText(result.output), "out\n");
  EXPECT_EQ(result.error_text, "err\n");
  EXPECT_EQ(result.exit_status, 7);
  EXPECT_EQ(result.signal, 0);
  EXPECT_TRUE(HasNoChild());
}

// More than pipes hold, both ways at the same time.
TEST(ChildProcessTest, ManyBytesGoThroughBothWays) {
  const Bytes input(kLimit, 'x');
  ChildProcessRequest request = Shell("tee /dev/stderr");
  request.input = input;
  ASSERT_OK_AND_ASSIGN(const ChildProcessResult result, RunChildProcess(request));
  EXPECT_EQ(result.output, input);
  EXPECT_EQ(result.error_text.size(), input.size());
}

TEST(ChildProcessTest, AChildThatDoesNotReadItsInputIsNoError) {
  const Bytes input(kLimit, 'x');
  ChildProcessRequest request = Shell("exec <&-; echo done");
  request.input = input;
  ASSERT_OK_AND_ASSIGN(const ChildProcessResult result, RunChildProcess(request));
  EXPECT_EQ(AsText(result.output), "done\n");
}

TEST(ChildProcessTest, NoInputIsTheEndOfInput) {
  ASSERT_OK_AND_ASSIGN(const ChildProcessResult result, RunChildProcess(Shell("cat; echo done")));
  EXPECT_EQ(AsText(result.output), "done\n");
}

TEST(ChildProcessTest, ASignalIsNoExitStatus) {
  ASSERT_OK_AND_ASSIGN(const ChildProcessResult result, RunChildProcess(Shell("kill -TERM $$")));
  EXPECT_EQ(result.exit_status, -1);
  EXPECT_EQ(result.signal, SIGTERM);
}

TEST(ChildProcessTest, AChildThatHangsIsEnded) {
  ChildProcessRequest request = Shell("exec sleep 60");
  request.timeout = absl::Milliseconds(300);
  const absl::Time start = absl::Now();
  EXPECT_THAT(RunChildProcess(request),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("300ms")));
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
  EXPECT_TRUE(HasNoChild());
}

TEST(ChildProcessTest, AChildThatWillNotEndIsKilled) {
  ChildProcessRequest request = Shell("trap '' TERM; while :; do sleep 1; done");
  request.timeout = absl::Milliseconds(500);
  const absl::Time start = absl::Now();
  EXPECT_THAT(RunChildProcess(request),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("")));
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
  EXPECT_TRUE(HasNoChild());
}

// As ssh does that leaves a shared connection behind.
TEST(ChildProcessTest, WhatAChildLeavesBehindIsNotWaitedFor) {
  const absl::Time start = absl::Now();
  ASSERT_OK_AND_ASSIGN(const ChildProcessResult result,
                       RunChildProcess(Shell("sleep 30 & echo done; exit 3")));
  EXPECT_EQ(AsText(result.output), "done\n");
  EXPECT_EQ(result.exit_status, 3);
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
}

TEST(ChildProcessTest, OutputHasALimit) {
  ChildProcessRequest request = Shell("head -c 11 /dev/zero; sleep 60");
  request.output_limit = 10;
  EXPECT_THAT(RunChildProcess(request),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more than 10 bytes")));
  EXPECT_TRUE(HasNoChild());
  request = Shell("head -c 10 /dev/zero");
  request.output_limit = 10;
  ASSERT_OK_AND_ASSIGN(const ChildProcessResult result, RunChildProcess(request));
  EXPECT_EQ(result.output.size(), 10U);
}

TEST(ChildProcessTest, OfErrorsOnlyTheFirstAreKept) {
  ChildProcessRequest request = Shell("seq 9999 >&2; echo done");
  request.error_limit = 4;
  ASSERT_OK_AND_ASSIGN(const ChildProcessResult result, RunChildProcess(request));
  EXPECT_EQ(result.error_text, "1\n2\n");
  EXPECT_EQ(AsText(result.output), "done\n");
}

TEST(ChildProcessTest, AProgramThatIsNotThereIsNotFound) {
  ChildProcessRequest request = Shell("");
  request.arguments = {"no-such-program"};
  EXPECT_THAT(RunChildProcess(request),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("'no-such-program'")));
}

TEST(ChildProcessTest, NoShellReadsTheArguments) {
  ChildProcessRequest request = Shell("");
  request.arguments = {"printf", "%s|", "a b", "$(id)", ";", "", "*"};
  ASSERT_OK_AND_ASSIGN(const ChildProcessResult result, RunChildProcess(request));
  EXPECT_EQ(AsText(result.output), "a b|$(id)|;||*|");
}

TEST(ChildProcessTest, TheChildHasOnlyTheEnvironmentThatIsGiven) {
  ASSERT_EQ(setenv("JET_TEST_SECRET", "secret", 1), 0);
  ChildProcessRequest request = Shell("echo \"${JET_TEST_SECRET:-none} $A\"");
  request.environment.push_back("A=b");
  ASSERT_OK_AND_ASSIGN(const ChildProcessResult result, RunChildProcess(request));
  EXPECT_EQ(AsText(result.output), "none b\n");
  EXPECT_THAT(EnvironmentOf({"JET_TEST_SECRET", "JET_TEST_NOT_THERE"}),
              ElementsAre("JET_TEST_SECRET=secret"));
}

// A shell cannot be killed by a signal that it was started to ignore.
TEST(ChildProcessTest, TheChildDoesNotIgnoreWhatThisProcessIgnores) {
  struct sigaction before = {};
  ASSERT_EQ(sigaction(SIGPIPE, nullptr, &before), 0);
  (void)std::signal(SIGPIPE, SIG_IGN);
  const absl::StatusOr<ChildProcessResult> result = RunChildProcess(Shell("kill -PIPE $$"));
  ASSERT_EQ(sigaction(SIGPIPE, &before, nullptr), 0);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->signal, SIGPIPE);
}

// The other descriptors of this process, the lock of a keystore say, are not the child's.
TEST(ChildProcessTest, TheChildHasThreeDescriptors) {
  const int inherited = open("/dev/null", O_RDONLY);  // NOLINT: without O_CLOEXEC
  ASSERT_GE(inherited, 0);
  ASSERT_OK_AND_ASSIGN(const ChildProcessResult result,
                       RunChildProcess(Shell("exec ls /proc/self/fd")));
  ASSERT_EQ(close(inherited), 0);
  EXPECT_EQ(AsText(result.output), "0\n1\n2\n3\n");  // 3 is the folder that ls reads
}

}  // namespace
}  // namespace jet::base

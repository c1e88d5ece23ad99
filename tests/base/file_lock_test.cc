#include "base/file_lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/file.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/unique_fd.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::Open;
using test::ScratchFolder;
using test::StatusIs;

constexpr std::chrono::milliseconds kWhile(20);

class WaitForLockTest : public testing::Test {
 protected:
  // An open file description of its own.
  UniqueFd OpenFolder() const { return Open(folder_.path(), O_RDONLY | O_DIRECTORY); }

  // True when another could have the lock now.
  bool IsFree(int operation) const {
    const UniqueFd other = OpenFolder();
    return flock(other.get(), operation | LOCK_NB) == 0;
  }

  ScratchFolder folder_;
};

TEST_F(WaitForLockTest, TheKindsExcludeWhatTheySay) {
  const UniqueFd fd = OpenFolder();
  ASSERT_THAT(WaitForLock(fd.get(), LockKind::kExclusive, "it"), IsOk());
  EXPECT_FALSE(IsFree(LOCK_SH));
  ASSERT_THAT(WaitForLock(fd.get(), LockKind::kShared, "it"), IsOk());
  EXPECT_TRUE(IsFree(LOCK_SH));
  EXPECT_FALSE(IsFree(LOCK_EX));
}

TEST_F(WaitForLockTest, ASignalDoesNotEndTheWait) {
  struct sigaction quiet = {};
  struct sigaction before = {};
  quiet.sa_handler = [](int) {};  // without SA_RESTART: flock fails with EINTR
  ASSERT_EQ(sigaction(SIGUSR1, &quiet, &before), 0);
  UniqueFd holder = OpenFolder();
  ASSERT_THAT(WaitForLock(holder.get(), LockKind::kExclusive, "it"), IsOk());
  const UniqueFd fd = OpenFolder();
  absl::Status status = absl::UnknownError("still waiting");
  std::atomic<bool> done = false;
  std::thread waiter([&] {
    status = WaitForLock(fd.get(), LockKind::kExclusive, "it");
    done = true;
  });
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(kWhile);
    EXPECT_EQ(pthread_kill(waiter.native_handle(), SIGUSR1), 0);
  }
  std::this_thread::sleep_for(kWhile);
  EXPECT_FALSE(done);
  holder.Reset();
  waiter.join();
  EXPECT_THAT(status, IsOk());
  EXPECT_FALSE(IsFree(LOCK_SH));
  ASSERT_EQ(sigaction(SIGUSR1, &before, nullptr), 0);
}

TEST_F(WaitForLockTest, AnErrorNamesWhatCannotBeLocked) {
  EXPECT_THAT(WaitForLock(-1, LockKind::kShared, "the keystore '/x'"),
              StatusIs(StatusCode::kFailedPrecondition,
                       "cannot lock the keystore '/x': Bad file descriptor"));
}

}  // namespace
}  // namespace jet::base

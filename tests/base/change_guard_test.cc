#include "base/change_guard.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/xattr.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using absl::StatusCode;
using test::InChild;
using test::IsOk;
using test::Open;
using test::StatusIs;
using testing::HasSubstr;

constexpr char kChangedWord[] = "changed or opened for writing";

class ChangeGuardTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot; }

  const test::ScratchFolder folder_;
  const std::string path_ = folder_.Write("file", "content");
  const UniqueFd fd_ = Open(path_, O_RDONLY);
};

// Opens `path` for writing as another process would; says how that went.
std::string OpenForWriting(const std::string& path, int flags = 0) {
  return InChild([&]() -> std::string {
    // Without O_NONBLOCK the kernel makes the writer wait for the holder of the lease.
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_NONBLOCK | flags));
    if (fd.valid()) return "opened";
    return errno == EWOULDBLOCK ? "would block" : "failed";
  });
}

TEST_F(ChangeGuardTest, AnUntouchedFileIsUnchanged) {
  ASSERT_OK_AND_ASSIGN(const ChangeGuard guard, ChangeGuard::Start(fd_.get()));
  EXPECT_EQ(guard.method(), ChangeDetection::kLease);
  EXPECT_EQ(guard.initial().st_size, 7);
  EXPECT_THAT(guard.Check(), IsOk());
  EXPECT_THAT(guard.CheckAfterOwnXattr(), IsOk());
}

TEST_F(ChangeGuardTest, ReadersDoNotDisturb) {
  ASSERT_OK_AND_ASSIGN(const ChangeGuard guard, ChangeGuard::Start(fd_.get()));
  EXPECT_THAT(ReadFile(path_, 100), IsOk());
  EXPECT_THAT(guard.Check(), IsOk());
}

TEST_F(ChangeGuardTest, AFileThatIsOpenForWritingIsUnavailable) {
  const UniqueFd writer = Open(path_, O_WRONLY);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(ChangeGuard::Start(fd_.get()),
              StatusIs(StatusCode::kUnavailable, "the file is open for writing by some process"));
  // Two more tries, 100 ms apart.
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(200));
}

TEST_F(ChangeGuardTest, AWriterThatFinishesSoonIsWaitedFor) {
  UniqueFd writer = Open(path_, O_WRONLY);
  std::thread finisher([&writer] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    writer.Reset();
  });
  const auto guard = ChangeGuard::Start(fd_.get());
  finisher.join();
  EXPECT_THAT(guard, IsOk());
}

TEST_F(ChangeGuardTest, AWritableSharedMappingCountsAsAWriter) {
  UniqueFd writer = Open(path_, O_RDWR);
  void* const mapping = mmap(nullptr, 7, PROT_READ | PROT_WRITE, MAP_SHARED, writer.get(), 0);
  ASSERT_NE(mapping, MAP_FAILED);
  writer.Reset();
  EXPECT_THAT(ChangeGuard::Start(fd_.get()),
              StatusIs(StatusCode::kUnavailable, HasSubstr("open for writing")));
  ASSERT_EQ(munmap(mapping, 7), 0);
}

TEST_F(ChangeGuardTest, AnOpenForWritingIsNoticedBeforeAnythingIsWritten) {
  ASSERT_OK_AND_ASSIGN(const ChangeGuard guard, ChangeGuard::Start(fd_.get()));
  ASSERT_EQ(OpenForWriting(path_), "would block");
  EXPECT_THAT(guard.Check(), StatusIs(StatusCode::kAborted, HasSubstr(kChangedWord)));
  EXPECT_THAT(guard.CheckAfterOwnXattr(), StatusIs(StatusCode::kAborted, HasSubstr(kChangedWord)));
}

TEST_F(ChangeGuardTest, AnOpenThatTruncatesIsNoticed) {
  ASSERT_OK_AND_ASSIGN(const ChangeGuard guard, ChangeGuard::Start(fd_.get()));
  ASSERT_EQ(OpenForWriting(path_, O_TRUNC), "would block");
  EXPECT_THAT(guard.Check(), StatusIs(StatusCode::kAborted, HasSubstr(kChangedWord)));
}

TEST_F(ChangeGuardTest, TruncateIsNoticedAndWaitsForTheEndOfTheGuard) {
  std::thread truncater;
  {
    ASSERT_OK_AND_ASSIGN(const ChangeGuard guard, ChangeGuard::Start(fd_.get()));
    truncater = std::thread([this] { EXPECT_EQ(truncate(path_.c_str(), 3), 0); });
    while (guard.Check().ok()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_THAT(guard.Check(), StatusIs(StatusCode::kAborted, HasSubstr(kChangedWord)));
    EXPECT_EQ(std::filesystem::file_size(path_), 7u);
  }
  truncater.join();
  EXPECT_EQ(std::filesystem::file_size(path_), 3u);
}

TEST_F(ChangeGuardTest, TheEndOfTheGuardGivesTheLeaseBack) {
  { ASSERT_THAT(ChangeGuard::Start(fd_.get()), IsOk()); }
  EXPECT_EQ(fcntl(fd_.get(), F_GETLEASE), F_UNLCK);
  EXPECT_EQ(OpenForWriting(path_), "opened");
}

TEST_F(ChangeGuardTest, AMovedGuardKeepsTheLease) {
  ASSERT_OK_AND_ASSIGN(ChangeGuard first, ChangeGuard::Start(fd_.get()));
  { const ChangeGuard second = std::move(first); }
  EXPECT_EQ(fcntl(fd_.get(), F_GETLEASE), F_UNLCK);
}

TEST_F(ChangeGuardTest, AnAttributeOfOursIsNoChange) {
  ASSERT_OK_AND_ASSIGN(const ChangeGuard guard, ChangeGuard::Start(fd_.get()));
  ASSERT_THAT(SetXattr(fd_.get(), "security.jet_test", Bytes(10)), IsOk());
  EXPECT_THAT(guard.CheckAfterOwnXattr(), IsOk());
}

TEST_F(ChangeGuardTest, ALeaseThatBreaksDoesNotEndTheProcess) {
  // The process is like any that uses the library: nothing is done about signals.
  EXPECT_EQ(InChild([this]() -> std::string {
              (void)std::signal(SIGIO, SIG_DFL);
              (void)std::signal(SIGURG, SIG_DFL);
              const auto guard = ChangeGuard::Start(fd_.get());
              if (!guard.ok()) return guard.status().ToString();
              return OpenForWriting(path_);
            }),
            "would block");
}

TEST_F(ChangeGuardTest, WithTheSignalThatLeasesHaveItWouldEnd) {
  // The control of the test above.
  EXPECT_THAT(InChild([this]() -> std::string {
                (void)std::signal(SIGIO, SIG_DFL);
                const auto guard = ChangeGuard::Start(fd_.get());
                if (fcntl(fd_.get(), F_SETSIG, 0) != 0) return "failed";
                return OpenForWriting(path_);
              }),
              HasSubstr("the child died"));
}

// Watches the file as a user who owns it not and so gets no lease; runs `change` meanwhile.
class TimestampsTest : public ChangeGuardTest {
 protected:
  // Runs as nobody, with a descriptor for writing that was opened before.
  std::string CheckAround(absl::FunctionRef<void(int writer)> change,
                          absl::Status (ChangeGuard::*check)() const = &ChangeGuard::Check) {
    return InChild([&]() -> std::string {
      const UniqueFd writer = Open(path_, O_RDWR);
      test::BecomeUser(test::kNobody);
      const auto guard = ChangeGuard::Start(fd_.get());
      if (!guard.ok()) return guard.status().ToString();
      if (guard->method() != ChangeDetection::kTimestamps) return "a lease was taken";
      // Longer than the coarsest clock that file systems stamp with.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      change(writer.get());
      return ((*guard).*check)().ToString();
    });
  }
};

TEST_F(TimestampsTest, AnUntouchedFileIsUnchanged) {
  EXPECT_EQ(CheckAround([](int) {}), "OK");
  EXPECT_EQ(CheckAround([](int) {}, &ChangeGuard::CheckAfterOwnXattr), "OK");
}

TEST_F(TimestampsTest, ARewriteOfTheSameSizeIsNoticed) {
  const auto rewrite = [](int writer) { (void)!pwrite(writer, "CONTENT", 7, 0); };
  EXPECT_THAT(CheckAround(rewrite), HasSubstr(kChangedWord));
  EXPECT_THAT(CheckAround(rewrite, &ChangeGuard::CheckAfterOwnXattr), HasSubstr(kChangedWord));
}

TEST_F(TimestampsTest, AnAppendedByteIsNoticed) {
  const auto append = [](int writer) { (void)!pwrite(writer, "!", 1, 7); };
  EXPECT_THAT(CheckAround(append, &ChangeGuard::CheckAfterOwnXattr), HasSubstr(kChangedWord));
}

TEST_F(TimestampsTest, ARewriteWhoseMtimeWasPutBackIsNoticedByTheCtime) {
  EXPECT_THAT(CheckAround([](int writer) {
                struct stat before = {};
                (void)fstat(writer, &before);
                (void)!pwrite(writer, "CONTENT", 7, 0);
                const timespec times[2] = {before.st_atim, before.st_mtim};
                // The file must be this user's for that, so it is not done through `writer`.
                (void)futimens(writer, times);
              }),
              HasSubstr(kChangedWord));
}

}  // namespace
}  // namespace jet::base

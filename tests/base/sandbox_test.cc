#include "base/sandbox.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"

namespace jet::base {
namespace {

constexpr char kNeedsLandlock[] =
    "these tests need Landlock, which Debian 12's kernel has (CONFIG_LSM, lsm=): without it they "
    "would assert nothing";

// What comes of opening `path`: "ok" or the reason why not.
std::string Opening(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd < 0) return std::strerror(errno);
  (void)close(fd);
  return "ok";
}

// The same of a thread that is started now.
std::string OpeningInThread(const std::string& path, int flags) {
  std::string result;
  std::thread([&] { result = Opening(path, flags); }).join();
  return result;
}

class SandboxTest : public testing::Test {
 protected:
  SandboxTest() {
    folder_.Write("in/file", "x");
    folder_.Write("out", "x");
    EXPECT_EQ(symlink("../out", folder_.Path("in/link").c_str()), 0);
  }

  // What `work` says in a child that may only read `readable`.
  std::string Confined(const std::vector<std::string>& readable,
                       const std::function<std::string()>& work) const {
    return test::InChild([&] {
      const absl::Status confined = AllowOnlyReading(readable);
      return confined.ok() ? work() : std::string(confined.message());
    });
  }

  static bool IsOffered() {
    return test::InChild([] { return std::string(AllowOnlyReading({}).ok() ? "yes" : "no"); }) ==
           "yes";
  }

  const test::ScratchFolder folder_;
};

TEST_F(SandboxTest, AThreadOpensNothingOutside) {
  ASSERT_TRUE(IsOffered()) << kNeedsLandlock;
  ASSERT_EQ(OpeningInThread(folder_.Path("out"), O_RDONLY), "ok");
  const std::string said = Confined({folder_.Path("in")}, [this] {
    return absl::StrCat(OpeningInThread(folder_.Path("in/file"), O_RDONLY), ", ",
                        OpeningInThread(folder_.Path("in"), O_RDONLY | O_DIRECTORY), ", ",
                        OpeningInThread(folder_.Path("out"), O_RDONLY), ", ",
                        OpeningInThread(folder_.Path("in/link"), O_RDONLY), ", ",
                        OpeningInThread("/etc/passwd", O_RDONLY));
  });
  EXPECT_EQ(said, "ok, ok, Permission denied, Permission denied, Permission denied");
}

TEST_F(SandboxTest, NothingIsWrittenMadeOrRemovedInsideEither) {
  ASSERT_TRUE(IsOffered()) << kNeedsLandlock;
  const std::string said = Confined({folder_.Path("in")}, [this] {
    return absl::StrCat(Opening(folder_.Path("in/file"), O_WRONLY), ", ",
                        Opening(folder_.Path("in/new"), O_RDWR | O_CREAT), ", ",
                        unlink(folder_.Path("in/file").c_str()) == 0 ? "gone" : "kept", ", ",
                        mkdir(folder_.Path("in/folder").c_str(), 0700) == 0 ? "made" : "not made");
  });
  EXPECT_EQ(said, "Permission denied, Permission denied, kept, not made");
}

TEST_F(SandboxTest, AFileOrALinkThatIsNamedIsReadAndNothingBesideIt) {
  ASSERT_TRUE(IsOffered()) << kNeedsLandlock;
  const std::string said = Confined({folder_.Path("in/link"), folder_.Path("none")}, [this] {
    return absl::StrCat(Opening(folder_.Path("in/link"), O_RDONLY), ", ",
                        Opening(folder_.Path("out"), O_RDONLY), ", ",
                        Opening(folder_.Path("in/file"), O_RDONLY));
  });
  EXPECT_EQ(said, "ok, ok, Permission denied");
}

TEST_F(SandboxTest, WhatIsOpenStaysOpen) {
  ASSERT_TRUE(IsOffered()) << kNeedsLandlock;
  const test::ScratchFolder& folder = folder_;
  const std::string said = test::InChild([&folder]() -> std::string {
    const int fd = open(folder.Path("out").c_str(), O_RDONLY | O_CLOEXEC);
    if (!AllowOnlyReading({}).ok()) return "not confined";
    char byte = '\0';
    return read(fd, &byte, 1) == 1 ? "read" : std::strerror(errno);
  });
  EXPECT_EQ(said, "read");
}

}  // namespace
}  // namespace jet::base

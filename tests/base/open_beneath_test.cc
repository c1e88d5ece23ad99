#include "base/open_beneath.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/file.h"
#include "base/system_error.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using absl::StatusCode;
using test::StatusIs;
using test::ValueOf;
using testing::HasSubstr;

// Both ways must give the same answers.
using OpenFunction = absl::StatusOr<UniqueFd> (*)(int root_fd, const std::string& path);

class OpenBeneathTest : public testing::TestWithParam<OpenFunction> {
 protected:
  OpenBeneathTest() {
    folder_.Write("root/a/b/file", "inside");
    folder_.Write("outside/file", "outside");
    root_ = test::Open(folder_.Path("root"), O_RDONLY | O_DIRECTORY);
  }

  absl::StatusOr<UniqueFd> Open(const std::string& path) const {
    return GetParam()(root_.get(), path);
  }

  void Link(const std::string& target, const std::string& name) const {
    ASSERT_EQ(symlink(target.c_str(), folder_.Path(name).c_str()), 0);
  }

  test::ScratchFolder folder_;
  UniqueFd root_;
};

TEST_P(OpenBeneathTest, OpensAFileForReading) {
  const UniqueFd fd = ValueOf(Open("a/b/file"));
  EXPECT_EQ(AsText(ValueOf(ReadBounded(fd.get(), 100, "file"))), "inside");
  EXPECT_EQ(fcntl(fd.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_P(OpenBeneathTest, FollowsNoLinkAnywhere) {
  Link("../outside", "root/out");
  Link("a", "root/in");
  Link("b/file", "root/a/last");
  for (const char* path : {"out/file", "in/b/file", "a/last"}) {
    const auto fd = Open(path);
    EXPECT_EQ(ErrnoOf(fd.status()), ELOOP) << path << ": " << fd.status();
    EXPECT_THAT(fd.status().message(), HasSubstr("symbolic link")) << path;
  }
}

TEST_P(OpenBeneathTest, TakesNoPathThatCouldLeadOutside) {
  for (const std::string& path :
       {std::string(), std::string("/etc/passwd"), std::string("../outside/file"),
        std::string("a/../a/b/file"), std::string("./a/b/file"), std::string("a//b/file"),
        std::string("a/b/file/"), std::string("a/b/file\0x", 10)}) {
    EXPECT_FALSE(IsBeneath(path)) << path;
    EXPECT_THAT(Open(path), StatusIs(StatusCode::kInvalidArgument, HasSubstr("below"))) << path;
  }
  EXPECT_TRUE(IsBeneath("...")) << "a name like any other";
}

TEST_P(OpenBeneathTest, OpensNothingButRegularFiles) {
  ASSERT_EQ(mkfifo(folder_.Path("root/fifo").c_str(), 0644), 0);
  EXPECT_THAT(Open("fifo"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("regular")));
  EXPECT_THAT(Open("a"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("regular")));
  EXPECT_THAT(Open("missing"), StatusIs(StatusCode::kNotFound, HasSubstr("'missing'")));
  EXPECT_THAT(Open("a/missing/file"), StatusIs(StatusCode::kNotFound, HasSubstr("a/missing/file")));
  EXPECT_EQ(ErrnoOf(Open("a/b/file/x").status()), ENOTDIR);
}

INSTANTIATE_TEST_SUITE_P(Ways, OpenBeneathTest,
                         testing::Values(&OpenBeneath, &OpenBeneathByComponents));

}  // namespace
}  // namespace jet::base

#include "base/fs_verity.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/mount.h>

#include <cerrno>
#include <string>

#include "tests/base/child.h"
#include "tests/base/fake_verity.h"
#include "tests/base/file_flags.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using absl::StatusCode;
using test::StatusIs;
using testing::HasSubstr;

class FsVerityTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot; }

  test::ScratchFolder folder_;
  const std::string path_ = folder_.Write("f", "content");
  const UniqueFd fd_ = test::Open(path_, O_RDONLY);
};

// The answers of this kernel itself: a tmpfs never has fs-verity.
TEST_F(FsVerityTest, AFileSystemWithoutItSaysWhatHasIt) {
  const std::string answers = test::InChild([this] {
    test::EnterPrivateMounts();
    if (mount("none", folder_.path().c_str(), "tmpfs", 0, nullptr) != 0)
      return std::string("mount");
    const UniqueFd fd = test::Open(folder_.Write("g", "x"), O_RDONLY);
    const auto measured = MeasureVerity(fd.get());
    const auto enabled = EnableVerity(fd.get(), kVeritySha256);
    const absl::Status support = CheckVeritySupport(fd.get());
    if (!measured.ok() || measured->has_value()) return std::string("it was measured");
    if (enabled.status() != support) return std::string("the two differ");
    return support.ToString();
  });
  EXPECT_EQ(answers,
            "UNIMPLEMENTED: cannot enable fs-verity: this type of file system has no fs-verity: "
            "ext4, f2fs and btrfs have");
}

TEST_F(FsVerityTest, AFileSystemMadeWithoutItSaysHowToSwitchItOn) {
  const test::FakeVerity fake(EOPNOTSUPP);
  const absl::Status support = CheckVeritySupport(fd_.get());
  EXPECT_THAT(support, StatusIs(StatusCode::kUnimplemented, HasSubstr("tune2fs -O verity")));
  EXPECT_EQ(EnableVerity(fd_.get(), kVeritySha256).status(), support);
  EXPECT_FALSE(test::ValueOf(MeasureVerity(fd_.get())).has_value());
}

TEST_F(FsVerityTest, EnablesOnceAndMeasures) {
  const test::FakeVerity fake;
  EXPECT_THAT(CheckVeritySupport(fd_.get()), test::IsOk());
  EXPECT_FALSE(test::ValueOf(MeasureVerity(fd_.get())).has_value());
  EXPECT_THAT(EnableVerity(fd_.get(), kVeritySha512), test::IsOkAndHolds(true));
  ASSERT_OK_AND_ASSIGN(const auto measured, MeasureVerity(fd_.get()));
  ASSERT_TRUE(measured.has_value());
  EXPECT_EQ(measured->hash, kVeritySha512);
  EXPECT_EQ(measured->digest.size(), 64);
  EXPECT_THAT(EnableVerity(fd_.get(), kVeritySha256), test::IsOkAndHolds(false));
  EXPECT_EQ(test::ValueOf(MeasureVerity(fd_.get()))->hash, kVeritySha512);
}

TEST_F(FsVerityTest, AFileThatIsOpenForWritingIsUnavailable) {
  const test::FakeVerity fake;
  const UniqueFd writer = test::Open(path_, O_WRONLY);
  EXPECT_THAT(EnableVerity(fd_.get(), kVeritySha256),
              StatusIs(StatusCode::kUnavailable, HasSubstr("open for writing")));
  EXPECT_FALSE(test::ValueOf(MeasureVerity(fd_.get())).has_value());
}

TEST_F(FsVerityTest, SaysWhyItCouldNotEnable) {
  struct {
    int error_number;
    StatusCode code;
    const char* text;
  } const kCases[] = {
      {EBUSY, StatusCode::kUnavailable, "another process is enabling it"},
      {EINVAL, StatusCode::kFailedPrecondition, "does not take it with blocks of 4096 bytes"},
      {ENOPKG, StatusCode::kUnimplemented, "does not have the hash algorithm"},
      {EPERM, StatusCode::kPermissionDenied, "Operation not permitted"},
      {EROFS, StatusCode::kPermissionDenied, "Read-only file system"},
      {EACCES, StatusCode::kPermissionDenied, "Permission denied"},
  };
  for (const auto& test : kCases) {
    const test::FakeVerity fake(test.error_number);
    EXPECT_THAT(EnableVerity(fd_.get(), kVeritySha256), StatusIs(test.code, HasSubstr(test.text)));
  }
}

TEST_F(FsVerityTest, WhatIsOfTheFileIsNotSaidOfTheFileSystem) {
  const test::FakeVerity fake(-EOPNOTSUPP);
  EXPECT_THAT(CheckVeritySupport(fd_.get()), test::IsOk());
  EXPECT_THAT(EnableVerity(fd_.get(), kVeritySha256),
              StatusIs(StatusCode::kUnimplemented, HasSubstr("without extents")));
}

TEST_F(FsVerityTest, TheFlagOfTheFileIsNamed) {
  const test::FileFlags flags(fd_.get(), FS_IMMUTABLE_FL);
  const test::FakeVerity fake(EPERM);
  const absl::Status seen = CheckVerityCanBeEnabled(fd_.get());
  EXPECT_THAT(seen, StatusIs(StatusCode::kPermissionDenied,
                             "cannot enable fs-verity: the file is immutable (chattr -i makes it "
                             "changeable)"));
  EXPECT_EQ(EnableVerity(fd_.get(), kVeritySha256).status(), seen);
}

TEST_F(FsVerityTest, AMountForReadingOnlyIsSeenBeforehand) {
  const test::FakeVerity fake;
  EXPECT_THAT(CheckVerityCanBeEnabled(fd_.get()), test::IsOk());
  const std::string answer = test::InChild([this] {
    test::EnterPrivateMounts();
    const char* const folder = folder_.path().c_str();
    if (mount(folder, folder, nullptr, MS_BIND, nullptr) != 0 ||
        mount(nullptr, folder, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) {
      return std::string("mount");
    }
    return CheckVerityCanBeEnabled(test::Open(path_, O_RDONLY).get()).ToString();
  });
  EXPECT_THAT(answer, HasSubstr("cannot enable fs-verity: Read-only file system"));
}

TEST_F(FsVerityTest, ADescriptorThatIsNoneIsAnError) {
  EXPECT_THAT(MeasureVerity(-1),
              StatusIs(StatusCode::kFailedPrecondition,
                       "cannot measure the fs-verity digest: Bad file descriptor"));
}

}  // namespace
}  // namespace jet::base

#include "base/xattr.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "base/system_error.h"
#include "tests/base/child.h"
#include "tests/base/file_flags.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using absl::StatusCode;
using test::InChild;
using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using testing::AllOf;
using testing::Eq;
using testing::HasSubstr;
using testing::StartsWith;

// Any attribute of this class needs what security.ima needs, and no kernel looks into this one.
constexpr char kName[] = "security.jet_test";

class XattrTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot; }

  const test::ScratchFolder folder_;
  const UniqueFd fd_ = test::Open(folder_.Write("file", "content"), O_RDONLY);
};

TEST_F(XattrTest, AnAbsentAttributeIsNoError) {
  EXPECT_THAT(GetXattr(fd_.get(), kName), IsOkAndHolds(Eq(absl::nullopt)));
}

TEST_F(XattrTest, AnEmptyValueIsNotAnAbsentOne) {
  ASSERT_THAT(SetXattr(fd_.get(), kName, {}), IsOk());
  EXPECT_THAT(GetXattr(fd_.get(), kName), IsOkAndHolds(Eq(Bytes())));
}

TEST_F(XattrTest, ValuesOfEverySizeThatADiskTakesSurviveTheRoundTrip) {
  for (const size_t size : {1, 9, 80, 100, 265, 393, 521, 1024, 3900}) {
    const Bytes value(size, static_cast<uint8_t>(size));
    ASSERT_THAT(SetXattr(fd_.get(), kName, value), IsOk()) << size;
    EXPECT_THAT(GetXattr(fd_.get(), kName), IsOkAndHolds(Eq(value))) << size;
  }
}

TEST_F(XattrTest, ValuesUpToTheKernelsLimitSurviveTheRoundTrip) {
  // A file in memory takes what ext4 has no room for.
  const UniqueFd memory(memfd_create("xattr_test", MFD_CLOEXEC));
  ASSERT_TRUE(memory.valid());
  for (const size_t size : {4095, 4096, 4097, 65535, 65536}) {
    const Bytes value(size, static_cast<uint8_t>(size / 7));
    ASSERT_THAT(SetXattr(memory.get(), kName, value), IsOk()) << size;
    EXPECT_THAT(GetXattr(memory.get(), kName), IsOkAndHolds(Eq(value))) << size;
  }
}

TEST_F(XattrTest, AValueBeyondTheKernelsLimitIsRefused) {
  EXPECT_THAT(SetXattr(fd_.get(), kName, Bytes(65537)),
              StatusIs(StatusCode::kInvalidArgument,
                       "cannot write security.jet_test: Argument list too long"));
  EXPECT_THAT(GetXattr(fd_.get(), kName), IsOkAndHolds(Eq(absl::nullopt)));
}

TEST_F(XattrTest, AShorterValueReplacesALongerOne) {
  ASSERT_THAT(SetXattr(fd_.get(), kName, Bytes(500, 1)), IsOk());
  ASSERT_THAT(SetXattr(fd_.get(), kName, Bytes(3, 2)), IsOk());
  EXPECT_THAT(GetXattr(fd_.get(), kName), IsOkAndHolds(Eq(Bytes(3, 2))));
}

TEST_F(XattrTest, RemovingTwiceIsFine) {
  ASSERT_THAT(SetXattr(fd_.get(), kName, Bytes(3)), IsOk());
  EXPECT_THAT(RemoveXattr(fd_.get(), kName), IsOk());
  EXPECT_THAT(GetXattr(fd_.get(), kName), IsOkAndHolds(Eq(absl::nullopt)));
  EXPECT_THAT(RemoveXattr(fd_.get(), kName), IsOk());
}

TEST_F(XattrTest, AFileSystemWithoutAttributesIsSaidSo) {
  const UniqueFd proc = test::Open("/proc/self/status", O_RDONLY);
  const auto unsupported = [](const char* verb) {
    return StatusIs(StatusCode::kUnimplemented,
                    absl::StrCat("cannot ", verb,
                                 " security.jet_test: Operation not supported (this file system "
                                 "keeps no security.jet_test attribute)"));
  };
  EXPECT_THAT(GetXattr(proc.get(), kName), unsupported("read"));
  EXPECT_THAT(SetXattr(proc.get(), kName, Bytes(1)), unsupported("write"));
}

TEST_F(XattrTest, AnImmutableFileIsExplained) {
  ASSERT_THAT(SetXattr(fd_.get(), kName, Bytes(1, 1)), IsOk());
  const test::FileFlags flags(fd_.get(), FS_IMMUTABLE_FL);
  EXPECT_THAT(SetXattr(fd_.get(), kName, Bytes(1, 2)),
              StatusIs(StatusCode::kPermissionDenied,
                       StartsWith("cannot write security.jet_test: the file is immutable")));
  EXPECT_THAT(RemoveXattr(fd_.get(), kName),
              StatusIs(StatusCode::kPermissionDenied,
                       StartsWith("cannot remove security.jet_test: the file is immutable")));
  EXPECT_THAT(GetXattr(fd_.get(), kName), IsOkAndHolds(Eq(Bytes(1, 1))));
}

TEST_F(XattrTest, AnAppendOnlyFileIsExplained) {
  const test::FileFlags flags(fd_.get(), FS_APPEND_FL);
  EXPECT_THAT(SetXattr(fd_.get(), kName, Bytes(1)),
              StatusIs(StatusCode::kPermissionDenied,
                       StartsWith("cannot write security.jet_test: the file is append-only")));
}

TEST_F(XattrTest, AUserWithoutRootIsPointedToDetached) {
  EXPECT_THAT(InChild([this] {
                test::BecomeUser(test::kNobody);
                return SetXattr(fd_.get(), kName, Bytes(1)).ToString();
              }),
              AllOf(StartsWith("PERMISSION_DENIED: cannot write security.jet_test: changing "
                               "security.ima needs root"),
                    HasSubstr("--detached")));
}

TEST_F(XattrTest, RootOfAUserNamespaceIsToldOfTheNamespace) {
  for (const uid_t user : {uid_t{0}, uid_t{1000}}) {
    EXPECT_THAT(InChild([this, user] {
                  if (user != 0) test::BecomeUser(user);
                  test::EnterUserNamespace();
                  return SetXattr(fd_.get(), kName, Bytes(1)).ToString();
                }),
                AllOf(StartsWith("PERMISSION_DENIED"), HasSubstr("in a user namespace")))
        << user;
  }
  EXPECT_THAT(GetXattr(fd_.get(), kName), IsOkAndHolds(Eq(absl::nullopt)));
}

TEST_F(XattrTest, EveryUserMayReadTheAttribute) {
  ASSERT_THAT(SetXattr(fd_.get(), kName, Bytes(3, 7)), IsOk());
  EXPECT_EQ(InChild([this]() -> std::string {
              test::BecomeUser(test::kNobody);
              const auto value = GetXattr(fd_.get(), kName);
              if (!value.ok()) return value.status().ToString();
              return *value == Bytes(3, 7) ? "the value" : "something else";
            }),
            "the value");
}

TEST_F(XattrTest, AClosedDescriptorIsAnErrorThatCarriesItsErrno) {
  EXPECT_EQ(ErrnoOf(GetXattr(-1, kName).status()), EBADF);
  EXPECT_EQ(ErrnoOf(SetXattr(-1, kName, Bytes(1))), EBADF);
  EXPECT_EQ(ErrnoOf(RemoveXattr(-1, kName)), EBADF);
}

}  // namespace
}  // namespace jet::base

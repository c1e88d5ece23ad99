#include "sign/sidecar.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "ima/signature.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::sign {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using testing::ElementsAre;
using testing::HasSubstr;

class SidecarTest : public testing::Test {
 protected:
  SidecarTest()
      : folder_fd_(test::Open(folder_.path(), O_PATH | O_DIRECTORY)),
        value_(ValueOf(ima::EncodeSignature(
            {crypto::HashAlgorithm::kSha256, {1, 2, 3, 4}, base::Bytes(64, uint8_t{9})}))) {
    path_ = folder_.Write("f", "content");
  }

  SidecarName Name(const std::string& name = "f") const {
    return {folder_fd_.get(), name, kDefaultSidecarSuffix};
  }

  absl::Status Write(const base::Bytes& value) const {
    const base::UniqueFd fd = test::Open(path_, O_RDONLY);
    const base::ChangeGuard guard = ValueOf(base::ChangeGuard::Start(fd.get()));
    return SidecarStore(Name()).Write(value, guard);
  }

  std::vector<std::string> Names() const {
    return ValueOf(
        base::ListFolder(test::Open(folder_.path(), O_RDONLY | O_DIRECTORY).get(), "folder"));
  }

  test::ScratchFolder folder_;
  base::UniqueFd folder_fd_;
  base::Bytes value_;
  std::string path_;
};

TEST_F(SidecarTest, HoldsTheExactValueAndAnybodyMayReadIt) {
  const mode_t before = umask(077);
  EXPECT_THAT(Write(value_), IsOk());
  umask(before);
  EXPECT_EQ(ValueOf(base::ReadFile(folder_.Path("f.sig"), 1000)), value_);
  struct stat status = {};
  ASSERT_EQ(stat(folder_.Path("f.sig").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644U);
  EXPECT_THAT(Names(), ElementsAre("f", "f.sig"));
  EXPECT_EQ(ValueOf(SidecarStore(Name()).Read()), value_);
}

TEST_F(SidecarTest, ThereMayBeNone) {
  EXPECT_EQ(ValueOf(ReadSidecar(Name())), absl::nullopt);
  EXPECT_EQ(ValueOf(ReadSidecar(Name(std::string(254, 'x')))), absl::nullopt);
}

TEST_F(SidecarTest, ReplacesAnOlderOneAtOnceAndLeavesItsOtherNamesAlone) {
  folder_.Write("f.sig", "\x03\x02 old");
  ASSERT_EQ(link(folder_.Path("f.sig").c_str(), folder_.Path("other").c_str()), 0);
  const base::UniqueFd reader = test::Open(folder_.Path("f.sig"), O_RDONLY);
  EXPECT_THAT(Write(value_), IsOk());
  EXPECT_EQ(ValueOf(ReadSidecar(Name())), value_);
  EXPECT_EQ(base::AsText(ValueOf(base::ReadFile(folder_.Path("other"), 100))), "\x03\x02 old");
  EXPECT_EQ(base::AsText(ValueOf(base::ReadBounded(reader.get(), 100, "old"))), "\x03\x02 old");
  EXPECT_THAT(Names(), ElementsAre("f", "f.sig", "other"));
}

TEST_F(SidecarTest, IsNotWrittenForAFileThatChangedMeanwhile) {
  const base::UniqueFd fd = test::Open(path_, O_RDONLY);
  const base::ChangeGuard guard = ValueOf(base::ChangeGuard::Start(fd.get()));
  // The kernel begins to break the lease; nobody waits for it.
  EXPECT_EQ(open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC), -1);
  EXPECT_THAT(SidecarStore(Name()).Write(value_, guard),
              StatusIs(StatusCode::kAborted, HasSubstr("changed")));
  EXPECT_THAT(Names(), ElementsAre("f"));
}

TEST_F(SidecarTest, OfAnotherKindIsNeitherReadNorReplaced) {
  ASSERT_EQ(symlink("f", folder_.Path("f.sig").c_str()), 0);
  EXPECT_THAT(ReadSidecar(Name()),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
  EXPECT_THAT(Write(value_),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
  EXPECT_EQ(base::AsText(ValueOf(base::ReadFile(path_, 100))), "content");
  ASSERT_EQ(unlink(folder_.Path("f.sig").c_str()), 0);
  ASSERT_EQ(mkfifo(folder_.Path("f.sig").c_str(), 0644), 0);
  EXPECT_THAT(ReadSidecar(Name()),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
  EXPECT_THAT(Write(value_),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
  EXPECT_THAT(Names(), ElementsAre("f", "f.sig"));
}

TEST_F(SidecarTest, IsNoLargerThanAnAttributeCanBe) {
  folder_.Write("f.sig", std::string(65536, '\x03'));
  EXPECT_EQ(ValueOf(ReadSidecar(Name()))->size(), 65536U);
  folder_.Write("f.sig", std::string(65537, '\x03'));
  EXPECT_THAT(ReadSidecar(Name()), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("65536")));
}

TEST_F(SidecarTest, OfSomebodyElseIsNotTakenForOurs) {
  folder_.Write("f.sig", "-----BEGIN PGP SIGNATURE-----");
  EXPECT_THAT(SidecarStore(Name()).Read(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("--force")));
  // A judge wants to see it.
  EXPECT_THAT(ReadSidecar(Name()), IsOk());
  // A loss of power leaves an empty one.
  folder_.Write("f.sig", "");
  EXPECT_EQ(ValueOf(SidecarStore(Name()).Read()), base::Bytes());
}

TEST(SidecarSuffixTest, EndsAFilesName) {
  EXPECT_THAT(CheckSidecarSuffix(".sig"), IsOk());
  EXPECT_THAT(CheckSidecarSuffix(std::string(64, 'x')), IsOk());
  for (const std::string& suffix : {std::string(), std::string("/x"), std::string(".a/b"),
                                    std::string(".\0", 2), std::string(65, 'x')}) {
    EXPECT_THAT(CheckSidecarSuffix(suffix),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("cannot end")))
        << suffix;
  }
}

}  // namespace
}  // namespace jet::sign

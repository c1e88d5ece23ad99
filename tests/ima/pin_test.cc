#include "ima/pin.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>

#include "base/file_kind.h"
#include "base/unique_fd.h"
#include "base/xattr.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/ima/keyring_sandbox.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

using absl::StatusCode;
using test::CheckedInChild;
using test::IsOkAndHolds;
using test::kPassed;
using test::ScratchFolder;
using test::StatusIs;
using testing::HasSubstr;

constexpr char kGood[] = "verifies";
constexpr char kBad[] = "does not verify";

void ThrowIf(bool failed, const char* what) {
  if (failed) throw std::system_error(errno, std::generic_category(), what);
}

absl::StatusOr<PinSignature> Sign(int fd, const char* value, bool by_key) {
  const absl::Status status = base::SetXattr(fd, base::kSecurityIma, base::AsBytes(value));
  if (!status.ok()) return status;
  return PinSignature{.by_key = by_key, .other_program = {}};
}

absl::StatusOr<PinSignature> MustNotSign(int /*fd*/) {
  ADD_FAILURE() << "signed though the unsigned program ran";
  return PinSignature{};
}

// Decides what may be executed on a mount, as IMA would: files whose security.ima is kGood. Where
// IMA says EACCES this says EPERM.
class Appraiser {
 public:
  explicit Appraiser(const std::string& mount_point)
      : events_(
            fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC)) {
    ThrowIf(!events_.valid(), "fanotify_init");
    ThrowIf(fanotify_mark(events_.get(), FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_EXEC_PERM,
                          AT_FDCWD, mount_point.c_str()) != 0,
            "fanotify_mark");
    judge_ = std::thread([this] { Judge(); });
  }
  Appraiser(const Appraiser&) = delete;
  Appraiser& operator=(const Appraiser&) = delete;
  ~Appraiser() {
    done_ = true;
    judge_.join();
  }

 private:
  void Judge() {
    while (!done_) {
      pollfd wanted = {events_.get(), POLLIN, 0};
      if (poll(&wanted, 1, /*timeout=*/20) == 1) AnswerOne();
    }
  }

  void AnswerOne() {
    fanotify_event_metadata event = {};
    if (read(events_.get(), &event, sizeof event) != sizeof event) return;
    const base::UniqueFd file(event.fd);
    const auto value = base::GetXattr(file.get(), base::kSecurityIma);
    const bool good = value.ok() && value->has_value() && base::AsText(**value) == kGood;
    const fanotify_response response = {event.fd, good ? uint32_t{FAN_ALLOW} : uint32_t{FAN_DENY}};
    EXPECT_EQ(write(events_.get(), &response, sizeof response),
              static_cast<ssize_t>(sizeof response));
  }

  base::UniqueFd events_;
  std::atomic<bool> done_ = false;
  std::thread judge_;
};

class PinTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot; }
};

void MountTmpfs(const std::string& path, unsigned long flags) {
  test::EnterPrivateMounts();
  ThrowIf(mount("tmpfs", path.c_str(), "tmpfs", flags, nullptr) != 0, "mount");
}

// Pins on a mount of which an Appraiser decides what runs there, and sees to it that nothing stays.
absl::StatusOr<PinResult> PinWithAppraiser(const ScratchFolder& folder, PinSigner sign) {
  MountTmpfs(folder.path(), /*flags=*/0);
  const Appraiser appraiser(folder.path());
  const absl::StatusOr<PinResult> result = PinKeyring(folder.path(), sign);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  return result;
}

TEST(PinProgramTest, IsAnElfProgramThatExitsAtOnceWithZero) {
  const ScratchFolder folder;
  const base::ByteSpan program = PinProgram();
  ASSERT_FALSE(program.empty()) << "none for this machine";
  EXPECT_EQ(base::FileKindOf(program.subspan(0, base::kFileKindBytes), 0700), base::FileKind::kElf);
  const std::string path = folder.Write("program", program, 0700);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    (void)execl(path.c_str(), "program", nullptr);
    _exit(127);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(PinTest, WhereNothingIsAppraisedTheUnsignedProgramRunsAndNothingIsSigned) {
  const ScratchFolder folder;
  EXPECT_THAT(PinKeyring(folder.path(), MustNotSign), IsOkAndHolds(PinResult::kNotAppraising));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(PinTest, RefusedUnsignedAndRunSignedIsPinned) {
  const ScratchFolder folder;
  EXPECT_EQ(CheckedInChild([&folder] {
              EXPECT_THAT(PinWithAppraiser(folder, [](int fd) { return Sign(fd, kGood, true); }),
                          IsOkAndHolds(PinResult::kPinned));
            }),
            kPassed);
}

TEST_F(PinTest, RefusedWithAWellFormedSignatureIsUnproven) {
  const ScratchFolder folder;
  EXPECT_EQ(CheckedInChild([&folder] {
              EXPECT_THAT(PinWithAppraiser(folder, [](int fd) { return Sign(fd, kBad, false); }),
                          IsOkAndHolds(PinResult::kUnproven));
            }),
            kPassed);
}

// A program with a signature of its own, on the mount of an Appraiser. It ends with 1: that it was
// started at all is what counts.
absl::StatusOr<PinSignature> OtherProgram(const ScratchFolder& folder, const char* value) {
  std::filesystem::copy_file("/bin/false", folder.Path("other"));
  base::UniqueFd fd(open(folder.Path("other").c_str(), O_RDONLY | O_CLOEXEC));
  std::filesystem::remove(folder.Path("other"));
  const absl::Status written = base::SetXattr(fd.get(), base::kSecurityIma, base::AsBytes(value));
  if (!written.ok()) return written;
  return PinSignature{.by_key = true, .other_program = std::move(fd)};
}

TEST_F(PinTest, AProgramThatIsSignedAlreadyProvesAsMuch) {
  const ScratchFolder folder;
  EXPECT_EQ(CheckedInChild([&folder] {
              EXPECT_THAT(
                  PinWithAppraiser(folder, [&](int) { return OtherProgram(folder, kGood); }),
                  IsOkAndHolds(PinResult::kPinned));
            }),
            kPassed);
  EXPECT_EQ(CheckedInChild([&folder] {
              EXPECT_THAT(PinWithAppraiser(folder, [&](int) { return OtherProgram(folder, kBad); }),
                          StatusIs(StatusCode::kFailedPrecondition,
                                   HasSubstr("refused the signed pin program")));
            }),
            kPassed);
}

TEST_F(PinTest, RefusedThoughSignedByTheKeyIsAnError) {
  const ScratchFolder folder;
  EXPECT_EQ(CheckedInChild([&folder] {
              EXPECT_THAT(PinWithAppraiser(folder, [](int fd) { return Sign(fd, kBad, true); }),
                          StatusIs(StatusCode::kFailedPrecondition,
                                   HasSubstr("refused the signed pin program")));
            }),
            kPassed);
}

TEST_F(PinTest, RunWithASignatureThatNoKeyMadeIsNotPinned) {
  const ScratchFolder folder;
  EXPECT_EQ(CheckedInChild([&folder] {
              EXPECT_THAT(PinWithAppraiser(folder, [](int fd) { return Sign(fd, kGood, false); }),
                          StatusIs(StatusCode::kFailedPrecondition,
                                   HasSubstr("does not verify signatures")));
            }),
            kPassed);
}

TEST_F(PinTest, AFailureToSignIsReportedAsItIs) {
  const ScratchFolder folder;
  EXPECT_EQ(CheckedInChild([&folder] {
              EXPECT_THAT(PinWithAppraiser(folder,
                                           [](int /*fd*/) -> absl::StatusOr<PinSignature> {
                                             return absl::DataLossError("no luck");
                                           }),
                          StatusIs(StatusCode::kDataLoss, "cannot sign the pin program: no luck"));
            }),
            kPassed);
}

// Pins with a policy that an Appraiser stands for, from when it is loaded.
absl::StatusOr<PinResult> PinWithPolicy(const ScratchFolder& folder, PinSigner sign) {
  MountTmpfs(folder.path(), /*flags=*/0);
  std::unique_ptr<Appraiser> appraiser;
  return PinKeyring(folder.path(), sign, [&] {
    appraiser = std::make_unique<Appraiser>(folder.path());
    return absl::OkStatus();
  });
}

TEST_F(PinTest, ThePolicyIsLoadedOnceTheProgramIsSigned) {
  const ScratchFolder folder;
  EXPECT_EQ(CheckedInChild([&folder] {
              EXPECT_THAT(PinWithPolicy(folder, [](int fd) { return Sign(fd, kGood, true); }),
                          IsOkAndHolds(PinResult::kPinned));
            }),
            kPassed);
}

TEST_F(PinTest, APolicyThatDoesNotAppraiseTheFolderIsNoticed) {
  const ScratchFolder folder;
  EXPECT_THAT(PinKeyring(
                  folder.path(), [](int fd) { return Sign(fd, kGood, true); },
                  [] { return absl::OkStatus(); }),
              IsOkAndHolds(PinResult::kNotAppraising));
}

absl::Status MustNotLoad() {
  ADD_FAILURE() << "the policy was loaded";
  return absl::OkStatus();
}

TEST_F(PinTest, NoPolicyIsLoadedWhereTheProgramCannotBeSignedOrExecuted) {
  const ScratchFolder folder;
  EXPECT_THAT(
      PinKeyring(
          folder.path(),
          [](int /*fd*/) -> absl::StatusOr<PinSignature> { return absl::DataLossError("no luck"); },
          MustNotLoad),
      StatusIs(StatusCode::kDataLoss, "cannot sign the pin program: no luck"));
  EXPECT_THAT(PinKeyring(
                  folder.path(), [](int fd) { return Sign(fd, kBad, false); }, MustNotLoad),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("nothing that a key")));
  EXPECT_THAT(PinKeyring(folder.path() + "/none", MustNotSign, MustNotLoad),
              StatusIs(StatusCode::kNotFound, HasSubstr("/none")));
  EXPECT_EQ(CheckedInChild([&folder] {
              MountTmpfs(folder.path(), MS_NOEXEC);
              EXPECT_THAT(PinKeyring(folder.path(), MustNotSign, MustNotLoad),
                          StatusIs(StatusCode::kFailedPrecondition, HasSubstr("noexec")));
            }),
            kPassed);
}

TEST_F(PinTest, NoPolicyIsLoadedWhereUnsignedProgramsAreRefusedAlready) {
  const ScratchFolder folder;
  EXPECT_EQ(CheckedInChild([&folder] {
              MountTmpfs(folder.path(), /*flags=*/0);
              const Appraiser appraiser(folder.path());
              EXPECT_THAT(PinKeyring(folder.path(), MustNotSign, MustNotLoad),
                          StatusIs(StatusCode::kFailedPrecondition, HasSubstr("refused in")));
            }),
            kPassed);
}

TEST_F(PinTest, WhatTheLoaderSaysIsReturned) {
  const ScratchFolder folder;
  EXPECT_THAT(PinKeyring(
                  folder.path(), [](int fd) { return Sign(fd, kGood, true); },
                  [] { return absl::UnavailableError("not now"); }),
              StatusIs(StatusCode::kUnavailable, "not now"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(PinTest, TheSignerCanReadTheProgramFromItsBeginning) {
  const ScratchFolder folder;
  EXPECT_EQ(CheckedInChild([&folder] {
              EXPECT_THAT(PinWithAppraiser(folder,
                                           [](int fd) {
                                             base::Bytes content(PinProgram().size() + 1);
                                             const ssize_t size =
                                                 read(fd, content.data(), content.size());
                                             content.resize(static_cast<size_t>(size));
                                             EXPECT_EQ(content, base::ToBytes(PinProgram()));
                                             return Sign(fd, kGood, true);
                                           }),
                          IsOkAndHolds(PinResult::kPinned));
            }),
            kPassed);
}

// EACCES there says nothing of IMA.
TEST_F(PinTest, AMountWithoutExecutionIsAnErrorAndNoRefusal) {
  const ScratchFolder folder;
  EXPECT_EQ(CheckedInChild([&folder] {
              MountTmpfs(folder.path(), MS_NOEXEC);
              EXPECT_THAT(PinKeyring(folder.path(), MustNotSign),
                          StatusIs(StatusCode::kFailedPrecondition, HasSubstr("noexec")));
              EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
            }),
            kPassed);
}

TEST_F(PinTest, AFolderThatTakesNoFilesIsAnError) {
  const ScratchFolder folder;
  EXPECT_EQ(CheckedInChild([&folder] {
              MountTmpfs(folder.path(), MS_RDONLY);
              EXPECT_THAT(PinKeyring(folder.path(), MustNotSign),
                          StatusIs(StatusCode::kPermissionDenied, HasSubstr(folder.path())));
            }),
            kPassed);
  EXPECT_THAT(PinKeyring(folder.Path("none"), MustNotSign),
              StatusIs(StatusCode::kNotFound, HasSubstr("none")));
}

TEST_F(PinTest, OnlyRootPins) {
  EXPECT_EQ(CheckedInChild([] {
              test::BecomeUser(test::kNobody);
              EXPECT_THAT(PinKeyring("/var/tmp", MustNotSign),
                          StatusIs(StatusCode::kPermissionDenied, HasSubstr("only root")));
            }),
            kPassed);
}

}  // namespace
}  // namespace jet::ima

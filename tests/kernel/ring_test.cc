// Who owns the keyring _ima: what anybody can do to it before the kernel has found it, and what the
// pin of `jet ima load --pin` changes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>

#include "tests/kernel/command.h"
#include "tests/kernel/guest.h"
#include "tests/kernel/workshop.h"

namespace jet::kernel {
namespace {

namespace fs = std::filesystem;

// Programs, and the keys that they are signed with.
constexpr char kSigned[] = "signed";
constexpr char kStrangers[] = "stranger";

fs::path MakeProgram(const Workshop& workshop, const std::string& name) {
  const fs::path file = workshop.disk() / "rows" / name;
  WriteFile(file, ReadFile(JET_LAB_PROGRAM) + name);
  fs::permissions(file, fs::perms(0755));
  return file;
}

class RingTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Not skipped: a run in which the kernel was never asked must not look like a good one.
    ASSERT_EQ(geteuid(), 0U) << "the kernel lab sets security.ima: run it as root";
    folder_ = std::make_unique<ScratchFolder>();
    workshop_ = std::make_unique<Workshop>(folder_->path());
    workshop_->GenerateInStore(kSigned, "rsa:2048");
    workshop_->Sign(MakeProgram(*workshop_, kSigned), kSigned, "sha256");
    workshop_->MakeCertificate({kStrangers, "rsa:2048", kStrangers});
    workshop_->SignWithFiles(MakeProgram(*workshop_, kStrangers), kStrangers);
  }

  void SetUp() override { ASSERT_NE(workshop_, nullptr) << "the files of the lab were not made"; }

  static void TearDownTestSuite() {
    workshop_.reset();
    folder_.reset();
  }

  static std::unique_ptr<ScratchFolder> folder_;
  static std::unique_ptr<Workshop> workshop_;
};

std::unique_ptr<ScratchFolder> RingTest::folder_;
std::unique_ptr<Workshop> RingTest::workshop_;

std::string RowFile(const char* row) { return std::string("/mnt/rows/") + row; }

// What user 1000 does to take the ring: an _ima of his own with his own key in it.
std::string StrangersRing() {
  return Try("his-ring", "as 1000 keyctl newring _ima @u") +
         Try("his-key",
             "as 1000 sh -c '. /lab/lib.sh; keyctl padd asymmetric \"\" \"$(ring)\" "
             "</lab/certificates/" +
                 std::string(kStrangers) + ".der'") +
         Try("his-file", "as 1000 " + RowFile(kStrangers));
}

std::string RootsFile(const std::string& name) { return Try(name, RowFile(kSigned)); }

// A file that a shell was not allowed to run, by status and by the kernel's cause.
void ExpectRefused(const GuestReport& guest, const std::string& name, const std::string& row) {
  EXPECT_NE(guest.RowOf(name).status, 0) << name;
  EXPECT_TRUE(guest.RowOf(name).output.find("ermission denied") != std::string::npos)
      << name << ": " << guest.RowOf(name).output;
  EXPECT_EQ(guest.CauseOf(row), "invalid-signature") << guest.Everything();
}

void ExpectRan(const GuestReport& guest, const std::string& name) {
  EXPECT_EQ(guest.AnswerOf(name), Answer::kRan)
      << name << ": " << guest.RowOf(name).output << guest.Everything();
}

// The kernel's weakness, which the manual page warns of: it keeps the first _ima that leads to a
// key question, whoever owns it. If this test fails, the kernel has been mended and the warning is
// old.
TEST_F(RingTest, AnotherUsersRingThatIsUsedBeforeThePinOwnsAppraisal) {
  const GuestReport guest =
      BootGuest(Kernel::kStock, *workshop_,
                Try("load", "jet ima load") + "load_policy || exit\n" + StrangersRing() +
                    RootsFile("roots-file") + Try("his-file-by-root", RowFile(kStrangers)));
  ASSERT_EQ(guest.RowOf("load").status, 0) << guest.Everything();
  ExpectRan(guest, "his-file");
  ExpectRan(guest, "his-file-by-root");
  ExpectRefused(guest, "roots-file", kSigned);
}

TEST_F(RingTest, AnotherUsersRingIsRefusedAfterThePin) {
  const GuestReport guest = BootGuest(Kernel::kStock, *workshop_,
                                      "load_policy || exit\n" + Try("pin", "jet ima load --pin") +
                                          StrangersRing() + RootsFile("roots-file") +
                                          Try("roots-file-by-him", "as 1000 " + RowFile(kSigned)));
  ASSERT_EQ(guest.RowOf("pin").status, 0) << guest.Everything();
  ASSERT_EQ(guest.RowOf("his-key").status, 0) << guest.Everything();
  ExpectRefused(guest, "his-file", kStrangers);
  ExpectRan(guest, "roots-file");
  ExpectRan(guest, "roots-file-by-him");
}

// A service manager gives services sessions that do not lead to root's ring. Before the pin such a
// process is refused, and the kernel does not remember that; after it, it is served.
TEST_F(RingTest, AProcessInAPrivateSessionIsServedAfterThePin) {
  const std::string in_session = "keyctl session - " + RowFile(kSigned);
  const GuestReport guest =
      BootGuest(Kernel::kStock, *workshop_,
                Try("load", "jet ima load") + "load_policy || exit\n" + Try("before", in_session) +
                    Try("pin", "jet ima load --pin") + Try("after", in_session));
  ASSERT_EQ(guest.RowOf("load").status, 0) << guest.Everything();
  ASSERT_EQ(guest.RowOf("pin").status, 0) << guest.Everything();
  ExpectRefused(guest, "before", kSigned);
  EXPECT_TRUE(guest.LogHas("integrity: no _ima keyring: -126")) << guest.Everything();
  EXPECT_EQ(guest.RowOf("after").status, 0) << guest.Everything();
}

}  // namespace
}  // namespace jet::kernel

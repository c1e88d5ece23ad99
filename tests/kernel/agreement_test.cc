// The kernel is the judge: a booted Linux kernel that enforces IMA appraisal runs exactly the files
// that jet-appraise calls valid, and gives the causes that jet-appraise says it gives.
#include <gtest/gtest.h>
#include <unistd.h>

#include <iostream>
#include <memory>

#include "tests/kernel/command.h"
#include "tests/kernel/guest.h"
#include "tests/kernel/matrix.h"
#include "tests/kernel/verdicts.h"
#include "tests/kernel/workshop.h"

namespace jet::kernel {
namespace {

// Keys, files and signatures are made once, for all boots.
struct Lab {
  ScratchFolder folder;
  Workshop workshop{folder.path()};
  Matrix matrix{workshop};
};

class KernelTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Not skipped: a run in which the kernel was never asked must not look like a good one.
    ASSERT_EQ(geteuid(), 0u) << "the kernel lab sets security.ima: run it as root";
    lab_ = std::make_unique<Lab>();
  }

  void SetUp() override { ASSERT_NE(lab_, nullptr) << "the files of the lab were not made"; }

  static void TearDownTestSuite() { lab_.reset(); }

  static std::unique_ptr<Lab> lab_;
};

std::unique_ptr<Lab> KernelTest::lab_;

std::string Try(const std::string& name, const std::string& command) {
  return "try " + name + " " + command + "\n";
}

std::string RowFile(const char* row) { return std::string("/mnt/rows/") + row; }

// Root mirrors the keystore into _ima; then the policy; then everything in the matrix.
std::string MatrixScript(const Matrix& matrix) {
  std::string script = Try("load", "jet ima load");
  for (const std::string& name : matrix.added_with_keyctl()) {
    script += Try("add-" + name, "add " + name);
  }
  script += Try("status", "jet ima status") + "load_policy || exit\n";
  for (const Row& row : matrix.rows()) script += Try(row.name, row.command);
  return script;
}

void CheckExpectations(const Row& row, const Verdict& verdict, const GuestReport& guest) {
  const Expectation& expected = row.expected;
  const GuestRow record = guest.RowOf(row.name);
  EXPECT_EQ(verdict.verdict, expected.verdict);
  if (!expected.compared) return;
  const Answer answer = expected.verdict == "valid" ? Answer::kRan : Answer::kRefused;
  EXPECT_EQ(guest.AnswerOf(row.name), answer)
      << "status " << record.status << ": " << record.output;
  EXPECT_EQ(guest.CauseOf(row.name), expected.cause);
  EXPECT_EQ(verdict.cause, expected.cause);
}

// Whether kernel and jet-appraise say the same, whatever was expected.
bool Agree(const Row& row, const Verdict& verdict, const GuestReport& guest) {
  const Answer answer = guest.AnswerOf(row.name);
  const bool ran = answer == Answer::kRan;
  return answer != Answer::kUnclear && ran == (verdict.verdict == "valid") &&
         guest.CauseOf(row.name) == verdict.cause;
}

std::string Described(const Row& row, const Verdict& verdict, const GuestReport& guest) {
  const GuestRow record = guest.RowOf(row.name);
  return row.name + ": jet-appraise says '" + verdict.verdict + "' (" + verdict.cause +
         "), the kernel gave status " + std::to_string(record.status) + " (" +
         guest.CauseOf(row.name) + ")";
}

TEST_F(KernelTest, RunsExactlyTheFilesThatAppraiseCallsValid) {
  const std::vector<Row>& rows = lab_->matrix.rows();
  const std::map<std::string, Verdict> verdicts = AppraiseRows(lab_->workshop, rows);
  const GuestReport guest = BootGuest(lab_->workshop, MatrixScript(lab_->matrix));
  ASSERT_EQ(guest.RowOf("load").status, 0) << guest.Everything();
  EXPECT_EQ(guest.RowOf("status").status, 0) << guest.RowOf("status").output;
  int compared = 0;
  int agreed = 0;
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    ASSERT_TRUE(verdicts.count(row.name)) << "jet-appraise did not mention it";
    const Verdict& verdict = verdicts.at(row.name);
    CheckExpectations(row, verdict, guest);
    if (!row.expected.compared) {
      std::cout << "not compared: " << Described(row, verdict, guest) << "\n";
      continue;
    }
    const bool agree = Agree(row, verdict, guest);
    EXPECT_TRUE(agree) << Described(row, verdict, guest);
    ++compared;
    agreed += agree ? 1 : 0;
  }
  // The kernel tries one key of the two: that is what makes them ambiguous.
  EXPECT_NE(guest.AnswerOf("twin-a"), guest.AnswerOf("twin-b")) << guest.Everything();
  for (const std::string& name : lab_->matrix.not_made()) {
    std::cout << "not tried: " << name << ": this machine's kernel does not store the attribute\n";
  }
  std::cout << "kernel lab: " << rows.size() << " rows tried, " << compared << " compared, "
            << agreed << " agreed\n";
}

// What user 1000 does to take the ring: an _ima of his own with his own key in it.
std::string StrangersRing() {
  return Try("his-ring", "as 1000 keyctl newring _ima @u") +
         Try("his-key",
             "as 1000 sh -c '. /lab/lib.sh; keyctl padd asymmetric \"\" \"$(ring)\" "
             "</lab/certificates/" +
                 std::string(Matrix::kStranger) + ".der'") +
         Try("his-file", "as 1000 " + RowFile(Matrix::kStrangersRow));
}

std::string RootsFile(const std::string& name) { return Try(name, RowFile(Matrix::kSignedRow)); }

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
TEST_F(KernelTest, AnotherUsersRingThatIsUsedBeforeThePinOwnsAppraisal) {
  const GuestReport guest =
      BootGuest(lab_->workshop, Try("load", "jet ima load") + "load_policy || exit\n" +
                                    StrangersRing() + RootsFile("roots-file") +
                                    Try("his-file-by-root", RowFile(Matrix::kStrangersRow)));
  ASSERT_EQ(guest.RowOf("load").status, 0) << guest.Everything();
  ExpectRan(guest, "his-file");
  ExpectRan(guest, "his-file-by-root");
  ExpectRefused(guest, "roots-file", Matrix::kSignedRow);
}

TEST_F(KernelTest, AnotherUsersRingIsRefusedAfterThePin) {
  const GuestReport guest = BootGuest(
      lab_->workshop, "load_policy || exit\n" + Try("pin", "jet ima load --pin") + StrangersRing() +
                          RootsFile("roots-file") +
                          Try("roots-file-by-him", "as 1000 " + RowFile(Matrix::kSignedRow)));
  ASSERT_EQ(guest.RowOf("pin").status, 0) << guest.Everything();
  ASSERT_EQ(guest.RowOf("his-key").status, 0) << guest.Everything();
  ExpectRefused(guest, "his-file", Matrix::kStrangersRow);
  ExpectRan(guest, "roots-file");
  ExpectRan(guest, "roots-file-by-him");
}

// A service manager gives services sessions that do not lead to root's ring. Before the pin such a
// process is refused, and the kernel does not remember that; after it, it is served.
TEST_F(KernelTest, AProcessInAPrivateSessionIsServedAfterThePin) {
  const std::string in_session = "keyctl session - " + RowFile(Matrix::kSignedRow);
  const GuestReport guest =
      BootGuest(lab_->workshop, Try("load", "jet ima load") + "load_policy || exit\n" +
                                    Try("before", in_session) + Try("pin", "jet ima load --pin") +
                                    Try("after", in_session));
  ASSERT_EQ(guest.RowOf("load").status, 0) << guest.Everything();
  ASSERT_EQ(guest.RowOf("pin").status, 0) << guest.Everything();
  ExpectRefused(guest, "before", Matrix::kSignedRow);
  EXPECT_TRUE(guest.LogHas("integrity: no _ima keyring: -126")) << guest.Everything();
  EXPECT_EQ(guest.RowOf("after").status, 0) << guest.Everything();
}

}  // namespace
}  // namespace jet::kernel

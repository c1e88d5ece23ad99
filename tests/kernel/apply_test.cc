// Signatures that somebody who is not root made beside the files and in a manifest, applied as root
// in a kernel that enforces: it runs what was applied, and nothing else.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/kernel/command.h"
#include "tests/kernel/guest.h"
#include "tests/kernel/workshop.h"

namespace jet::kernel {
namespace {

namespace fs = std::filesystem;

constexpr char kKey[] = "builder";
constexpr char kNobody[] = "65534";
constexpr const char* kPrograms[] = {"good", "changed", "forced"};

// The two folders of programs: signed with --detached and with --manifest.
constexpr char kBeside[] = "beside";
constexpr char kListed[] = "listed";

class ApplyTest : public testing::Test {
 protected:
  ApplyTest() : workshop_(folder_.path()) {}

  // Not skipped: a run in which the kernel was never asked must not look like a good one.
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0U) << "the lab sets security.ima: run it as root";
    // The user needs to get to what he works with.
    fs::permissions(folder_.path(), fs::perms(0755));
    fs::copy_file(JetBin(), Jet());
    fs::permissions(Jet(), fs::perms(0755));
    workshop_.MakeCertificate({kKey, "rsa:2048", kKey});
    workshop_.ImportIntoStore(kKey);
    Must({"chown", "-R", kNobody, workshop_.certificates()});
    for (const char* name : {kBeside, kListed}) MakePrograms(name);
  }

  fs::path Jet() const { return folder_.path() / "jet"; }
  fs::path Folder(const std::string& name) const { return workshop_.disk() / "rows" / name; }
  fs::path Manifest() const { return Folder(kListed) / "manifest"; }

  void MakePrograms(const std::string& folder) const {
    fs::create_directories(Folder(folder));
    for (const std::string name : kPrograms) {
      const fs::path program = Folder(folder) / name;
      // What follows the program makes it differ from the others.
      WriteFile(program, ReadFile(JET_LAB_PROGRAM) + folder + name);
      fs::permissions(program, fs::perms(0755));
    }
    Must({"chown", "-R", kNobody, Folder(folder)});
    fs::permissions(Folder(folder), fs::perms(0755));
  }

  void SignAsNobody(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command = {"setpriv",       "--reuid",
                                        kNobody,         "--regid",
                                        kNobody,         "--clear-groups",
                                        Jet(),           "sign",
                                        "--private-key", workshop_.PrivateKeyOf(kKey),
                                        "--x509-cert",   workshop_.CertificateOf(kKey)};
    command.insert(command.end(), arguments.begin(), arguments.end());
    Must(command);
  }

  void Sign() const {
    SignAsNobody({"-r", "--detached", Folder(kBeside)});
    SignAsNobody({"-r", "--manifest", Manifest(), Folder(kListed)});
    for (const std::string folder : {kBeside, kListed}) {
      for (const std::string name : kPrograms) {
        const fs::path program = Folder(folder) / name;
        ASSERT_NE(kernel::Run({"getfattr", "-n", "security.ima", program}).status, 0) << program;
        if (name != "good") AppendByte(program);
      }
    }
    // Without jet: what the kernel says to the signature that jet-sign apply refuses.
    ASSERT_TRUE(
        WriteImaAttribute(Folder(kBeside) / "forced", ReadFile(Folder(kBeside) / "forced.sig")));
  }

  static void AppendByte(const fs::path& file) { WriteFile(file, ReadFile(file) + "x"); }

  // The policy is in force when root applies, as on a device.
  GuestReport Boot() const {
    std::string script = "try load jet ima load\nload_policy || exit\n";
    script += "try before /mnt/rows/beside/good\n";
    script += "try apply-beside jet sign apply -r /mnt/rows/beside\n";
    script += "try apply-listed jet sign apply --manifest /mnt/rows/listed/manifest --root ";
    script += "/mnt/rows/listed\n";
    for (const std::string folder : {kBeside, kListed}) {
      for (const std::string name : kPrograms) {
        const std::string row = folder + "/" + name;
        script += "try " + row + " /mnt/rows/" + row + "\n";
      }
    }
    return BootGuest(Kernel::kStock, workshop_, script);
  }

  const ScratchFolder folder_;
  const Workshop workshop_;
};

TEST_F(ApplyTest, TheKernelRunsWhatWasAppliedAndNothingElse) {
  Sign();
  const GuestReport guest = Boot();
  SCOPED_TRACE(guest.Everything());
  ASSERT_EQ(guest.RowOf("load").status, 0);
  EXPECT_EQ(guest.AnswerOf("before"), Answer::kRefused);
  for (const char* run : {"apply-beside", "apply-listed"}) {
    const GuestRow row = guest.RowOf(run);
    EXPECT_EQ(row.status, 1) << row.output;
    EXPECT_NE(row.output.find("applied 1, already valid 0, refused 2, "), std::string::npos)
        << row.output;
  }
  for (const std::string folder : {kBeside, kListed}) {
    EXPECT_EQ(guest.AnswerOf(folder + "/good"), Answer::kRan) << folder;
    EXPECT_EQ(guest.AnswerOf(folder + "/changed"), Answer::kRefused) << folder;
    EXPECT_EQ(guest.CauseOf(folder + "/changed"), "IMA-signature-required") << folder;
  }
  EXPECT_EQ(guest.AnswerOf("beside/forced"), Answer::kRefused);
  EXPECT_EQ(guest.CauseOf("beside/forced"), "invalid-signature");
}

}  // namespace
}  // namespace jet::kernel

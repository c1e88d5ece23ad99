// A keystore and the ring .ima, which takes only certificates that the kernel's own keys signed:
// what import, generate and status make of that.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/kernel/command.h"
#include "tests/kernel/guest.h"
#include "tests/kernel/workshop.h"

namespace jet::kernel {
namespace {

namespace fs = std::filesystem;

constexpr char kOwn[] = "own";        // self-signed
constexpr char kIssued[] = "issued";  // by the CA that the kernel has built in

// A certificate with its private key, and a program that is signed by it.
void MakeKey(const Workshop& workshop, const CertificateRequest& request) {
  workshop.MakeCertificate(request);
  const fs::path program = workshop.disk() / "rows" / request.name;
  // What follows the program makes it differ from the others.
  WriteFile(program, ReadFile(JET_LAB_PROGRAM) + request.name);
  fs::permissions(program, fs::perms(0755));
  workshop.SignWithFiles(program, request.name);
  fs::copy_file(workshop.PrivateKeyOf(request.name),
                workshop.disk() / "tmp" / (request.name + ".pem"));
}

std::string Import(const std::string& name) {
  return "jet keystore import --key-name " + name + " --x509-cert /lab/certificates/" + name +
         ".der --private-key /mnt/tmp/" + name + ".pem";
}

std::string Script() {
  return "export JET_KEYSTORE=/mnt/keystore\n" + Try("own", Import(kOwn)) +
         Try("list-after-own", "jet keystore list --json") +
         Try("own-unmirrored", Import(kOwn) + " --keyring none") +
         Try("generate",
             "jet keystore generate --key-name made --key-type ec:p256 --common-name made --json") +
         Try("issued", Import(kIssued) + " --json") + Try("list", "jet keystore list") +
         Try("status", "jet ima status") + Try("load", "jet ima load") + "load_policy || exit\n" +
         Try("run-issued", "/mnt/rows/issued") + Try("run-own", "/mnt/rows/own") +
         Try("verify", "jet keystore verify");
}

class TrustedRingTest : public testing::Test {
 protected:
  // Not skipped: a run in which the kernel was never asked must not look like a good one.
  void SetUp() override { ASSERT_EQ(geteuid(), 0U) << "the lab sets security.ima: run it as root"; }

  void ExpectSaid(const std::string& row, int status, const std::string& text) const {
    const GuestRow record = guest_.RowOf(row);
    EXPECT_EQ(record.status, status) << row << ": " << record.output;
    EXPECT_NE(record.output.find(text), std::string::npos)
        << row << " does not say '" << text << "': " << record.output;
  }

  void ExpectNotSaid(const std::string& row, const std::string& text) const {
    EXPECT_EQ(guest_.RowOf(row).output.find(text), std::string::npos)
        << row << ": " << guest_.RowOf(row).output;
  }

  GuestReport guest_;
};

TEST_F(TrustedRingTest, OnlyWhatTheCaIssuedIsMirrored) {
  const ScratchFolder folder;
  const Workshop workshop(folder.path());
  MakeKey(workshop, {kOwn, "P-256", "own"});
  MakeKey(workshop, {kIssued, "P-256", "issued", "hash", kLabCa});
  guest_ = BootGuest(Kernel::kIma, workshop, Script());
  SCOPED_TRACE(guest_.Everything());
  // An import that the kernel refuses stores nothing.
  ExpectSaid("own", 3, "the key of its issuer 'CN=own,O=Jet Lab' has to be on");
  ExpectSaid("own", 3, "--keyring none stores the key all the same");
  ExpectNotSaid("list-after-own", kOwn);
  ExpectSaid("own-unmirrored", 0, "not mirrored");
  // A generated key is lost if it is not stored: its certificate may go to a CA, or to other
  // kernels.
  ExpectSaid("generate", 0, "\"mirror\":\"refused\"");
  ExpectSaid("generate", 0, "this kernel does not trust the key, others may");
  ExpectSaid("issued", 0, "\"mirror\":\"added\"");
  ExpectSaid("issued", 0, "\"keyring\":\".ima\"");
  for (const char* name : {kOwn, "made", kIssued}) ExpectSaid("list", 0, name);
  ExpectSaid("status", 1, "issued: in-keyring");
  ExpectSaid("status", 1, "Keyring: .ima");
  EXPECT_EQ(guest_.RowOf("load").status, 3) << guest_.RowOf("load").output;
  EXPECT_EQ(guest_.AnswerOf("run-issued"), Answer::kRan);
  EXPECT_EQ(guest_.AnswerOf("run-own"), Answer::kRefused);
  ExpectSaid("verify", 0, "All PKI objects: verification success");
}

}  // namespace
}  // namespace jet::kernel

// A keystore on the disk and the keyring of a kernel that enforces: loaded at boot, compared, and
// kept equal when keys go.
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

constexpr const char* kKeys[] = {"kept", "deleted", "lost"};

// A program for each key, signed by it, and the keystore that holds the keys.
void FillDisk(const Workshop& workshop) {
  for (const std::string key : kKeys) {
    workshop.GenerateInStore(key, "rsa:2048");
    const fs::path program = workshop.disk() / "rows" / key;
    // What follows the program makes it differ from the others.
    WriteFile(program, ReadFile(JET_LAB_PROGRAM) + key);
    fs::permissions(program, fs::perms(0755));
    workshop.Sign(program, key, "sha256");
  }
  Must({"cp", "-a", workshop.store(), workshop.disk() / "keystore"});
}

std::string Run(const std::string& key, const std::string& name) {
  return Try(name, "/mnt/rows/" + key);
}

// Each program but the first is run once only: the kernel remembers that it let a file run.
std::string Script() {
  return "export JET_KEYSTORE=/mnt/keystore\n" + Try("before", "jet ima status") +
         Try("load", "jet ima load") + "load_policy || exit\n" + Try("in-step", "jet ima status") +
         Run("kept", "kept") + Try("delete", "jet keystore delete deleted --yes") +
         Run("deleted", "deleted") + Try("after-delete", "jet ima status") +
         "rm -r /mnt/keystore/keys/lost\n" + Try("stale", "jet ima status") +
         Try("prune", "jet ima load --prune") + Run("lost", "lost") +
         Try("after-prune", "jet ima status") + Run("kept", "kept-still") +
         Try("verify", "jet keystore verify");
}

class MirrorTest : public testing::Test {
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

  void ExpectRefused(const std::string& key) const {
    EXPECT_EQ(guest_.AnswerOf(key), Answer::kRefused) << guest_.RowOf(key).output;
    EXPECT_EQ(guest_.CauseOf(key), "invalid-signature");
  }

  GuestReport guest_;
};

TEST_F(MirrorTest, ARingIsFilledAtBootAndLosesWhatTheKeystoreLoses) {
  const ScratchFolder folder;
  const Workshop workshop(folder.path());
  FillDisk(workshop);
  guest_ = BootGuest(Kernel::kStock, workshop, Script());
  SCOPED_TRACE(guest_.Everything());
  ExpectSaid("before", 1, "Keyring: none yet");
  ExpectSaid("before", 1, "kept: not-in-keyring, would be accepted");
  ExpectSaid("load", 0, "added 3, present 0, foreign 0, failed 0");
  ExpectSaid("in-step", 0, "Kernel IMA:    present\n");
  ExpectSaid("in-step", 0, "Appraise Mode: enforce (ima_appraise=enforce)\n");
  ExpectSaid("in-step", 0, "Policy:        loaded, and final until the kernel restarts\n");
  ExpectSaid("in-step", 0, ".builtin_trusted_keys (");
  ExpectSaid("in-step", 0, "Not In This Kernel: .ima");
  ExpectSaid("in-step", 0, "Keyring: _ima\n");
  ExpectSaid("in-step", 0, "lost: in-keyring\n");
  ExpectSaid("in-step", 0, "in step: 3 in the keyring, 0 not in it, 0 stale, 0 foreign\n");
  EXPECT_EQ(guest_.AnswerOf("kept"), Answer::kRan);
  ExpectSaid("delete", 0, "key 'deleted' deleted");
  ExpectRefused("deleted");
  ExpectSaid("after-delete", 0, "in step: 2 in the keyring");
  ExpectNotSaid("after-delete", "deleted");
  ExpectSaid("stale", 1, "stale, mirrored once and no longer in the keystore");
  ExpectSaid("prune", 0, "added 0, present 1, foreign 0, failed 0, pruned 1");
  ExpectRefused("lost");
  ExpectSaid("after-prune", 0, "in step: 1 in the keyring, 0 not in it, 0 stale, 0 foreign\n");
  EXPECT_EQ(guest_.AnswerOf("kept-still"), Answer::kRan);
  ExpectSaid("verify", 0, "All PKI objects: verification success");
}

}  // namespace
}  // namespace jet::kernel

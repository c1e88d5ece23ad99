// What a power cut leaves, at every moment of every command that changes a keystore: of what the
// command did, the disk has what was synced, and any part of the rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/keystore/crash_site.h"
#include "tests/keystore/disk_model.h"
#include "tests/keystore/fixture.h"
#include "tests/keystore/traced_run.h"

namespace jet::keystore {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kChangingCalls = {
    "-e",
    "trace=open,openat,creat,mkdir,mkdirat,write,pwrite64,writev,ftruncate,fsync,fdatasync,sync_"
    "file_"
    "range,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,fchmod"};

class PowerLossTest : public ::testing::Test {
 protected:
  PowerLossTest() { EnterOwnSessionKeyring(); }

  // Runs the command and returns what it asked of the file system.
  std::vector<SystemCall> Run(const CrashSite& site, const Scenario& scenario) const {
    const TracedRun run = RunTraced(kChangingCalls, site.CommandLine(scenario), site.scratch());
    EXPECT_EQ(run.exit_status, 0) << run.errors;
    return run.calls;
  }

  // Returns what is wrong with image `index` of `disk`.
  std::string ExamineImage(const DiskModel& disk, size_t index, const Scenario& scenario,
                           Ending ending) {
    ++images_;
    const std::string target = images_folder_.Path("image");
    disk.MakeImage(index, target);
    std::string faults;
    try {
      faults = CrashSite::ExamineStore(absl::StrCat(target, "/keystore"), scenario, ending);
    } catch (const std::exception& error) {
      faults = error.what();
    }
    std::filesystem::remove_all(target);
    return faults;
  }

  // Cuts the power after every call of a run of `scenario`.
  void CutEverywhere(const Scenario& scenario) {
    const CrashSite site(scenarios_);
    site.Reset(scenario);
    DiskModel disk(site.parent());
    const std::vector<SystemCall> calls = Run(site, scenario);
    for (const SystemCall& call : calls) {
      disk.Apply(call);
      for (size_t i = 0; i < disk.ImageCount(); ++i) {
        EXPECT_EQ(ExamineImage(disk, i, scenario, Ending::kKilled), "")
            << scenario.name << ": image " << i << " after " << call.name << " number "
            << call.ordinal;
      }
    }
    // What was reported as done survives, whatever else is lost.
    EXPECT_EQ(ExamineImage(disk, 0, scenario, Ending::kSucceeded), "") << scenario.name;
  }

  const Scenarios scenarios_;
  test::ScratchFolder images_folder_;
  size_t images_ = 0;
};

TEST_F(PowerLossTest, EveryImageIsTheStoreBeforeOrAfter) {
  for (const Scenario& scenario : scenarios_.all()) CutEverywhere(scenario);
  std::cout << "figures: keystore: power cuts tried: " << images_
            << ", lost: " << (HasFailure() ? "some" : "0") << std::endl;
}

// One step of storing a key, in words.
std::string StepOf(const SystemCall& call, const std::string& store) {
  if (call.failed()) return "";
  const std::string staging = absl::StrCat(store, "/staging/");
  const std::string& subject = call.arguments[0];
  const bool staged = absl::StartsWith(subject, staging);
  // What was mirrored is remembered afterwards; the key does not depend on it.
  if (subject.find("/mirror-history.") != std::string::npos) return "";
  const std::string name = staged ? std::filesystem::path(subject).filename().string() : "";
  if (call.name == "write" && staged) return absl::StrCat("write ", name);
  if (call.name == "fsync" && staged) {
    return std::filesystem::path(subject).has_extension() && !absl::StartsWith(name, "new.") &&
                   !absl::StartsWith(name, "renamed.")
               ? absl::StrCat("sync ", name)
               : "sync the folder";
  }
  if (call.name == "fsync" && subject == absl::StrCat(store, "/keys")) return "sync keys";
  if (call.name == "renameat2" && call.arguments[2] == absl::StrCat(store, "/keys")) {
    return "rename into keys";
  }
  return "";
}

std::vector<std::string> Steps(const std::vector<SystemCall>& calls, const std::string& store) {
  std::vector<std::string> steps;
  for (const SystemCall& call : calls) {
    const std::string step = StepOf(call, store);
    if (!step.empty()) steps.push_back(step);
  }
  return steps;
}

TEST_F(PowerLossTest, FilesAreSyncedThenTheFolderThenItIsRenamedAndKeysSynced) {
  for (const char* name : {"generate", "import"}) {
    const CrashSite site(scenarios_);
    const Scenario& scenario = scenarios_.Named(name);
    site.Reset(scenario);
    EXPECT_THAT(Steps(Run(site, scenario), site.store()),
                ElementsAre("write certificate.der", "sync certificate.der",
                            "write private-key.pem", "sync private-key.pem", "write record.json",
                            "sync record.json", "sync the folder", "rename into keys", "sync keys"))
        << name;
  }
}

TEST_F(PowerLossTest, RenameSyncsItsJournalBeforeTheNewNameAndTheNewNameBeforeTheOldOneGoes) {
  const CrashSite site(scenarios_);
  const Scenario& scenario = scenarios_.Named("rename");
  site.Reset(scenario);
  EXPECT_THAT(Steps(Run(site, scenario), site.store()),
              ElementsAre("write certificate.der", "sync certificate.der", "write private-key.pem",
                          "sync private-key.pem", "write record.json", "sync record.json",
                          "sync the folder", "write rename.journal", "sync rename.journal",
                          "rename into keys", "sync keys", "sync keys"));
}

// The control of this test: a store that is written without syncing does not survive.
TEST_F(PowerLossTest, FindsACommandThatDoesNotSync) {
  const CrashSite site(scenarios_);
  const Scenario& scenario = scenarios_.Named("import");
  site.Reset(scenario);
  DiskModel disk(site.parent());
  for (const SystemCall& call : Run(site, scenario)) {
    if (call.name != "fsync") disk.Apply(call);
  }
  size_t bad = 0;
  for (size_t i = 0; i < disk.ImageCount(); ++i) {
    if (!ExamineImage(disk, i, scenario, Ending::kKilled).empty()) ++bad;
  }
  EXPECT_GT(bad, 0U);
  EXPECT_NE(ExamineImage(disk, 0, scenario, Ending::kSucceeded), "");
}

}  // namespace
}  // namespace jet::keystore

// What a power cut leaves, at every moment of every command that changes a keystore: of what the
// command did, the disk has what was synced, and any part of the rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <regex>
#include <set>
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
                           Ending ending) const {
    const std::string target = images_folder_.Path("image");
    disk.MakeImage(index, target);
    std::string faults;
    try {
      faults = CrashSite::ExamineStore(target, scenario, ending);
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
    std::set<std::string> seen;
    for (const SystemCall& call : Run(site, scenario)) {
      disk.Apply(call);
      for (size_t i = 0; i < disk.ImageCount(); ++i) {
        ++images_;
        if (!seen.insert(disk.DescribeImage(i)).second) continue;
        EXPECT_EQ(ExamineImage(disk, i, scenario, Ending::kKilled), "")
            << scenario.name << ": image " << i << " after " << call.name << " number "
            << call.ordinal;
      }
    }
    // What was reported as done survives, whatever else is lost.
    EXPECT_EQ(ExamineImage(disk, 0, scenario, Ending::kSucceeded), "") << scenario.name;
    different_images_ += seen.size();
  }

  const Scenarios scenarios_;
  test::ScratchFolder images_folder_;
  size_t images_ = 0;
  size_t different_images_ = 0;  // those that are alike are examined once
};

TEST_F(PowerLossTest, EveryImageIsTheStoreBeforeOrAfter) {
  for (const Scenario& scenario : scenarios_.all()) CutEverywhere(scenario);
  std::cout << "figures: keystore: power cuts tried: " << images_
            << ", lost: " << (HasFailure() ? "some" : "0")
            << " (commands: " << scenarios_.all().size()
            << ", different images: " << different_images_ << ")" << std::endl;
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

using Changes = std::vector<std::string>;

// The path below `place` without what is another number in every run.
std::string ShortPath(const std::string& path, const std::string& place) {
  static const std::regex numbers("\\.[0-9]+(\\.[0-9]+)?");
  return std::regex_replace(path.substr(place.size() + 1), numbers, ".#");
}

// What was written, synced and renamed in `place`, in words.
Changes ChangesIn(const std::string& place, const std::vector<SystemCall>& calls) {
  Changes changes;
  for (const SystemCall& call : calls) {
    const std::vector<std::string>& args = call.arguments;
    if (call.failed() || !absl::StartsWith(args[0], place + "/")) continue;
    if (call.name == "write") changes.push_back("write " + ShortPath(args[0], place));
    if (call.name == "fsync") changes.push_back("sync " + ShortPath(args[0], place));
    if (!absl::StartsWith(call.name, "renameat")) continue;
    const bool exchange = call.name == "renameat2" && args[4] == "RENAME_EXCHANGE";
    changes.push_back(absl::StrCat(
        exchange ? "exchange " : "move ", ShortPath(absl::StrCat(args[0], "/", args[1]), place),
        exchange ? " and " : " to ", ShortPath(absl::StrCat(args[2], "/", args[3]), place)));
  }
  return changes;
}

Changes Written(const std::string& path) { return {"write " + path, "sync " + path}; }

Changes Joined(const std::vector<Changes>& parts) {
  Changes all;
  for (const Changes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// A file is written as `staged` and put at `path` in `folder`.
Changes Placed(const std::string& staged, const std::string& path, const std::string& folder) {
  return Joined({Written(staged), {absl::StrCat("move ", staged, " to ", path), "sync " + folder}});
}

// The key's new form takes the place of the old one.
Changes Moved(const std::string& name, const std::vector<std::string>& files) {
  const std::string staged = absl::StrCat("keystore/staging/", name, ".#");
  Changes all;
  for (const std::string& file : files) {
    all = Joined({all, Written(absl::StrCat(staged, "/", file))});
  }
  return Joined({all,
                 {"sync " + staged, absl::StrCat("exchange ", staged, " and keystore/keys/", name),
                  "sync keystore/keys"}});
}

Changes BothMoved() {
  return Joined(
      {Moved("signer", {"certificate.der", "private-key.pem", "record.json"}),
       Moved("verifier", {"certificate.der", "record.json"}),
       Placed("keystore/staging/mirror-history.#", "keystore/mirror-history", "keystore")});
}

TEST_F(PowerLossTest, RekeySyncsTheNewStoreKeyBeforeAnyKeyMovesAndAllKeysBeforeTheOldOneGoes) {
  const CrashSite site(scenarios_);
  const Scenario& scenario = scenarios_.Named("rekey");
  site.Reset(scenario);
  EXPECT_EQ(ChangesIn(site.parent(), Run(site, scenario)),
            Joined({Placed("keystore/staging/master.key.#", "keystore/master.key.next", "keystore"),
                    BothMoved(),
                    {"move keystore/master.key.next to keystore/master.key", "sync keystore"}}));
}

TEST_F(PowerLossTest, RekeySyncsTheSameWithTheStoreKeyElsewhere) {
  const CrashSite site(scenarios_);
  const Scenario& scenario = scenarios_.Named("rekey, store key elsewhere");
  site.Reset(scenario);
  EXPECT_EQ(ChangesIn(site.parent(), Run(site, scenario)),
            Joined({Placed("token/.k.staged", "token/k.next", "token"),
                    BothMoved(),
                    {"move token/k.next to token/k", "sync token"}}));
}

// A rekey that was killed may not have synced the folder of its new store key.
TEST_F(PowerLossTest, ARekeyThatGoesOnSyncsTheNewStoreKeyFirst) {
  const CrashSite site(scenarios_);
  const Scenario& scenario = scenarios_.Named("rekey, gone on with");
  site.Reset(scenario);
  const Changes changes = ChangesIn(site.parent(), Run(site, scenario));
  ASSERT_THAT(changes, Not(IsEmpty()));
  EXPECT_EQ(changes.front(), "sync keystore");
}

TEST_F(PowerLossTest, TheStoreKeyIsSyncedBeforeItTakesItsPlace) {
  for (const char* name : {"protect", "unprotect"}) {
    const CrashSite site(scenarios_);
    const Scenario& scenario = scenarios_.Named(name);
    site.Reset(scenario);
    EXPECT_EQ(ChangesIn(site.parent(), Run(site, scenario)),
              Placed("keystore/staging/master.key.#", "keystore/master.key", "keystore"))
        << name;
  }
}

// The control of this test: a store that is written without syncing does not survive.
TEST_F(PowerLossTest, FindsACommandThatDoesNotSync) {
  for (const char* name : {"import", "rekey", "rekey, store key elsewhere", "protect"}) {
    const CrashSite site(scenarios_);
    const Scenario& scenario = scenarios_.Named(name);
    site.Reset(scenario);
    DiskModel disk(site.parent());
    for (const SystemCall& call : Run(site, scenario)) {
      if (call.name != "fsync") disk.Apply(call);
    }
    size_t bad = 0;
    for (size_t i = 0; i < disk.ImageCount(); ++i) {
      if (!ExamineImage(disk, i, scenario, Ending::kKilled).empty()) ++bad;
    }
    EXPECT_GT(bad, 0U) << name;
  }
}

// Image 0 has nothing of what was not synced: what was reported as done is not there.
TEST_F(PowerLossTest, FindsASuccessThatIsNotOnTheDisk) {
  for (const char* name : {"import", "protect"}) {
    const CrashSite site(scenarios_);
    const Scenario& scenario = scenarios_.Named(name);
    site.Reset(scenario);
    DiskModel disk(site.parent());
    for (const SystemCall& call : Run(site, scenario)) {
      if (call.name != "fsync") disk.Apply(call);
    }
    EXPECT_NE(ExamineImage(disk, 0, scenario, Ending::kSucceeded), "") << name;
  }
}

}  // namespace
}  // namespace jet::keystore

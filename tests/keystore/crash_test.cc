// Every command that changes a keystore is killed at every system call and failed at every one;
// afterwards the keystore is what it was before or what it should become, every private key opens,
// and the kernel's ring holds no key that the keystore lost.
//
// strace counts calls by name (when=3 of "all" is the third call of any one name), so that a point
// is a name and a number. Points before the first call that names the keystore are left out: the
// dynamic linker's. Without JET_CRASH_STRIDE=1 one point of several is tried.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "keystore/keystore.h"
#include "tests/keystore/crash_site.h"
#include "tests/keystore/traced_run.h"

namespace jet::keystore {
namespace {

using testing::IsEmpty;

constexpr size_t kMaxReports = 20;
constexpr unsigned kWorkers = 2;
constexpr int kLastExitStatus = 3;  // of those that commands have

// The calls that a disk, a full one or a kernel can fail. What has to do with memory, threads and
// the process itself does not end in EIO or ENOSPC. close() is not among them: strace leaves out
// the call that it fails, and the kernel's close() lets go of the file, and its lock, whatever it
// returns.
constexpr std::array<const char*, 22> kCallsThatFail = {
    "openat",   "read",       "write",      "fsync",      "mkdir",  "mkdirat",
    "renameat", "renameat2",  "fcntl",      "unlinkat",   "fchmod", "flock",
    "lseek",    "newfstatat", "getdents64", "socketpair", "pipe2",  "clone3",
    "sendto",   "pidfd_open", "add_key",    "keyctl"};

// What is done to one run of a command.
struct Point {
  const Scenario* scenario = nullptr;
  std::string call;
  int ordinal = 0;
  std::string injected;       // "signal=KILL", "error=EIO", ...
  bool from_then_on = false;  // every later call of the name, too

  bool kills() const { return injected == "signal=KILL"; }
  std::string ToString() const {
    return absl::StrCat(scenario->name, ": ", call, ":", injected, ":when=", ordinal,
                        from_then_on ? "+" : "");
  }
};

// JET_CRASH_SEED, or a random number.
unsigned Seed() {
  const char* const seed = std::getenv("JET_CRASH_SEED");
  return seed == nullptr ? std::random_device()()
                         : static_cast<unsigned>(std::strtoul(seed, nullptr, 10));
}

bool CanFail(const std::string& call) {
#ifdef __SANITIZE_ADDRESS__
  // The sanitizer's runtime finds out by a write whether memory can be read, and gives up when that
  // fails.
  if (call == "write") return false;
#endif
  return std::find(kCallsThatFail.begin(), kCallsThatFail.end(), call) != kCallsThatFail.end();
}

bool Mentions(const SystemCall& call, const std::string& path) {
  return std::any_of(
      call.arguments.begin(), call.arguments.end(),
      [&path](const std::string& argument) { return argument.find(path) != std::string::npos; });
}

// The calls of a whole run, from the first one at the keystore or its files.
std::vector<SystemCall> CallsAtTheStore(const CrashSite& site, const Scenario& scenario) {
  site.Reset(scenario);
  const TracedRun run = RunTraced({}, site.CommandLine(scenario), site.scratch());
  EXPECT_EQ(run.exit_status, 0) << scenario.name << ": " << run.errors;
  EXPECT_EQ(site.Examine(scenario, Ending::kSucceeded), "") << scenario.name;
  // The first is execve, which has the path in its arguments.
  const auto first =
      std::find_if(run.calls.begin() + 1, run.calls.end(),
                   [&site](const SystemCall& call) { return Mentions(call, site.parent()); });
  return {first, run.calls.end()};
}

std::vector<Point> KillPoints(const Scenario& scenario, const std::vector<SystemCall>& calls) {
  std::vector<Point> points;
  for (const SystemCall& call : calls) {
    points.push_back({&scenario, call.name, call.ordinal, "signal=KILL"});
  }
  return points;
}

std::vector<Point> FaultPoints(const Scenario& scenario, const std::vector<SystemCall>& calls) {
  std::vector<Point> points;
  for (const SystemCall& call : calls) {
    if (!CanFail(call.name)) continue;
    for (const char* error : {"error=EIO", "error=ENOSPC"}) {
      for (const bool from_then_on : {false, true}) {
        points.push_back({&scenario, call.name, call.ordinal, error, from_then_on});
      }
    }
  }
  return points;
}

// Returns what is wrong after the command was run with the injection of `point`. Sets `reached`
// when the injection took place.
std::string Try(const CrashSite& site, const Point& point, bool& reached) {
  site.Reset(*point.scenario);
  std::vector<std::string> options = {
      "-e", absl::StrCat("trace=", point.call), "-e",
      absl::StrCat("inject=", point.call, ":", point.injected, ":when=", point.ordinal,
                   point.from_then_on ? "+" : "")};
  // strace 6.1 does not inject signals where it filters by seccomp.
  if (!point.kills()) options.emplace_back("--seccomp-bpf");
  const TracedRun run = RunTraced(options, site.CommandLine(*point.scenario), site.scratch());
  if (point.kills()) {
    reached = run.killed;
  } else {
    reached = std::any_of(run.calls.begin(), run.calls.end(), [](const SystemCall& call) {
      return call.result.find("(INJECTED)") != std::string::npos;
    });
  }
  const Ending ending = run.killed             ? Ending::kKilled
                        : run.exit_status == 0 ? Ending::kSucceeded
                                               : Ending::kFailed;
  std::string faults = site.Examine(*point.scenario, ending);
  if (ending != Ending::kKilled && (run.exit_status < 0 || run.exit_status > kLastExitStatus)) {
    absl::StrAppend(&faults, "it ended with status ", run.exit_status, ": ", run.errors, "\n");
  }
  // Where no write succeeds any more there is no word either.
  const bool speechless = point.call == "write" && point.from_then_on;
  if (ending == Ending::kFailed && run.errors.empty() && !speechless) {
    faults += "it failed without a word\n";
  }
  return faults;
}

// Tries points on several sites at a time.
class Campaign {
 public:
  explicit Campaign(const Scenarios& scenarios) : scenarios_(scenarios) {}

  void Run(std::vector<Point> points) {
    points_ = std::move(points);
    next_ = 0;
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < kWorkers; ++i) workers.emplace_back([this] { Work(); });
    for (std::thread& worker : workers) worker.join();
  }

  size_t kills() const { return kills_; }
  size_t faults() const { return faults_; }
  size_t not_reached() const { return not_reached_; }
  const std::vector<std::string>& lost() const { return lost_; }

 private:
  void Work() {
    try {
      const CrashSite site(scenarios_);
      while (true) {
        const size_t next = next_++;
        if (next >= points_.size()) return;
        TryOne(site, points_[next]);
      }
    } catch (const std::exception& error) {
      Report(absl::StrCat("no site: ", error.what()));
    }
  }

  void TryOne(const CrashSite& site, const Point& point) {
    bool reached = false;
    std::string faults;
    try {
      faults = Try(site, point, reached);
    } catch (const std::exception& error) {
      faults = absl::StrCat(error.what(), "\n");
    }
    if (!faults.empty()) Report(absl::StrCat(point.ToString(), "\n", faults));
    if (!reached) {
      ++not_reached_;
    } else {
      ++(point.kills() ? kills_ : faults_);
    }
  }

  void Report(const std::string& what) {
    const std::lock_guard<std::mutex> lock(mutex_);
    lost_.push_back(what);
    if (lost_.size() <= kMaxReports) std::cout << what << std::endl;
  }

  const Scenarios& scenarios_;
  std::vector<Point> points_;
  std::atomic<size_t> next_{0};
  std::atomic<size_t> kills_{0};
  std::atomic<size_t> faults_{0};
  std::atomic<size_t> not_reached_{0};
  std::mutex mutex_;
  std::vector<std::string> lost_;
};

// Every `CrashStride()`th of the points of `scenario`, from an offset that is chosen at random;
// fewer of those that cost more, unless all are asked for.
void Sample(const Scenario& scenario, const std::vector<Point>& points, std::mt19937& random,
            std::vector<Point>& into) {
  const size_t stride = CrashStride() == 1 ? scenario.least_stride : CrashStride() * scenario.cost;
  for (size_t i = random() % stride; i < points.size(); i += stride) into.push_back(points[i]);
}

TEST(CrashTest, KilledAndFailedAtSystemCallsTheStoreIsAsBeforeOrAfter) {
  EnterOwnSessionKeyring();
  const unsigned seed = Seed();
  std::cout << "JET_CRASH_SEED=" << seed << " JET_CRASH_STRIDE=" << CrashStride() << std::endl;
  std::mt19937 random(seed);
  const Scenarios scenarios;
  Campaign campaign(scenarios);
  for (const Scenario& scenario : scenarios.all()) {
    std::vector<Point> points;
    const std::vector<SystemCall> calls = CallsAtTheStore(CrashSite(scenarios), scenario);
    ASSERT_THAT(calls, Not(IsEmpty()));
    Sample(scenario, KillPoints(scenario, calls), random, points);
    Sample(scenario, FaultPoints(scenario, calls), random, points);
    std::cout << scenario.name << ": " << points.size() << " points" << std::endl;
    campaign.Run(std::move(points));
  }
  std::cout << "figures: keystore: crash points tried: " << campaign.kills()
            << ", fault points tried: " << campaign.faults() << ", lost: " << campaign.lost().size()
            << " (commands: " << scenarios.all().size() << ", stride " << CrashStride()
            << ", not reached: " << campaign.not_reached() << ")" << std::endl;
  EXPECT_EQ(campaign.lost().size(), 0U);  // printed above
  EXPECT_GT(campaign.kills(), 0U);
  EXPECT_GT(campaign.faults(), 0U);
  // A run is like the other: that a point is not reached is the exception.
  EXPECT_LT(campaign.not_reached() * 20, campaign.kills() + campaign.faults());
}

// The old store key must stay as long as something is under it, also something that could not be
// read this time.
TEST(CrashTest, ARekeyThatCannotReadTheMirrorHistoryDoesNotEnd) {
  EnterOwnSessionKeyring();
  const Scenarios scenarios;
  const CrashSite site(scenarios);
  const Scenario& scenario = scenarios.Named("rekey");
  for (const SystemCall& call : CallsAtTheStore(site, scenario)) {
    if (call.name != "openat" || call.arguments[1] != "mirror-history") continue;
    bool reached = false;
    EXPECT_EQ(Try(site, {&scenario, call.name, call.ordinal, "error=EIO"}, reached), "");
    EXPECT_TRUE(reached);
    return;
  }
  FAIL() << "rekey does not read the mirror history";
}

// The control of this test: it must find a store in which a key is lost.
TEST(CrashTest, FindsAKeyThatOnlyTheRingHolds) {
  EnterOwnSessionKeyring();
  const Scenarios scenarios;
  const CrashSite site(scenarios);
  const Scenario& scenario = scenarios.Named("delete");
  site.Reset(scenario);
  {
    absl::StatusOr<Keystore> store = Keystore::Open(site.store(), Access::kWrite);
    ASSERT_TRUE(store.ok());
    // Taken out of the store, and not out of the ring.
    ASSERT_TRUE(store->Remove("signer", [](const StoredKey&) { return absl::OkStatus(); }).ok());
  }
  EXPECT_THAT(site.Examine(scenario, Ending::kSucceeded),
              testing::HasSubstr("only the ring holds"));
}

// The store key of another store in its place.
TEST(CrashTest, FindsAStoreKeyThatIsLost) {
  EnterOwnSessionKeyring();
  const Scenarios scenarios;
  const CrashSite site(scenarios);
  const Scenario& scenario = scenarios.Named("rekey");
  site.Reset(scenario);
  EXPECT_EQ(site.Examine(scenario, Ending::kKilled), "");
  const std::string elsewhere = absl::StrCat(
      scenarios.StartOf(scenarios.Named("rekey, store key elsewhere")), "/", kStoreKeyElsewhere);
  std::filesystem::copy_file(elsewhere, absl::StrCat(site.store(), "/master.key"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(site.Examine(scenario, Ending::kKilled),
              testing::HasSubstr("was made under the store key"));
}

TEST(CrashTest, FindsARekeyThatHasNotEnded) {
  EnterOwnSessionKeyring();
  const Scenarios scenarios;
  const CrashSite site(scenarios);
  const Scenario& scenario = scenarios.Named("rekey, gone on with");
  site.Reset(scenario);
  EXPECT_THAT(site.Examine(scenario, Ending::kSucceeded), testing::HasSubstr("has not ended"));
}

TEST(CrashTest, FindsAPeerThatLacksAKey) {
  EnterOwnSessionKeyring();
  const Scenarios scenarios;
  const CrashSite site(scenarios);
  const Scenario& scenario = scenarios.Named("sync");
  site.Reset(scenario);
  EXPECT_THAT(site.Examine(scenario, Ending::kSucceeded), testing::HasSubstr("the peer has"));
}

TEST(CrashTest, FindsAKeyThatIsLost) {
  EnterOwnSessionKeyring();
  const Scenarios scenarios;
  const CrashSite site(scenarios);
  const Scenario& scenario = scenarios.Named("rename");
  site.Reset(scenario);
  ASSERT_EQ(rename(absl::StrCat(site.store(), "/keys/signer").c_str(),
                   absl::StrCat(site.store(), "/staging/signer").c_str()),
            0);
  EXPECT_THAT(site.Examine(scenario, Ending::kKilled), testing::HasSubstr("a writer finds"));
}

}  // namespace
}  // namespace jet::keystore

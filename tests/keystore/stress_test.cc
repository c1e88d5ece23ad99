// Sixteen processes at one keystore, which add, remove, list and sign, and now and then move it to
// a new store key, while one after the other is killed: nothing is lost, nobody sees half a key,
// nobody waits for ever.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "crypto/digest.h"
#include "crypto/signer.h"
#include "keystore/keystore.h"
#include "keystore/verify.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using test::ValueOf;
using testing::IsEmpty;

constexpr int kProcesses = 16;
constexpr int kSlots = 3;         // names of each process
constexpr int kRekeyEvery = 100;  // operations; a rekey takes as long as many others
constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr absl::Duration kKillPeriod = absl::Milliseconds(150);

// What one process did; in memory that outlives it.
struct Diary {
  std::atomic<uint64_t> adds{0};
  std::atomic<uint64_t> removals{0};
  std::atomic<uint64_t> lists{0};
  std::atomic<uint64_t> signatures{0};
  std::atomic<uint64_t> rekeys{0};
  std::atomic<bool> holds_lock{false};  // the exclusive one
  std::atomic<int64_t> longest_us{0};   // that one operation took
  std::atomic<int> undecided{-1};       // the slot that is being changed
  std::array<std::atomic<bool>, kSlots> stored{};
  std::atomic<bool> failed{false};
  std::array<char, 512> message{};

  uint64_t operations() const { return adds + removals + lists + signatures; }
};

struct Diaries {
  std::atomic<bool> stop{false};
  std::array<Diary, kProcesses> of{};
};

class SharedDiaries {
 public:
  SharedDiaries() {
    void* const memory =
        mmap(nullptr, sizeof(Diaries), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("mmap");
    diaries_ = new (memory) Diaries;
  }
  SharedDiaries(const SharedDiaries&) = delete;
  SharedDiaries& operator=(const SharedDiaries&) = delete;
  ~SharedDiaries() { munmap(diaries_, sizeof(Diaries)); }

  Diaries& operator*() const { return *diaries_; }

 private:
  Diaries* diaries_;
};

std::string NameOf(int process, int slot) { return absl::StrCat("p", process, "-", slot); }

void Require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

// What one process does until it is told to stop.
class Worker {
 public:
  Worker(std::string store, Diaries& diaries, int number)
      : store_(std::move(store)),
        diaries_(diaries),
        own_(diaries.of[static_cast<size_t>(number)]),
        number_(number),
        random_(static_cast<unsigned>(getpid())) {}

  void Run() {
    Settle();
    while (!diaries_.stop) {
      const absl::Time begin = absl::Now();
      DoOne();
      const int64_t took = absl::ToInt64Microseconds(absl::Now() - begin);
      if (took > own_.longest_us) own_.longest_us = took;
    }
  }

 private:
  // Finds out what became of the change that this process's predecessor was killed in.
  void Settle() {
    const int slot = own_.undecided;
    if (slot < 0) return;
    const absl::Status found =
        ValueOf(Keystore::Open(store_, Access::kRead)).Find(NameOf(number_, slot)).status();
    Require(found.ok() || absl::IsNotFound(found), found.ToString());
    own_.stored[static_cast<size_t>(slot)] = found.ok();
    own_.undecided = -1;
  }

  void DoOne() {
    if (random_() % kRekeyEvery == 0) {
      Rekey();
      return;
    }
    const int slot = static_cast<int>(random_() % kSlots);
    switch (random_() % 3) {
      case 0:
        Change(slot);
        break;
      case 1:
        List();
        break;
      default:
        Sign(own_.stored[static_cast<size_t>(slot)] ? NameOf(number_, slot) : "steady");
    }
  }

  void Change(int slot) {
    std::atomic<bool>& stored = own_.stored[static_cast<size_t>(slot)];
    own_.undecided = slot;
    Keystore store = ValueOf(Keystore::Open(store_, Access::kWrite));
    own_.holds_lock = true;
    absl::Status status;
    if (stored) {
      status = store.Remove(NameOf(number_, slot), Agree);
      ++own_.removals;
    } else {
      const crypto::PrivateKey& key = TestKey("ec:p256", number_);
      // The end of the issuer's name is a key id, too.
      const pki::Certificate certificate = TestCertificate(key, absl::StrCat(1000 + number_));
      status = store.Add({NameOf(number_, slot), certificate, &key}, Agree).status();
      ++own_.adds;
    }
    own_.holds_lock = false;
    Require(status.ok(), status.ToString());
    stored = !stored;
    own_.undecided = -1;
  }

  // Goes on with one whose process was killed, if there is such a one.
  void Rekey() {
    Keystore store = ValueOf(Keystore::Open(store_, Access::kWrite));
    own_.holds_lock = true;
    const RekeyReport report = ValueOf(store.Rekey());
    own_.holds_lock = false;
    for (const DamagedKey& failed : report.failed) Require(false, failed.error.ToString());
    ++own_.rekeys;
  }

  void List() {
    const KeyListing listing = ValueOf(ValueOf(Keystore::Open(store_, Access::kRead)).List());
    for (const DamagedKey& damaged : listing.damaged) {
      Require(false, absl::StrCat("half a key: ", damaged.error.ToString()));
    }
    int own = 0;
    for (const StoredKey& key : listing.keys) {
      if (key.name.rfind(absl::StrCat("p", number_, "-"), 0) == 0) ++own;
    }
    int wanted = 0;
    for (const std::atomic<bool>& stored : own_.stored) wanted += stored ? 1 : 0;
    Require(own == wanted, absl::StrCat("lists ", own, " own keys, stored are ", wanted));
    ++own_.lists;
  }

  void Sign(const std::string& name) {
    const Keystore store = ValueOf(Keystore::Open(store_, Access::kRead));
    const auto signer = ValueOf(crypto::MakeSigner(ValueOf(store.OpenPrivateKey(name))));
    const crypto::Digest digest =
        ValueOf(crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, base::AsBytes(name)));
    const base::Bytes signature = ValueOf(signer->SignDigest(digest));
    Require(signer->public_key().Verify(digest, signature).ok(), "a signature that is none");
    ++own_.signatures;
  }

  const std::string store_;
  Diaries& diaries_;
  Diary& own_;
  const int number_;
  std::mt19937 random_;
};

class StressTest : public KeystoreTest {
 protected:
  pid_t Start(int number) {
    const pid_t id = fork();
    if (id != 0) return id;
    Diary& own = (*diaries_).of[static_cast<size_t>(number)];
    try {
      Worker(store_, *diaries_, number).Run();
    } catch (const std::exception& error) {
      std::strncpy(own.message.data(), error.what(), own.message.size() - 1);
      own.failed = true;
    }
    _exit(own.failed ? 1 : 0);
  }

  // Runs for `duration`, killing now and then; returns how many were killed.
  int Run(absl::Duration duration) {
    for (int i = 0; i < kProcesses; ++i) processes_[static_cast<size_t>(i)] = Start(i);
    std::mt19937 random(std::random_device{}());
    int killed = 0;
    const absl::Time end = absl::Now() + duration;
    while (absl::Now() < end && !IsStuck()) {
      absl::SleepFor(kKillPeriod);
      const int victim = ChooseVictim(random);
      pid_t& id = processes_[static_cast<size_t>(victim)];
      kill(id, SIGKILL);
      waitpid(id, nullptr, 0);
      ++killed;
      if ((*diaries_).of[static_cast<size_t>(victim)].holds_lock.exchange(false)) ++killed_holding_;
      id = Start(victim);
    }
    (*diaries_).stop = true;
    Join();
    return killed;
  }

  // Every other time one that holds the lock, if there is one just now.
  int ChooseVictim(std::mt19937& random) {
    if (random() % 2 == 0) {
      for (int i = 0; i < kProcesses; ++i) {
        if ((*diaries_).of[static_cast<size_t>(i)].holds_lock) return i;
      }
    }
    return static_cast<int>(random() % kProcesses);
  }

  // True when some process has done nothing for too long.
  bool IsStuck() {
    const absl::Time now = absl::Now();
    for (size_t i = 0; i < kProcesses; ++i) {
      const uint64_t operations = (*diaries_).of[i].operations();
      if (operations != seen_[i] || seen_at_[i] == absl::Time()) {
        seen_[i] = operations;
        seen_at_[i] = now;
      }
      if (now - seen_at_[i] > kPatience) stuck_ = true;
      if ((*diaries_).of[i].failed) return true;
    }
    return stuck_;
  }

  void Join() {
    const absl::Time deadline = absl::Now() + kPatience;
    for (pid_t& id : processes_) {
      while (waitpid(id, nullptr, WNOHANG) == 0) {
        if (absl::Now() > deadline) {
          stuck_ = true;
          kill(id, SIGKILL);
        }
        absl::SleepFor(absl::Milliseconds(5));
      }
    }
  }

  // Names that must be there; those whose change was cut off are left out.
  size_t CountLost(const KeyListing& listing) {
    size_t lost = 0;
    for (int i = 0; i < kProcesses; ++i) {
      const Diary& diary = (*diaries_).of[static_cast<size_t>(i)];
      for (int slot = 0; slot < kSlots; ++slot) {
        if (diary.undecided == slot) continue;
        const auto is_it = [&](const StoredKey& key) { return key.name == NameOf(i, slot); };
        const bool found = std::any_of(listing.keys.begin(), listing.keys.end(), is_it);
        if (found != diary.stored[static_cast<size_t>(slot)]) ++lost;
      }
    }
    return lost;
  }

  SharedDiaries diaries_;
  std::array<pid_t, kProcesses> processes_{};
  std::array<uint64_t, kProcesses> seen_{};
  std::array<absl::Time, kProcesses> seen_at_{};
  bool stuck_ = false;
  int killed_holding_ = 0;  // while they held the lock
};

struct Kills {
  int all = 0;
  int holding = 0;  // the lock
};

void PrintFigures(const Diaries& diaries, double seconds, const Kills& killed, size_t lost) {
  uint64_t adds = 0;
  uint64_t removals = 0;
  uint64_t lists = 0;
  uint64_t signatures = 0;
  uint64_t rekeys = 0;
  int64_t longest_us = 0;
  for (const Diary& diary : diaries.of) {
    adds += diary.adds;
    removals += diary.removals;
    lists += diary.lists;
    signatures += diary.signatures;
    rekeys += diary.rekeys;
    longest_us = std::max<int64_t>(longest_us, diary.longest_us);
  }
  std::cout << "figures: keystore: concurrent operations: "
            << adds + removals + lists + signatures + rekeys << ", lost: " << lost << " ("
            << kProcesses << " processes for " << seconds << " s, killed " << killed.all
            << ", holding the lock " << killed.holding << ": " << adds << " added, " << removals
            << " removed, " << lists << " lists, " << signatures << " signatures, " << rekeys
            << " rekeys; longest " << longest_us / 1000 << " ms)" << std::endl;
}

TEST_F(StressTest, NothingIsLostAndNobodySeesHalfAKeyOrWaitsForEver) {
  for (int i = 0; i < kProcesses; ++i) (void)TestKey("ec:p256", i);  // before the processes start
  AddKey("steady", TestKey());
  const char* const seconds = std::getenv("JET_STRESS_SECONDS");
  const double duration = seconds == nullptr ? 5 : std::strtod(seconds, nullptr);
  const int killed = Run(absl::Seconds(duration));
  EXPECT_FALSE(stuck_) << "a process did nothing for " << kPatience;
  for (const Diary& diary : (*diaries_).of) {
    EXPECT_FALSE(diary.failed) << diary.message.data();
    EXPECT_GT(diary.operations(), 0U);
  }
  // Sweeps what the killed ones left, and goes on with a rekey of theirs.
  EXPECT_THAT(ValueOf(OpenStore(Access::kWrite).Rekey()).failed, IsEmpty());
  const size_t lost = CountLost(ValueOf(OpenStore(Access::kRead).List()));
  PrintFigures(*diaries_, duration, {killed, killed_holding_}, lost);
  EXPECT_EQ(lost, 0U);
  EXPECT_GT(killed, 0);
  EXPECT_GT(killed_holding_, 0);
  const VerifyReport report = ValueOf(Verify(store_, {}, absl::Now()));
  EXPECT_EQ(report.Count(CheckResult::kVerified), report.objects.size());
}

}  // namespace
}  // namespace jet::keystore

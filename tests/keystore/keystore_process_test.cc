// Several processes at one keystore, and processes that may only read it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "keystore/keystore.h"
#include "tests/base/child.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using test::IsOk;
using test::ValueOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StrEq;
using testing::UnorderedElementsAreArray;

constexpr int kWriters = 8;
constexpr useconds_t kMoment = 200 * 1000;  // long enough for a process that does not wait

// A child that runs beside the test. It exits with 0 when `work` returned true.
class Process {
 public:
  explicit Process(const std::function<bool()>& work) : id_(fork()) {
    if (id_ == 0) _exit(Succeeds(work) ? 0 : 1);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (id_ > 0) {
      kill(id_, SIGKILL);
      waitpid(id_, nullptr, 0);
    }
  }

  bool IsRunning() {
    if (id_ > 0 && waitpid(id_, &status_, WNOHANG) == id_) id_ = 0;
    return id_ > 0;
  }
  // Waits for its end; true when it exited with 0.
  bool Join() {
    if (id_ > 0) waitpid(id_, &status_, 0);
    id_ = 0;
    return WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
  }
  void Kill() {
    kill(id_, SIGKILL);
    Join();
  }

 private:
  static bool Succeeds(const std::function<bool()>& work) {
    try {
      return work();
    } catch (const std::exception&) {
      return false;
    }
  }

  pid_t id_;
  int status_ = -1;
};

class KeystoreProcessTest : public KeystoreTest {
 protected:
  // A child that opens the store, says so, and holds it until it is killed.
  std::unique_ptr<Process> Holder(Access access) const {
    std::array<int, 2> ends = {};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    const base::UniqueFd reader(ends[0]);
    base::UniqueFd writer(ends[1]);
    auto holder = std::make_unique<Process>([this, access, &writer] {
      const Keystore store = OpenStore(access);
      if (write(writer.get(), "x", 1) != 1) return false;
      while (true) pause();
    });
    writer.Reset();
    char ready = 0;
    if (read(reader.get(), &ready, 1) != 1) throw std::runtime_error("the holder died");
    return holder;
  }

  std::unique_ptr<Process> Opener(Access access) const {
    return std::make_unique<Process>([this, access] {
      (void)OpenStore(access);
      return true;
    });
  }
};

TEST_F(KeystoreProcessTest, LockIsSharedByReadersAndExcludesAWriter) {
  AddKey("one", TestKey());
  const struct {
    Access held;
    Access wanted;
    bool waits;
  } rows[] = {
      {Access::kRead, Access::kRead, false},  {Access::kRead, Access::kWrite, true},
      {Access::kWrite, Access::kRead, true},  {Access::kWrite, Access::kWrite, true},
      {Access::kCreate, Access::kRead, true}, {Access::kWrite, Access::kCreate, true},
  };
  for (const auto& row : rows) {
    const auto holder = Holder(row.held);
    const auto opener = Opener(row.wanted);
    if (row.waits) {
      usleep(kMoment);
      EXPECT_TRUE(opener->IsRunning());
      holder->Kill();  // a lock of a killed process does not block
    }
    EXPECT_TRUE(opener->Join());
  }
}

TEST_F(KeystoreProcessTest, LockEndsWithTheKeystoreObject) {
  AddKey("one", TestKey());
  { const Keystore store = OpenStore(Access::kWrite); }
  EXPECT_TRUE(Opener(Access::kWrite)->Join());
}

TEST_F(KeystoreProcessTest, WritersMakeOneStoreTogetherAndNothingIsLost) {
  std::vector<std::string> names;
  for (int i = 0; i < kWriters; ++i) names.push_back(absl::StrCat("key-", i));
  std::vector<std::unique_ptr<Process>> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.push_back(std::make_unique<Process>([this, i, &names] {
      AddKey(names[static_cast<size_t>(i)], TestKey("ec:p256", i));
      return true;
    }));
  }
  for (const auto& writer : writers) EXPECT_TRUE(writer->Join());
  EXPECT_THAT(KeyNames(), UnorderedElementsAreArray(names));
  const Keystore store = OpenStore(Access::kRead);
  for (const std::string& name : names) EXPECT_THAT(store.OpenPrivateKey(name), IsOk()) << name;
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
}

TEST_F(KeystoreProcessTest, OneOfManyWritersOfOneNameWins) {
  std::vector<std::unique_ptr<Process>> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.push_back(std::make_unique<Process>([this, i] {
      AddKey("same", TestKey("ec:p256", i));
      return true;
    }));
  }
  int winners = 0;
  for (const auto& writer : writers) winners += writer->Join() ? 1 : 0;
  EXPECT_EQ(winners, 1);
  EXPECT_THAT(OpenStore(Access::kRead).OpenPrivateKey("same"), IsOk());
}

TEST_F(KeystoreProcessTest, ReaderNeverSeesHalfAKey) {
  AddKey("steady", TestKey());
  Process writer([this] {
    const crypto::PrivateKey& key = TestKey("ec:p256", 1);
    const pki::Certificate certificate = TestCertificate(key, "x");
    for (int i = 0; i < 50; ++i) {
      if (!OpenStore(Access::kWrite).Add({"passing", certificate, &key}, Agree).ok()) return false;
      if (!OpenStore(Access::kWrite).Remove("passing", Agree).ok()) return false;
    }
    return true;
  });
  int lists = 0;
  while (writer.IsRunning()) {
    ASSERT_OK_AND_ASSIGN(const KeyListing listing, OpenStore(Access::kRead).List());
    EXPECT_THAT(listing.damaged, IsEmpty());
    EXPECT_GE(listing.keys.size(), 1U);
    ++lists;
  }
  EXPECT_TRUE(writer.Join());
  EXPECT_GT(lists, 0);
}

// Does with the store what a reader may do; returns "OK" or what failed.
std::string ReadAll(const std::string& path) {
  const Keystore reader = ValueOf(Keystore::Open(path, Access::kRead));
  const KeyListing listing = ValueOf(reader.List());
  if (listing.keys.size() != 1 || !listing.damaged.empty()) return "cannot list";
  if (!listing.keys[0].record_authenticated) return "not authenticated";
  (void)ValueOf(reader.OpenPrivateKey("one"));
  return "OK";
}

std::string TryToAdd(const std::string& path) {
  absl::StatusOr<Keystore> writer = Keystore::Open(path, Access::kCreate);
  if (!writer.ok()) return writer.status().ToString();
  const pki::Certificate certificate = TestCertificate(TestKey("ec:p256", 1), "x");
  return writer->Add({"two", certificate}, Agree).status().ToString();
}

TEST_F(KeystoreProcessTest, ReadOnlyMountCanBeReadAndNotWritten) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  AddKey("one", TestKey());
  const auto on_read_only_mount = [this](const std::function<std::string()>& work) {
    return test::InChild([this, &work]() -> std::string {
      test::EnterPrivateMounts();
      const char* const path = store_.c_str();
      if (mount(path, path, nullptr, MS_BIND, nullptr) != 0 ||
          mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
        return "cannot mount";
      }
      return work();
    });
  };
  EXPECT_THAT(on_read_only_mount([this] { return ReadAll(store_); }), StrEq("OK"));
  EXPECT_THAT(on_read_only_mount([this] { return TryToAdd(store_); }),
              HasSubstr("Read-only file system"));
}

TEST_F(KeystoreProcessTest, UserReadsOwnStoreThatCannotBeWritten) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  AddKey("one", TestKey());
  GiveAllTo(store_, test::kNobody);
  for (const char* name : {"keys/one", "keys", "staging", ""}) {
    ASSERT_EQ(chmod(InStore(name).c_str(), 0500), 0);
  }
  EXPECT_THAT(test::InChild([this] {
                test::BecomeUser(test::kNobody);
                return ReadAll(store_);
              }),
              StrEq("OK"));
  EXPECT_THAT(test::InChild([this] {
                test::BecomeUser(test::kNobody);
                return TryToAdd(store_);
              }),
              HasSubstr("Permission denied"));
}

TEST_F(KeystoreProcessTest, UserCannotReadAnothersStore) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  AddKey("one", TestKey());
  const auto open = [this] {
    test::BecomeUser(test::kNobody);
    return Keystore::Open(store_, Access::kRead).status().ToString();
  };
  EXPECT_THAT(test::InChild(open), HasSubstr("Permission denied"));
  ASSERT_EQ(chmod(store_.c_str(), 0755), 0);
  EXPECT_THAT(test::InChild(open), HasSubstr("belongs to user id 0"));
}

}  // namespace
}  // namespace jet::keystore

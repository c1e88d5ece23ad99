// The folder of a keystore: how it is made, and what is wrong with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "keystore/keystore.h"
#include "tests/base/child.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StrEq;

constexpr Access kAllAccess[] = {Access::kRead, Access::kWrite, Access::kCreate};

class KeystoreFolderTest : public KeystoreTest {
 protected:
  // Checks that the store cannot be opened in any way, for a reason that says `text`.
  void ExpectRefused(const std::string& text) const {
    for (const Access access : kAllAccess) {
      EXPECT_THAT(Keystore::Open(store_, access),
                  StatusIs(StatusCode::kFailedPrecondition, HasSubstr(text)));
    }
  }
};

TEST_F(KeystoreFolderTest, IsNotThereUntilItIsMade) {
  for (const Access access : {Access::kRead, Access::kWrite}) {
    EXPECT_THAT(Keystore::Open(store_, access),
                StatusIs(StatusCode::kNotFound,
                         AllOf(HasSubstr("there is no keystore at"), HasSubstr(store_))));
  }
  EXPECT_FALSE(Exists(store_));
}

TEST_F(KeystoreFolderTest, EmptyFolderIsNoKeystoreUntilItIsMade) {
  folder_.MakeFolder("keystore");
  EXPECT_THAT(Keystore::Open(store_, Access::kRead),
              StatusIs(StatusCode::kNotFound, HasSubstr("no 'keys' in it")));
  EXPECT_THAT(Keystore::Open(store_, Access::kCreate), IsOk());
}

TEST_F(KeystoreFolderTest, IsMadeWithTheFoldersAboveIt) {
  store_ = folder_.Path("a/b/c/keystore");
  EXPECT_THAT(Keystore::Open(store_, Access::kCreate), IsOk());
  EXPECT_THAT(Keystore::Open(store_, Access::kRead), IsOk());
}

TEST_F(KeystoreFolderTest, SlashesAfterItsNameAreNotPartOfItsPath) {
  store_ = folder_.Path("a/keystore");
  ASSERT_OK_AND_ASSIGN(const Keystore store, Keystore::Open(store_ + "//", Access::kCreate));
  EXPECT_EQ(store.path(), store_);
}

TEST_F(KeystoreFolderTest, IsFoundRelativeToTheWorkingFolder) {
  const std::string report = test::InChild([this] {
    std::filesystem::current_path(folder_.path());
    return Keystore::Open("keystore", Access::kCreate).status().ToString();
  });
  EXPECT_EQ(report, "OK");
  EXPECT_THAT(Keystore::Open(store_, Access::kRead), IsOk());
}

TEST_F(KeystoreFolderTest, MayBeALinkToAGoodFolder) {
  store_ = folder_.Path("real");
  AddKey("one", TestKey());
  ASSERT_EQ(symlink("real", folder_.Path("link").c_str()), 0);
  ASSERT_OK_AND_ASSIGN(const Keystore store, Keystore::Open(folder_.Path("link"), Access::kWrite));
  EXPECT_THAT(store.Find("one"), IsOk());
}

TEST_F(KeystoreFolderTest, IsNotMadeWhereOtherThingsAre) {
  folder_.Write("keystore/staging/important/file", "text");
  EXPECT_THAT(Keystore::Open(store_, Access::kCreate),
              StatusIs(StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("not a keystore"), HasSubstr("'staging'"))));
  EXPECT_TRUE(Exists(InStore("staging/important/file")));
}

TEST_F(KeystoreFolderTest, IsNotAFile) {
  folder_.Write("keystore", "text");
  ExpectRefused("Not a directory");
}

TEST_F(KeystoreFolderTest, IsRefusedWhenOthersMayWriteIt) {
  AddKey("one", TestKey());
  const std::pair<mode_t, const char*> rows[] = {
      {0770, "by its group (mode 0770)"},
      {0720, "by its group (mode 0720)"},
      {0702, "by everyone (mode 0702)"},
      {01777, "by everyone (mode 1777)"},
  };
  for (const auto& [mode, text] : rows) {
    ASSERT_EQ(chmod(store_.c_str(), mode), 0);
    ExpectRefused(text);
    ExpectRefused(absl::StrCat("chmod go-w '", store_, "'"));
  }
  ASSERT_EQ(chmod(store_.c_str(), 0755), 0);
  EXPECT_THAT(Keystore::Open(store_, Access::kRead), IsOk());
}

TEST_F(KeystoreFolderTest, IsRefusedWhenItBelongsToAnother) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  AddKey("one", TestKey());
  ASSERT_EQ(chown(store_.c_str(), 1000, 0), 0);
  ExpectRefused("belongs to user id 1000");
  ExpectRefused("not to the caller, user id 0");
}

TEST_F(KeystoreFolderTest, KeysFolderIsRefusedWhenOthersMayWriteIt) {
  AddKey("one", TestKey());
  ASSERT_EQ(chmod(InStore("keys").c_str(), 0777), 0);
  ExpectRefused(absl::StrCat("'", InStore("keys"), "' is open to changes by everyone"));
}

TEST_F(KeystoreFolderTest, KeysFolderIsRefusedWhenItBelongsToAnother) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  AddKey("one", TestKey());
  ASSERT_EQ(chown(InStore("keys").c_str(), 1000, 0), 0);
  ExpectRefused("belongs to user id 1000");
}

TEST_F(KeystoreFolderTest, KeysFolderIsRefusedWhenItIsALink) {
  AddKey("one", TestKey());
  ASSERT_EQ(rename(InStore("keys").c_str(), InStore("elsewhere").c_str()), 0);
  ASSERT_EQ(symlink("elsewhere", InStore("keys").c_str()), 0);
  ExpectRefused("is not a folder (links are not followed here)");
}

TEST_F(KeystoreFolderTest, StagingFolderIsRefusedToWritersWhenOthersMayWriteIt) {
  AddKey("one", TestKey());
  ASSERT_EQ(chmod(InStore("staging").c_str(), 0770), 0);
  EXPECT_THAT(Keystore::Open(store_, Access::kWrite),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("by its group")));
  EXPECT_THAT(Keystore::Open(store_, Access::kRead), IsOk());
}

TEST_F(KeystoreFolderTest, StagingFolderIsRefusedToWritersWhenItIsALink) {
  AddKey("one", TestKey());
  folder_.Write("other/file", "text");
  ASSERT_EQ(rmdir(InStore("staging").c_str()), 0);
  ASSERT_EQ(symlink(folder_.Path("other").c_str(), InStore("staging").c_str()), 0);
  EXPECT_THAT(Keystore::Open(store_, Access::kWrite),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("links are not followed")));
  EXPECT_TRUE(Exists(folder_.Path("other/file")));
}

TEST_F(KeystoreFolderTest, MissingStagingFolderIsMadeByAWriter) {
  AddKey("one", TestKey());
  ASSERT_EQ(rmdir(InStore("staging").c_str()), 0);
  EXPECT_THAT(Keystore::Open(store_, Access::kRead), IsOk());
  EXPECT_THAT(Keystore::Open(store_, Access::kWrite), IsOk());
  EXPECT_EQ(ModeOf(InStore("staging")), 0700U);
}

TEST_F(KeystoreFolderTest, WriterSweepsStaging) {
  AddKey("one", TestKey());
  folder_.Write("keystore/staging/two.1.0/private-key.pem", "half a k");
  folder_.Write("keystore/staging/master.key.1.1", "k");
  folder_.Write("outside/file", "text");
  ASSERT_EQ(symlink(folder_.Path("outside").c_str(), InStore("staging/link").c_str()), 0);
  EXPECT_THAT(Keystore::Open(store_, Access::kRead), IsOk());
  EXPECT_EQ(NamesIn(InStore("staging")).size(), 3U);
  EXPECT_THAT(Keystore::Open(store_, Access::kWrite), IsOk());
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
  EXPECT_TRUE(Exists(folder_.Path("outside/file")));
  EXPECT_THAT(KeyNames(), ElementsAre("one"));
}

TEST_F(KeystoreFolderTest, WhatCannotBeSweptIsNamed) {
  AddKey("one", TestKey());
  folder_.Write("keystore/staging/a/b/file", "text");
  EXPECT_THAT(Keystore::Open(store_, Access::kWrite),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr(InStore("staging/a"))));
}

// A process that may write no file of more than 100 bytes gets as far as certificate.der.
std::string AddWithSmallFiles(const std::string& store_path, void (*on_limit)(int)) {
  const rlimit limit = {100, 100};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return "setrlimit failed";
  std::signal(SIGXFSZ, on_limit);
  Keystore store = test::ValueOf(Keystore::Open(store_path, Access::kCreate));
  const crypto::PrivateKey& key = TestKey("ec:p256", 7);
  return store.Add({"two", TestCertificate(key, "two"), &key}, Agree).status().ToString();
}

TEST_F(KeystoreFolderTest, WriterKilledWhileItWritesLeavesNoKeyAndIsSweptAfter) {
  AddKey("one", TestKey());
  EXPECT_THAT(test::InChild([this] { return AddWithSmallFiles(store_, SIG_DFL); }),
              HasSubstr(absl::StrCat("wait status ", SIGXFSZ)));
  EXPECT_THAT(NamesIn(InStore("staging")), Not(IsEmpty()));
  EXPECT_THAT(KeyNames(), ElementsAre("one"));
  AddKey("two", TestKey("ec:p256", 1));
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
  EXPECT_THAT(KeyNames(), ElementsAre("one", "two"));
}

TEST_F(KeystoreFolderTest, FirstWriterKilledWhileItWritesLeavesAStoreThatWorks) {
  EXPECT_THAT(test::InChild([this] { return AddWithSmallFiles(store_, SIG_DFL); }),
              HasSubstr(absl::StrCat("wait status ", SIGXFSZ)));
  EXPECT_EQ(ContentOf(InStore("master.key")).size(), 32U);
  AddKey("one", TestKey());
  EXPECT_THAT(OpenStore(Access::kRead).OpenPrivateKey("one"), IsOk());
}

TEST_F(KeystoreFolderTest, FailedWriteLeavesNothing) {
  AddKey("one", TestKey());
  EXPECT_THAT(test::InChild([this] { return AddWithSmallFiles(store_, SIG_IGN); }),
              AllOf(HasSubstr("File too large"), HasSubstr("keys/two")));
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
  EXPECT_THAT(NamesIn(InStore("keys")), ElementsAre("one"));
}

TEST_F(KeystoreFolderTest, WriterKilledInItsMirrorStepHasStoredTheKey) {
  EXPECT_THAT(
      test::InChild([this] {
        const auto die = [](const StoredKey&) {
          std::raise(SIGKILL);
          return absl::OkStatus();
        };
        const crypto::PrivateKey& key = TestKey();
        Keystore store = OpenStore(Access::kCreate);
        return store.Add({"one", TestCertificate(key, "one"), &key}, die).status().ToString();
      }),
      HasSubstr(absl::StrCat("wait status ", SIGKILL)));
  EXPECT_THAT(OpenStore(Access::kRead).OpenPrivateKey("one"), IsOk());
}

TEST_F(KeystoreFolderTest, WriterKilledInItsUnlinkStepHasKeptTheKey) {
  AddKey("one", TestKey());
  EXPECT_THAT(test::InChild([this] {
                const auto die = [](const StoredKey&) {
                  std::raise(SIGKILL);
                  return absl::OkStatus();
                };
                return OpenStore(Access::kWrite).Remove("one", die).ToString();
              }),
              HasSubstr(absl::StrCat("wait status ", SIGKILL)));
  EXPECT_THAT(OpenStore(Access::kWrite).OpenPrivateKey("one"), IsOk());
}

}  // namespace
}  // namespace jet::keystore

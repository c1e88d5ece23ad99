#include "keystore/rekey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RekeyTest : public KeystoreTest {
 protected:
  void AddThree() {
    AddKey("a", TestKey("ec:p256", 0));
    AddCertificate("b", TestCertificate(TestKey("ec:p256", 1), "b"));
    AddKey("c", TestKey("rsa:2048"), KeyOrigin::kImported);
  }
  RekeyReport Rekey() const { return ValueOf(OpenStore(Access::kWrite).Rekey()); }
  std::string Record(const std::string& name) const {
    return ContentOf(InStore(absl::StrCat("keys/", name, "/record.json")));
  }
  void Swap(const std::string& a, const std::string& b) const {
    std::filesystem::rename(InStore(a), InStore("x"));
    std::filesystem::rename(InStore(b), InStore(a));
    std::filesystem::rename(InStore("x"), InStore(b));
  }
  void ExpectAllReadable() const {
    const Keystore store = OpenStore(Access::kRead);
    const KeyListing listing = ValueOf(store.List());
    EXPECT_THAT(listing.damaged, IsEmpty());
    EXPECT_EQ(listing.keys.size(), 3U);
    for (const StoredKey& key : listing.keys) {
      EXPECT_TRUE(key.record_authenticated) << key.name;
      if (!key.has_private_key) continue;
      EXPECT_THAT(store.OpenPrivateKey(key.name), IsOk()) << key.name;
    }
  }
  // A store whose rekey was killed after it moved "a".
  void LeaveHalfDone() {
    AddThree();
    std::filesystem::copy(InStore("master.key"), InStore("old"));
    std::filesystem::copy(InStore("keys/b"), InStore("b"));
    std::filesystem::copy(InStore("keys/c"), InStore("c"));
    ASSERT_THAT(Rekey().failed, IsEmpty());
    for (const char* name : {"b", "c"}) {
      ASSERT_EQ(chmod(InStore(name).c_str(), 0700), 0);
      Swap(name, absl::StrCat("keys/", name));
      std::filesystem::remove_all(InStore(name));
    }
    std::filesystem::rename(InStore("master.key"), InStore("master.key.next"));
    std::filesystem::rename(InStore("old"), InStore("master.key"));
  }
};

TEST_F(RekeyTest, MovesEveryKeyAndDropsTheOldStoreKey) {
  AddThree();
  const std::string old_master_key = ContentOf(InStore("master.key"));
  const std::string old_private_key = ContentOf(InStore("keys/a/private-key.pem"));
  const StoredKey before = ValueOf(OpenStore(Access::kRead).Find("c"));
  const RekeyReport report = Rekey();
  EXPECT_THAT(report.moved, ElementsAre("a", "b", "c"));
  EXPECT_THAT(report.failed, IsEmpty());
  EXPECT_FALSE(report.resumed);
  EXPECT_EQ(report.moved_before, 0U);
  EXPECT_NE(ContentOf(InStore("master.key")), old_master_key);
  EXPECT_NE(ContentOf(InStore("keys/a/private-key.pem")), old_private_key);
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_THAT(Record(name), HasSubstr(report.store_key_id)) << name;
  }
  EXPECT_FALSE(Exists(InStore("master.key.next")));
  EXPECT_FALSE(Exists(InStore("replaced")));
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
  ExpectAllReadable();
  const StoredKey after = ValueOf(OpenStore(Access::kRead).Find("c"));
  EXPECT_EQ(after.created, before.created);
  EXPECT_EQ(after.origin, KeyOrigin::kImported);
  EXPECT_EQ(after.certificate.der(), before.certificate.der());
}

TEST_F(RekeyTest, TheOldStoreKeyOpensNothingAnyMore) {
  AddThree();
  const std::string old_master_key = ContentOf(InStore("master.key"));
  ASSERT_THAT(Rekey().failed, IsEmpty());
  Rewrite("master.key", old_master_key);
  EXPECT_THAT(DamagedNames(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(OpenStore(Access::kRead).OpenPrivateKey("a"),
              StatusIs(StatusCode::kDataLoss, HasSubstr("was made under the store key")));
}

TEST_F(RekeyTest, HalfDoneEveryKeyIsReadableAndNewOnesCanBeAdded) {
  LeaveHalfDone();
  ExpectAllReadable();
  EXPECT_TRUE(ValueOf(OpenStore(Access::kRead).HasUnfinishedRekey()));
  ASSERT_THAT(OpenStore(Access::kWrite).Remove("b", Agree), IsOk());
  AddKey("d", TestKey("ec:p256", 2));
  EXPECT_THAT(OpenStore(Access::kWrite).Rename("c", "e"), IsOk());
  ExpectAllReadable();
}

TEST_F(RekeyTest, HalfDoneItIsResumedWithTheSameStoreKey) {
  LeaveHalfDone();
  const std::string next = ContentOf(InStore("master.key.next"));
  const RekeyReport report = Rekey();
  EXPECT_TRUE(report.resumed);
  EXPECT_THAT(report.moved, ElementsAre("b", "c"));
  EXPECT_EQ(report.moved_before, 1U);
  EXPECT_EQ(ContentOf(InStore("master.key")), next);
  EXPECT_FALSE(Exists(InStore("master.key.next")));
  EXPECT_FALSE(ValueOf(OpenStore(Access::kRead).HasUnfinishedRekey()));
  ExpectAllReadable();
}

TEST_F(RekeyTest, HalfDoneThePassphraseCannotBeChanged) {
  LeaveHalfDone();
  Keystore store = OpenStore(Access::kWrite);
  EXPECT_THAT(store.Protect(crypto::Secret::CopyOf(base::AsBytes("p"))),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("finish it first")));
  EXPECT_THAT(store.Unprotect(), StatusIs(StatusCode::kFailedPrecondition, testing::_));
}

TEST_F(RekeyTest, ADamagedKeyStopsNothingAndKeepsTheOldStoreKey) {
  AddThree();
  const std::string old_master_key = ContentOf(InStore("master.key"));
  const std::string certificate = ContentOf(InStore("keys/b/certificate.der"));
  Rewrite("keys/b/certificate.der", "damaged");
  const RekeyReport report = Rekey();
  EXPECT_THAT(report.moved, ElementsAre("a", "c"));
  ASSERT_EQ(report.failed.size(), 1U);
  EXPECT_EQ(report.failed[0].name, "b");
  EXPECT_THAT(report.failed[0].error, StatusIs(StatusCode::kDataLoss, HasSubstr("its SHA-256 is")));
  EXPECT_EQ(ContentOf(InStore("master.key")), old_master_key);
  EXPECT_TRUE(Exists(InStore("master.key.next")));
  // Restored, it can be read and moved.
  Rewrite("keys/b/certificate.der", certificate);
  ExpectAllReadable();
  const RekeyReport again = Rekey();
  EXPECT_TRUE(again.resumed);
  EXPECT_THAT(again.moved, ElementsAre("b"));
  EXPECT_EQ(again.moved_before, 2U);
  EXPECT_FALSE(Exists(InStore("master.key.next")));
  ExpectAllReadable();
}

TEST_F(RekeyTest, WhatIsNoKeyIsNamedAndDeletedItIsNoObstacle) {
  AddThree();
  folder_.Write("keystore/keys/stray", "text");
  const RekeyReport report = Rekey();
  ASSERT_EQ(report.failed.size(), 1U);
  EXPECT_EQ(report.failed[0].name, "stray");
  ASSERT_THAT(OpenStore(Access::kWrite).Remove("stray", Agree), IsOk());
  EXPECT_THAT(Rekey().failed, IsEmpty());
  EXPECT_FALSE(Exists(InStore("master.key.next")));
}

TEST_F(RekeyTest, AnUnusableNextStoreKeyIsSaidAndNothingIsChanged) {
  AddThree();
  folder_.Write("keystore/master.key.next", "short", 0600);
  const std::string record = Record("a");
  ExpectAllReadable();
  EXPECT_THAT(OpenStore(Access::kWrite).Rekey(),
              StatusIs(StatusCode::kDataLoss,
                       AllOf(HasSubstr("cannot go on with the rekey"), HasSubstr("master.key.next"),
                             HasSubstr("has 5 bytes"))));
  EXPECT_EQ(Record("a"), record);
}

TEST_F(RekeyTest, WithoutItsStoreKeyAKeySaysWhichIsMissing) {
  LeaveHalfDone();
  Rewrite("master.key.next", "short");
  EXPECT_THAT(DamagedNames(), ElementsAre("a"));
  EXPECT_THAT(OpenStore(Access::kRead).OpenPrivateKey("a"),
              StatusIs(StatusCode::kDataLoss, AllOf(HasSubstr("was made under the store key"),
                                                    HasSubstr("cannot be had"))));
  EXPECT_THAT(OpenStore(Access::kRead).OpenPrivateKey("c"), IsOk());
}

TEST_F(RekeyTest, AStoreOfNoKeysGetsANewStoreKey) {
  AddThree();
  Keystore store = OpenStore(Access::kWrite);
  for (const char* name : {"a", "b", "c"}) ASSERT_THAT(store.Remove(name, Agree), IsOk());
  const std::string old_master_key = ContentOf(InStore("master.key"));
  EXPECT_THAT(store.Rekey(), IsOk());
  EXPECT_NE(ContentOf(InStore("master.key")), old_master_key);
}

TEST_F(RekeyTest, TheNewStoreKeyIsUnderTheSamePassphrase) {
  AddThree();
  MasterKeyOptions options;
  options.passphrase = []() -> absl::StatusOr<crypto::Secret> {
    return crypto::Secret::CopyOf(base::AsBytes("p"));
  };
  Keystore store = ValueOf(Keystore::Open(store_, Access::kWrite, options));
  ASSERT_THAT(store.Protect(crypto::Secret::CopyOf(base::AsBytes("p"))), IsOk());
  ASSERT_OK_AND_ASSIGN(const RekeyReport report, store.Rekey());
  EXPECT_THAT(report.failed, IsEmpty());
  EXPECT_TRUE(ValueOf(store.IsProtected()));
  EXPECT_THAT(store.OpenPrivateKey("a"), IsOk());
}

// Where two names cannot be exchanged in one step (tests/cli/keystore-rekey.txt runs it).
TEST_F(RekeyTest, AReaderFindsAKeyThatIsBeingReplaced) {
  AddThree();
  folder_.MakeFolder("keystore/replaced");
  ASSERT_EQ(chmod(InStore("replaced").c_str(), 0700), 0);
  std::filesystem::rename(InStore("keys/a"), InStore("replaced/a"));
  ExpectAllReadable();
  EXPECT_TRUE(Exists(InStore("replaced/a")));
}

TEST_F(RekeyTest, AWriterPutsBackAKeyThatWasBeingReplaced) {
  AddThree();
  folder_.MakeFolder("keystore/replaced");
  ASSERT_EQ(chmod(InStore("replaced").c_str(), 0700), 0);
  std::filesystem::rename(InStore("keys/a"), InStore("replaced/a"));
  { const Keystore store = OpenStore(Access::kWrite); }
  EXPECT_FALSE(Exists(InStore("replaced")));
  EXPECT_TRUE(Exists(InStore("keys/a")));
  ExpectAllReadable();
}

TEST_F(RekeyTest, AWriterRemovesTheEarlierFormOfAReplacedKey) {
  AddThree();
  folder_.MakeFolder("keystore/replaced");
  ASSERT_EQ(chmod(InStore("replaced").c_str(), 0700), 0);
  std::filesystem::copy(InStore("keys/a"), InStore("replaced/a"));
  ASSERT_EQ(chmod(InStore("replaced/a").c_str(), 0700), 0);
  ExpectAllReadable();
  { const Keystore store = OpenStore(Access::kWrite); }
  EXPECT_FALSE(Exists(InStore("replaced")));
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
  ExpectAllReadable();
}

}  // namespace
}  // namespace jet::keystore

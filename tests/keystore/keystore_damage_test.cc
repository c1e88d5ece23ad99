// What the keystore says of files that were changed, swapped, lost or opened to others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
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

// A store with the keys "one" and "two" and the verify-only key "three".
class KeystoreDamageTest : public KeystoreTest {
 protected:
  KeystoreDamageTest() {
    AddKey("one", TestKey("ec:p256", 0));
    AddKey("two", TestKey("ec:p256", 1));
    AddCertificate("three", TestCertificate(TestKey("ec:p256", 2), "three"));
  }

  // Checks that "one" is damaged, with this code and text, and that the others are not.
  void ExpectOneDamaged(StatusCode code, const std::string& text) const {
    const Keystore store = OpenStore(Access::kRead);
    EXPECT_THAT(store.Find("one"), StatusIs(code, HasSubstr(text)));
    EXPECT_THAT(store.OpenPrivateKey("one"), StatusIs(code, HasSubstr(text)));
    EXPECT_THAT(DamagedNames(), ElementsAre("one"));
    EXPECT_THAT(KeyNames(), ElementsAre("three", "two"));
  }

  std::string Content(absl::string_view name) const { return ContentOf(InStore(name)); }
  void Edit(absl::string_view name, const std::string& from, const std::string& to) const {
    const std::string edited = absl::StrReplaceAll(Content(name), {{from, to}});
    ASSERT_NE(edited, Content(name));
    Rewrite(name, edited);
  }
  void Delete(absl::string_view name) const {
    ASSERT_EQ(std::filesystem::remove_all(InStore(name)), 1U);
  }
};

TEST_F(KeystoreDamageTest, EditedRecordIsFound) {
  Edit("keys/one/record.json", "generated", "imported");
  ExpectOneDamaged(StatusCode::kDataLoss, "its HMAC does not match");
}

TEST_F(KeystoreDamageTest, RecordThatNamesAnotherStoreKeyIsFound) {
  const std::string record = Content("keys/one/record.json");
  const size_t id = record.find("\"store_key_id\":\"") + 16;
  Edit("keys/one/record.json", record.substr(id, 16), "0123456789abcdef");
  ExpectOneDamaged(StatusCode::kDataLoss, "under the store key 0123456789abcdef");
}

TEST_F(KeystoreDamageTest, CutRecordIsFound) {
  const std::string record = Content("keys/one/record.json");
  Rewrite("keys/one/record.json", record.substr(0, record.size() - 1));
  ExpectOneDamaged(StatusCode::kDataLoss, "keys/one/record.json': the second line");
}

TEST_F(KeystoreDamageTest, EmptyRecordIsFound) {
  Rewrite("keys/one/record.json", "");
  ExpectOneDamaged(StatusCode::kDataLoss, "no whole first line");
}

TEST_F(KeystoreDamageTest, RecordOfAnotherKeyIsFound) {
  Rewrite("keys/one/record.json", Content("keys/two/record.json"));
  ExpectOneDamaged(StatusCode::kDataLoss, "is the record of another key, 'two'");
}

TEST_F(KeystoreDamageTest, RenamedKeyFolderIsFound) {
  ASSERT_EQ(rename(InStore("keys/one").c_str(), InStore("keys/uno").c_str()), 0);
  EXPECT_THAT(OpenStore(Access::kRead).Find("uno"),
              StatusIs(StatusCode::kDataLoss, HasSubstr("of another key, 'one'")));
}

TEST_F(KeystoreDamageTest, RecordThatIsTooLargeIsFound) {
  Rewrite("keys/one/record.json", std::string(100000, ' '));
  ExpectOneDamaged(StatusCode::kResourceExhausted, "larger than 16384 bytes");
}

TEST_F(KeystoreDamageTest, CertificatesSwappedBetweenTwoKeysAreFound) {
  const std::string one = Content("keys/one/certificate.der");
  Rewrite("keys/one/certificate.der", Content("keys/two/certificate.der"));
  Rewrite("keys/two/certificate.der", one);
  const Keystore store = OpenStore(Access::kRead);
  for (const char* name : {"one", "two"}) {
    EXPECT_THAT(store.Find(name),
                StatusIs(StatusCode::kDataLoss,
                         AllOf(HasSubstr(absl::StrCat("keys/", name, "/certificate.der")),
                               HasSubstr("its SHA-256 is"))));
  }
  EXPECT_THAT(KeyNames(), ElementsAre("three"));
}

TEST_F(KeystoreDamageTest, ReplacedPrivateKeyIsFound) {
  Rewrite("keys/one/private-key.pem", Content("keys/two/private-key.pem"));
  ExpectOneDamaged(StatusCode::kDataLoss, "private-key.pem' is not the file that its record names");
}

TEST_F(KeystoreDamageTest, PrivateKeyPutBesideAVerifyOnlyKeyIsFound) {
  folder_.Write("keystore/keys/three/private-key.pem", Content("keys/two/private-key.pem"), 0600);
  EXPECT_THAT(OpenStore(Access::kRead).Find("three"),
              StatusIs(StatusCode::kDataLoss, HasSubstr("which its record does not name")));
}

TEST_F(KeystoreDamageTest, EveryMissingFileIsFound) {
  for (const char* file : {"record.json", "private-key.pem", "certificate.der"}) {
    const std::string path = InStore(absl::StrCat("keys/one/", file));
    ASSERT_EQ(rename(path.c_str(), folder_.Path(file).c_str()), 0);
    ExpectOneDamaged(StatusCode::kDataLoss, absl::StrCat("keys/one/", file, "' is missing"));
    ASSERT_EQ(rename(folder_.Path(file).c_str(), path.c_str()), 0);
  }
}

TEST_F(KeystoreDamageTest, NoChangedByteIsOverlooked) {
  for (const char* file : {"record.json", "private-key.pem", "certificate.der"}) {
    const std::string name = absl::StrCat("keys/one/", file);
    const std::string whole = Content(name);
    for (size_t i = 0; i < whole.size(); ++i) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ 0x20);
      Rewrite(name, changed);
      EXPECT_FALSE(OpenStore(Access::kRead).Find("one").ok()) << name << " byte " << i;
    }
    Rewrite(name, whole);
  }
  EXPECT_THAT(OpenStore(Access::kRead).Find("one"), IsOk());
}

TEST_F(KeystoreDamageTest, FileThatOthersMayChangeIsRefused) {
  for (const char* file : {"record.json", "private-key.pem", "certificate.der"}) {
    const std::string path = InStore(absl::StrCat("keys/one/", file));
    const mode_t good = ModeOf(path);
    ASSERT_EQ(chmod(path.c_str(), 0622), 0);
    ExpectOneDamaged(StatusCode::kFailedPrecondition, absl::StrCat("chmod go-w '", path, "'"));
    ASSERT_EQ(chmod(path.c_str(), good), 0);
  }
}

TEST_F(KeystoreDamageTest, PrivateKeyThatOthersMayReadIsRefused) {
  ASSERT_EQ(chmod(InStore("keys/one/private-key.pem").c_str(), 0644), 0);
  ExpectOneDamaged(StatusCode::kFailedPrecondition, "open to use by everyone (mode 0644)");
}

TEST_F(KeystoreDamageTest, KeyFolderThatOthersMayChangeIsRefused) {
  ASSERT_EQ(chmod(InStore("keys/one").c_str(), 0777), 0);
  ExpectOneDamaged(StatusCode::kFailedPrecondition, "open to changes by everyone (mode 0777)");
}

TEST_F(KeystoreDamageTest, FileOfAnotherUserIsRefused) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  ASSERT_EQ(chown(InStore("keys/one/certificate.der").c_str(), 1000, 0), 0);
  ExpectOneDamaged(StatusCode::kFailedPrecondition, "belongs to user id 1000");
}

TEST_F(KeystoreDamageTest, LinkInPlaceOfAFileIsRefused) {
  Delete("keys/one/certificate.der");
  ASSERT_EQ(symlink("../two/certificate.der", InStore("keys/one/certificate.der").c_str()), 0);
  ExpectOneDamaged(StatusCode::kFailedPrecondition, "is not a regular file");
}

TEST_F(KeystoreDamageTest, LinkInPlaceOfAKeyFolderIsRefused) {
  ASSERT_EQ(rename(InStore("keys/one").c_str(), folder_.Path("one").c_str()), 0);
  ASSERT_EQ(symlink(folder_.Path("one").c_str(), InStore("keys/one").c_str()), 0);
  ExpectOneDamaged(StatusCode::kFailedPrecondition, "is not a folder");
}

TEST_F(KeystoreDamageTest, WhatIsNoKeyIsListedAsDamaged) {
  folder_.Write("keystore/keys/.hidden", "text");
  folder_.Write("keystore/keys/file", "text");
  EXPECT_THAT(DamagedNames(), ElementsAre(".hidden", "file"));
  EXPECT_THAT(KeyNames(), ElementsAre("one", "three", "two"));
}

TEST_F(KeystoreDamageTest, DamagedKeyDoesNotStopAnotherFromBeingAdded) {
  Rewrite("keys/one/record.json", "");
  AddKey("four", TestKey("ec:p256", 3));
  EXPECT_THAT(KeyNames(), ElementsAre("four", "three", "two"));
}

TEST_F(KeystoreDamageTest, DamagedKeyIsRemovedWithoutItsUnlinkStep) {
  Rewrite("keys/one/record.json", "");
  EXPECT_THAT(OpenStore(Access::kWrite).Remove("one", Refuse), IsOk());
  EXPECT_FALSE(Exists(InStore("keys/one")));
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
}

TEST_F(KeystoreDamageTest, FileInPlaceOfAKeyFolderIsRemoved) {
  folder_.Write("keystore/keys/file", "text");
  EXPECT_THAT(OpenStore(Access::kWrite).Remove("file", Refuse), IsOk());
  EXPECT_THAT(DamagedNames(), IsEmpty());
}

TEST_F(KeystoreDamageTest, KeyWithAFolderInItIsNotRemoved) {
  folder_.Write("keystore/keys/one/notes/file", "text");
  Keystore store = OpenStore(Access::kWrite);
  EXPECT_THAT(store.Remove("one", Refuse),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("holds the folder 'notes'")));
  EXPECT_THAT(store.OpenPrivateKey("one"), IsOk());
}

// What a store without a usable master.key can do: all but open, add and vouch.
class KeystoreWithoutStoreKeyTest : public KeystoreDamageTest {
 protected:
  void ExpectOnlyCertificates(StatusCode code, const std::string& text) const {
    Keystore store = OpenStore(Access::kWrite);
    EXPECT_THAT(store.OpenPrivateKey("one"),
                StatusIs(code, AllOf(HasSubstr("cannot open the private key of 'one'"),
                                     HasSubstr("master.key"), HasSubstr(text))));
    EXPECT_THAT(store.Add({"four", TestCertificate(TestKey("ec:p256", 3), "x")}, Agree),
                StatusIs(code, HasSubstr(text)));
    ASSERT_OK_AND_ASSIGN(const KeyListing listing, store.List());
    EXPECT_THAT(listing.damaged, IsEmpty());
    ASSERT_EQ(listing.keys.size(), 3U);
    for (const StoredKey& key : listing.keys) EXPECT_FALSE(key.record_authenticated) << key.name;
  }
};

TEST_F(KeystoreWithoutStoreKeyTest, MissingMasterKey) {
  Delete("master.key");
  ExpectOnlyCertificates(StatusCode::kFailedPrecondition, "restore it from a backup");
  EXPECT_FALSE(Exists(InStore("master.key")));
}

TEST_F(KeystoreWithoutStoreKeyTest, MasterKeyThatOthersMayRead) {
  ASSERT_EQ(chmod(InStore("master.key").c_str(), 0644), 0);
  ExpectOnlyCertificates(StatusCode::kFailedPrecondition, "chmod go= '");
}

TEST_F(KeystoreWithoutStoreKeyTest, MasterKeyOfTheWrongSize) {
  Rewrite("master.key", "short");
  ExpectOnlyCertificates(StatusCode::kDataLoss, "has 5 bytes");
}

TEST_F(KeystoreWithoutStoreKeyTest, DamagedMasterKeyUnderAPassphrase) {
  Rewrite("master.key", "-----BEGIN JET STORE KEY-----\n");
  ExpectOnlyCertificates(StatusCode::kDataLoss, "is damaged");
}

TEST_F(KeystoreWithoutStoreKeyTest, EditedRecordPassesUnauthenticated) {
  Delete("master.key");
  Edit("keys/one/record.json", "generated", "imported");
  ASSERT_OK_AND_ASSIGN(const StoredKey found, OpenStore(Access::kRead).Find("one"));
  EXPECT_FALSE(found.record_authenticated);
}

TEST_F(KeystoreWithoutStoreKeyTest, SwappedCertificateIsStillFound) {
  Delete("master.key");
  Rewrite("keys/one/certificate.der", Content("keys/two/certificate.der"));
  ExpectOneDamaged(StatusCode::kDataLoss, "its SHA-256 is");
}

TEST_F(KeystoreWithoutStoreKeyTest, MasterKeyOfAnotherStore) {
  Rewrite("master.key", std::string(32, 'k'));
  EXPECT_THAT(DamagedNames(), ElementsAre("one", "three", "two"));
  EXPECT_THAT(OpenStore(Access::kRead).OpenPrivateKey("one"),
              StatusIs(StatusCode::kDataLoss, HasSubstr("was made under the store key")));
}

TEST_F(KeystoreWithoutStoreKeyTest, NewMasterKeyIsMadeWhenAllKeysAreGone) {
  Delete("master.key");
  Keystore store = OpenStore(Access::kWrite);
  for (const char* name : {"one", "two", "three"}) ASSERT_THAT(store.Remove(name, Agree), IsOk());
  const crypto::PrivateKey& key = TestKey("ec:p256", 3);
  ASSERT_THAT(store.Add({"four", TestCertificate(key, "four"), &key}, Agree), IsOk());
  EXPECT_THAT(store.OpenPrivateKey("four"), IsOk());
}

}  // namespace
}  // namespace jet::keystore

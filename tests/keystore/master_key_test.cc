// The store key of a keystore: under a passphrase, elsewhere, changed.
#include "keystore/master_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

crypto::Secret SecretOf(absl::string_view text) {
  return crypto::Secret::CopyOf(base::AsBytes(text));
}

class MasterKeyTest : public KeystoreTest {
 protected:
  // Options with a passphrase that nobody has to be asked for, or that somebody is asked for.
  MasterKeyOptions Given(const std::string& passphrase) {
    MasterKeyOptions options = Asked(passphrase);
    options.passphrase_given = true;
    return options;
  }
  MasterKeyOptions Asked(const std::string& passphrase) {
    MasterKeyOptions options;
    options.file = file_;
    options.passphrase = [this, passphrase]() -> absl::StatusOr<crypto::Secret> {
      ++asked_;
      return SecretOf(passphrase);
    };
    return options;
  }
  Keystore Open(Access access, const MasterKeyOptions& options) const {
    return ValueOf(Keystore::Open(store_, access, options));
  }
  void Protect(const std::string& passphrase) {
    Keystore store = Open(Access::kWrite, Given("p"));
    ASSERT_THAT(store.Protect(SecretOf(passphrase)), IsOk());
  }
  bool Authenticated(const MasterKeyOptions& options) {
    return ValueOf(Open(Access::kRead, options).Find("one")).record_authenticated;
  }

  std::string file_;  // of the store key; empty: in the keystore
  int asked_ = 0;
};

TEST_F(MasterKeyTest, ProtectAndUnprotectKeepTheStoreKey) {
  AddKey("one", TestKey());
  const std::string before = ContentOf(InStore("master.key"));
  Protect("p");
  EXPECT_THAT(ContentOf(InStore("master.key")), testing::StartsWith("-----BEGIN JET WRAPPED"));
  EXPECT_EQ(ModeOf(InStore("master.key")), 0600U);
  EXPECT_THAT(Open(Access::kRead, Given("p")).OpenPrivateKey("one"), IsOk());
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
  Keystore store = Open(Access::kWrite, Given("p"));
  ASSERT_THAT(store.Unprotect(), IsOk());
  EXPECT_EQ(ContentOf(InStore("master.key")), before);
}

TEST_F(MasterKeyTest, ANewPassphraseTakesThePlaceOfTheOld) {
  AddKey("one", TestKey());
  Protect("p");
  {
    Keystore store = Open(Access::kWrite, Given("p"));
    ASSERT_THAT(store.Protect(SecretOf("q")), IsOk());
    // The same object goes on with the new one.
    EXPECT_THAT(store.OpenPrivateKey("one"), IsOk());
  }
  EXPECT_THAT(Open(Access::kRead, Given("q")).OpenPrivateKey("one"), IsOk());
  EXPECT_THAT(Open(Access::kRead, Given("p")).OpenPrivateKey("one"),
              StatusIs(StatusCode::kPermissionDenied, HasSubstr("wrong passphrase")));
}

TEST_F(MasterKeyTest, NobodyIsAskedForAPassphraseThatIsNotNeeded) {
  AddKey("one", TestKey());
  EXPECT_TRUE(Authenticated(Asked("p")));
  EXPECT_THAT(Open(Access::kRead, Asked("p")).OpenPrivateKey("one"), IsOk());
  EXPECT_EQ(asked_, 0);
  Protect("p");
  asked_ = 0;
  const Keystore store = Open(Access::kRead, Asked("p"));
  EXPECT_FALSE(ValueOf(store.Find("one")).record_authenticated);
  EXPECT_EQ(ValueOf(store.List()).keys.size(), 1U);
  EXPECT_THAT(store.CheckStoreKeyAtHand(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("a passphrase protects")));
  EXPECT_EQ(asked_, 0);
  EXPECT_THAT(store.OpenPrivateKey("one"), IsOk());
  EXPECT_EQ(asked_, 1);
  EXPECT_THAT(store.CheckStoreKeyAtHand(), IsOk());
  EXPECT_TRUE(ValueOf(store.Find("one")).record_authenticated);
  EXPECT_EQ(asked_, 1);
}

TEST_F(MasterKeyTest, AGivenPassphraseChecksWhatIsRead) {
  AddKey("one", TestKey());
  Protect("p");
  EXPECT_TRUE(Authenticated(Given("p")));
}

TEST_F(MasterKeyTest, AWrongPassphraseIsNoDamageOfTheKeys) {
  AddKey("one", TestKey());
  Protect("p");
  const auto wrong = AllOf(HasSubstr(InStore("master.key")), HasSubstr("wrong passphrase"));
  const Keystore store = Open(Access::kRead, Given("wrong"));
  EXPECT_THAT(store.List(), StatusIs(StatusCode::kPermissionDenied, wrong));
  EXPECT_THAT(store.Find("one"), StatusIs(StatusCode::kPermissionDenied, wrong));
  EXPECT_THAT(store.Unlock(), StatusIs(StatusCode::kPermissionDenied, wrong));
  EXPECT_EQ(asked_, 1);
}

TEST_F(MasterKeyTest, WhatTheSourceOfThePassphraseSaysIsSaid) {
  AddKey("one", TestKey());
  Protect("p");
  MasterKeyOptions options;
  options.passphrase = [] { return absl::UnavailableError("nobody is there"); };
  EXPECT_THAT(Open(Access::kRead, options).OpenPrivateKey("one"),
              StatusIs(StatusCode::kUnavailable, HasSubstr("nobody is there")));
  EXPECT_THAT(Open(Access::kRead, {}).OpenPrivateKey("one"),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("none was given")));
}

TEST_F(MasterKeyTest, AddUnlocksAndRefusesWithAWrongPassphrase) {
  AddKey("one", TestKey());
  Protect("p");
  const pki::Certificate certificate = TestCertificate(TestKey("ec:p256", 1), "two");
  EXPECT_THAT(Open(Access::kCreate, Asked("wrong")).Add({"two", certificate}, Agree),
              StatusIs(StatusCode::kPermissionDenied, testing::_));
  EXPECT_THAT(Open(Access::kCreate, Asked("p")).Add({"two", certificate}, Agree), IsOk());
}

// Whoever reads a store must not take damage for a wrong passphrase, nor the reverse.
TEST_F(MasterKeyTest, ADamagedProtectedFileIsSaidWithoutAskingForAPassphrase) {
  AddKey("one", TestKey());
  Protect("p");
  const std::string whole = ContentOf(InStore("master.key"));
  asked_ = 0;
  // 32 bytes of it are as long as a store key, and are none.
  for (const size_t size : {size_t{12}, size_t{31}, size_t{32}, size_t{33}, whole.size() - 1}) {
    Rewrite("master.key", whole.substr(0, size));
    EXPECT_THAT(Open(Access::kRead, Asked("p")).OpenPrivateKey("one"),
                StatusIs(StatusCode::kDataLoss, HasSubstr("master.key")))
        << size;
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    Rewrite("master.key", changed);
    EXPECT_THAT(Open(Access::kRead, Asked("p")).OpenPrivateKey("one"),
                StatusIs(StatusCode::kDataLoss, testing::_))
        << i;
  }
  EXPECT_EQ(asked_, 0);
}

TEST_F(MasterKeyTest, RefusesEveryOtherSize) {
  AddKey("one", TestKey());
  for (const size_t size : {0, 1, 31, 33, 64}) {
    Rewrite("master.key", std::string(size, 'k'));
    EXPECT_THAT(Open(Access::kRead, {}).Unlock(),
                StatusIs(StatusCode::kDataLoss, HasSubstr("a store key has 32")));
  }
}

TEST_F(MasterKeyTest, ChangesNeedAWriter) {
  AddKey("one", TestKey());
  Keystore store = Open(Access::kRead, {});
  EXPECT_THAT(store.Protect(SecretOf("p")), StatusIs(StatusCode::kFailedPrecondition, testing::_));
  EXPECT_THAT(store.Unprotect(), StatusIs(StatusCode::kFailedPrecondition, testing::_));
  EXPECT_THAT(store.Rekey(), StatusIs(StatusCode::kFailedPrecondition, testing::_));
}

TEST_F(MasterKeyTest, OnlyAWholeProtectedStoreKeyNeedsAPassphrase) {
  AddKey("one", TestKey());
  EXPECT_FALSE(ValueOf(Open(Access::kRead, Asked("p")).NeedsPassphrase()));
  Protect("p");
  EXPECT_TRUE(ValueOf(Open(Access::kRead, Asked("p")).NeedsPassphrase()));
  const std::string whole = ContentOf(InStore("master.key"));
  for (const std::string& damaged : {whole.substr(0, 32), whole + "\n", std::string("short")}) {
    Rewrite("master.key", damaged);
    EXPECT_THAT(Open(Access::kRead, Asked("p")).NeedsPassphrase(),
                StatusIs(StatusCode::kDataLoss, testing::_))
        << damaged;
  }
  Rewrite("master.key", whole);
  ASSERT_EQ(unlink(InStore("master.key").c_str()), 0);
  EXPECT_THAT(Open(Access::kRead, Asked("p")).NeedsPassphrase(),
              StatusIs(StatusCode::kNotFound, testing::_));
  EXPECT_EQ(asked_, 0);
}

TEST_F(MasterKeyTest, WithoutAStoreKeyThereIsNothingToProtect) {
  Keystore store = Open(Access::kCreate, {});
  EXPECT_THAT(store.Protect(SecretOf("p")), StatusIs(StatusCode::kNotFound, testing::_));
  EXPECT_THAT(store.IsProtected(), StatusIs(StatusCode::kNotFound, testing::_));
  EXPECT_THAT(store.Rekey(), StatusIs(StatusCode::kNotFound, testing::_));
}

class MasterKeyElsewhereTest : public MasterKeyTest {
 protected:
  MasterKeyElsewhereTest() {
    folder_.MakeFolder("token");
    file_ = folder_.Path("token/its.key");
  }
  absl::Status Add(const std::string& name, int number = 0) {
    const crypto::PrivateKey& key = TestKey("ec:p256", number);
    return Open(Access::kCreate, Asked("p"))
        .Add({name, TestCertificate(key, name), &key}, Agree)
        .status();
  }
};

TEST_F(MasterKeyElsewhereTest, IsMadeThereWithTheFirstKey) {
  ASSERT_THAT(Add("one"), IsOk());
  EXPECT_FALSE(Exists(InStore("master.key")));
  EXPECT_EQ(ContentOf(file_).size(), 32U);
  EXPECT_EQ(ModeOf(file_), 0600U);
  const Keystore store = Open(Access::kRead, Asked("p"));
  EXPECT_THAT(store.OpenPrivateKey("one"), IsOk());
  EXPECT_EQ(store.store_key_path(), file_);
  EXPECT_FALSE(store.HasUnusedMasterKey());
}

TEST_F(MasterKeyElsewhereTest, WithoutItsFileKeysAreListedAndNotChecked) {
  ASSERT_THAT(Add("one"), IsOk());
  ASSERT_EQ(unlink(file_.c_str()), 0);
  EXPECT_FALSE(Authenticated(Asked("p")));
  EXPECT_THAT(Add("two", 1), StatusIs(StatusCode::kFailedPrecondition, HasSubstr(file_)));
  ASSERT_EQ(rmdir(folder_.Path("token").c_str()), 0);
  EXPECT_FALSE(Authenticated(Asked("p")));
  EXPECT_THAT(Add("two", 1), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("token")));
}

TEST_F(MasterKeyElsewhereTest, AMasterKeyInTheKeystoreIsNeitherReadNorChanged) {
  ASSERT_THAT(Add("one"), IsOk());
  folder_.Write("keystore/master.key", "not a key", 0644);
  Keystore store = Open(Access::kWrite, Given("p"));
  EXPECT_THAT(store.OpenPrivateKey("one"), IsOk());
  EXPECT_TRUE(store.HasUnusedMasterKey());
  EXPECT_THAT(store.Protect(SecretOf("p")), IsOk());
  EXPECT_THAT(store.Rekey(), IsOk());
  EXPECT_THAT(store.OpenPrivateKey("one"), IsOk());
  EXPECT_EQ(ContentOf(InStore("master.key")), "not a key");
  EXPECT_THAT(ContentOf(file_), testing::StartsWith("-----BEGIN JET WRAPPED"));
  EXPECT_THAT(NamesIn(folder_.Path("token")), testing::ElementsAre("its.key"));
}

TEST_F(MasterKeyElsewhereTest, TheFileCanBeMovedOutOfTheKeystore) {
  AddKey("one", TestKey());
  ASSERT_EQ(rename(InStore("master.key").c_str(), file_.c_str()), 0);
  EXPECT_THAT(Open(Access::kRead, Asked("p")).OpenPrivateKey("one"), IsOk());
}

}  // namespace
}  // namespace jet::keystore

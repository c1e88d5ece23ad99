#include "keystore/keystore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "crypto/digest.h"
#include "crypto/signer.h"
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
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

// OK when what `key` signs verifies with `certificate`.
absl::Status TrySigning(crypto::PrivateKey key, const pki::Certificate& certificate) {
  const auto signer = ValueOf(crypto::MakeSigner(std::move(key)));
  const crypto::Digest digest =
      ValueOf(crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, base::AsBytes("a file")));
  return certificate.public_key().Verify(digest, ValueOf(signer->SignDigest(digest)));
}

// Makes a certificate with a key of its own and this subject key identifier; "none" for without.
pki::Certificate CertificateWithIdentifier(const test::ScratchFolder& folder,
                                           const std::string& identifier) {
  const std::string configuration = folder.Write(
      "twin.cnf", absl::StrCat("[req]\ndistinguished_name=dn\n[dn]\n[v3]\nsubjectKeyIdentifier=",
                               identifier, "\n"));
  const std::string path = folder.Path("twin.pem");
  const std::string command = absl::StrCat(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "
      "/CN=twin",
      " -extensions v3 -config ", configuration, " -keyout /dev/null -out ", path, " 2>/dev/null");
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
  return ValueOf(pki::Certificate::ReadFile(path));
}

using KeystoreApiTest = KeystoreTest;

TEST_F(KeystoreApiTest, KeyOfEveryTypeComesBackAndSigns) {
  for (const std::string type : {"rsa:2048", "rsa:3072", "rsa:4096", "ec:p256", "ec:p384"}) {
    std::string name = type;
    name[type.find(':')] = '-';
    AddKey(name, TestKey(type));
    const Keystore store = OpenStore(Access::kRead);
    ASSERT_OK_AND_ASSIGN(const StoredKey found, store.Find(name));
    ASSERT_OK_AND_ASSIGN(crypto::PrivateKey key, store.OpenPrivateKey(name));
    EXPECT_EQ(found.certificate.public_key().type().name, type);
    EXPECT_THAT(TrySigning(std::move(key), found.certificate), IsOk()) << type;
  }
}

TEST_F(KeystoreApiTest, FindTellsAllOfAKey) {
  const pki::Certificate certificate = TestCertificate(TestKey(), "one");
  const absl::Time before = absl::Now() - absl::Seconds(1);
  Keystore store = OpenStore(Access::kCreate);
  ASSERT_THAT(store.Add({"one", certificate, &TestKey(), KeyOrigin::kGenerated}, Agree), IsOk());
  ASSERT_OK_AND_ASSIGN(const StoredKey found, store.Find("one"));
  EXPECT_EQ(found.name, "one");
  EXPECT_EQ(found.certificate.der(), certificate.der());
  EXPECT_EQ(found.certificate_path, InStore("keys/one/certificate.der"));
  EXPECT_EQ(ContentOf(found.certificate_path), base::AsText(certificate.der()));
  EXPECT_TRUE(found.has_private_key);
  EXPECT_EQ(found.origin, KeyOrigin::kGenerated);
  EXPECT_GE(found.created, before);
  EXPECT_LE(found.created, absl::Now());
  EXPECT_TRUE(found.record_authenticated);
}

TEST_F(KeystoreApiTest, AddReturnsAndMirrorsWhatFindTells) {
  Keystore store = OpenStore(Access::kCreate);
  std::string mirrored_path;
  const auto mirror = [&mirrored_path](const StoredKey& key) {
    mirrored_path = key.certificate_path;
    return Exists(key.certificate_path) ? absl::OkStatus() : absl::InternalError("not yet there");
  };
  ASSERT_OK_AND_ASSIGN(const StoredKey added,
                       store.Add({"one", TestCertificate(TestKey(), "one"), &TestKey()}, mirror));
  ASSERT_OK_AND_ASSIGN(const StoredKey found, store.Find("one"));
  EXPECT_EQ(mirrored_path, found.certificate_path);
  EXPECT_EQ(added.certificate_path, found.certificate_path);
  EXPECT_EQ(added.has_private_key, found.has_private_key);
  EXPECT_EQ(added.origin, found.origin);
  EXPECT_EQ(added.created, found.created);
  EXPECT_TRUE(added.record_authenticated);
}

TEST_F(KeystoreApiTest, KeyWithoutItsPrivateHalfOnlyVerifies) {
  AddCertificate("verify-only", TestCertificate(TestKey(), "verify-only"));
  const Keystore store = OpenStore(Access::kRead);
  ASSERT_OK_AND_ASSIGN(const StoredKey found, store.Find("verify-only"));
  EXPECT_FALSE(found.has_private_key);
  EXPECT_THAT(NamesIn(InStore("keys/verify-only")),
              UnorderedElementsAre("certificate.der", "record.json"));
  EXPECT_THAT(store.OpenPrivateKey("verify-only"),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("it can verify, not sign")));
}

TEST_F(KeystoreApiTest, ListIsSortedByName) {
  int number = 0;
  for (const char* name : {"b", "a", "C", "1"}) AddKey(name, TestKey("ec:p256", number++));
  EXPECT_THAT(KeyNames(), ElementsAre("1", "C", "a", "b"));
  EXPECT_THAT(DamagedNames(), IsEmpty());
}

TEST_F(KeystoreApiTest, NewStoreIsEmpty) {
  (void)OpenStore(Access::kCreate);
  EXPECT_THAT(KeyNames(), IsEmpty());
  EXPECT_FALSE(Exists(InStore("master.key")));
}

TEST_F(KeystoreApiTest, TakenNameIsRefusedAndTheOldKeyStays) {
  AddKey("one", TestKey());
  const std::string before = ContentOf(InStore("keys/one/certificate.der"));
  Keystore store = OpenStore(Access::kWrite);
  EXPECT_THAT(store.Add({"one", TestCertificate(TestKey("ec:p256", 1), "x")}, Agree),
              StatusIs(StatusCode::kAlreadyExists, HasSubstr("already has a key 'one'")));
  EXPECT_EQ(ContentOf(InStore("keys/one/certificate.der")), before);
}

TEST_F(KeystoreApiTest, NameOfADamagedKeyIsTakenToo) {
  (void)OpenStore(Access::kCreate);
  folder_.MakeFolder("keystore/keys/one");
  EXPECT_THAT(OpenStore(Access::kWrite).Add({"one", TestCertificate(TestKey(), "x")}, Agree),
              StatusIs(StatusCode::kAlreadyExists, HasSubstr("'one'")));
}

TEST_F(KeystoreApiTest, GoodNamesAreTaken) {
  for (const std::string& name :
       {std::string("a"), std::string("0"), std::string("ima-test-key"), std::string("A.b_c-D.9"),
        std::string(64, 'x'), std::string("a..b")}) {
    EXPECT_THAT(CheckKeyName(name), IsOk()) << name;
  }
}

TEST_F(KeystoreApiTest, ImpossibleNamesAreRefusedEverywhere) {
  AddKey("one", TestKey());
  Keystore store = OpenStore(Access::kWrite);
  const pki::Certificate certificate = TestCertificate(TestKey("ec:p256", 1), "x");
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("/a"),
        std::string("../one"), std::string("-one"), std::string(".one"), std::string("_one"),
        std::string(65, 'x'), std::string("one\n"), std::string("o\0ne", 4), std::string("o ne"),
        std::string("\xc3\xa9t\xc3\xa9"), std::string("one*")}) {
    const auto refused =
        StatusIs(StatusCode::kInvalidArgument, HasSubstr("cannot be the name of a key"));
    EXPECT_THAT(CheckKeyName(name), refused) << name;
    EXPECT_THAT(store.Add({name, certificate}, Agree), refused) << name;
    EXPECT_THAT(store.Find(name), refused) << name;
    EXPECT_THAT(store.OpenPrivateKey(name), refused) << name;
    EXPECT_THAT(store.Remove(name, Agree), refused) << name;
  }
  EXPECT_THAT(NamesIn(InStore("keys")), ElementsAre("one"));
}

TEST_F(KeystoreApiTest, UnknownNameIsAnsweredWithTheKnownOnes) {
  AddKey("one", TestKey());
  AddKey("two", TestKey("ec:p256", 1));
  const Keystore store = OpenStore(Access::kRead);
  const auto refused = StatusIs(StatusCode::kNotFound,
                                AllOf(HasSubstr("no key 'three'"), EndsWith("it has one, two")));
  EXPECT_THAT(store.Find("three"), refused);
  EXPECT_THAT(store.OpenPrivateKey("three"), refused);
  EXPECT_THAT(OpenStore(Access::kRead).Find("three"), refused);
}

TEST_F(KeystoreApiTest, NoMoreThanTenKnownNamesAreListed) {
  (void)OpenStore(Access::kCreate);
  for (int i = 10; i < 23; ++i) folder_.MakeFolder(absl::StrCat("keystore/keys/key", i));
  EXPECT_THAT(OpenStore(Access::kRead).Find("x"),
              StatusIs(StatusCode::kNotFound, EndsWith("key18, key19 and 3 more")));
}

TEST_F(KeystoreApiTest, UnknownNameInAnEmptyStore) {
  (void)OpenStore(Access::kCreate);
  EXPECT_THAT(OpenStore(Access::kRead).Find("x"),
              StatusIs(StatusCode::kNotFound, EndsWith("it has none")));
}

TEST_F(KeystoreApiTest, KeyWhoseIdCouldMeanAnotherIsRefused) {
  AddCertificate("first", CertificateWithIdentifier(folder_, "01020304deadbeef"));
  const pki::Certificate twin = CertificateWithIdentifier(folder_, "99deadbeef");
  EXPECT_THAT(
      OpenStore(Access::kWrite).Add({"second", twin}, Agree),
      StatusIs(StatusCode::kAlreadyExists, AllOf(HasSubstr("'second' could also mean 'first'"))));
  EXPECT_THAT(KeyNames(), ElementsAre("first"));
}

TEST_F(KeystoreApiTest, SamePublicKeyMayHaveTwoNames) {
  AddKey("first", TestKey());
  AddKey("second", TestKey());
  EXPECT_THAT(KeyNames(), ElementsAre("first", "second"));
}

TEST_F(KeystoreApiTest, CertificateWithoutAUsableKeyIdIsRefused) {
  Keystore store = OpenStore(Access::kCreate);
  EXPECT_THAT(store.Add({"none", CertificateWithIdentifier(folder_, "none")}, Agree),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("no subject key identifier")));
  EXPECT_THAT(store.Add({"short", CertificateWithIdentifier(folder_, "010203")}, Agree),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("3 bytes")));
}

TEST_F(KeystoreApiTest, PrivateKeyOfAnotherCertificateIsRefused) {
  const pki::Certificate certificate = TestCertificate(TestKey("ec:p256", 1), "x");
  EXPECT_THAT(OpenStore(Access::kCreate).Add({"one", certificate, &TestKey()}, Agree),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("does not belong")));
  EXPECT_THAT(KeyNames(), IsEmpty());
}

TEST_F(KeystoreApiTest, ReaderMayNotChangeTheStore) {
  AddKey("one", TestKey());
  Keystore store = OpenStore(Access::kRead);
  const auto refused = StatusIs(StatusCode::kFailedPrecondition, HasSubstr("for reading only"));
  EXPECT_THAT(store.Add({"two", TestCertificate(TestKey("ec:p256", 1), "x")}, Agree), refused);
  EXPECT_THAT(store.Remove("one", Agree), refused);
}

TEST_F(KeystoreApiTest, KeyThatCannotBeMirroredIsNotStored) {
  AddKey("one", TestKey());
  Keystore store = OpenStore(Access::kWrite);
  const crypto::PrivateKey& key = TestKey("ec:p256", 1);
  EXPECT_THAT(store.Add({"two", TestCertificate(key, "x"), &key}, Refuse),
              StatusIs(StatusCode::kUnavailable, testing::StrEq("the ring is full")));
  EXPECT_THAT(NamesIn(InStore("keys")), ElementsAre("one"));
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
  EXPECT_THAT(store.Add({"two", TestCertificate(key, "x"), &key}, Agree), IsOk());
}

TEST_F(KeystoreApiTest, RemovedKeyIsUnlinkedFirstAndThenGone) {
  AddKey("one", TestKey());
  AddKey("two", TestKey("ec:p256", 1));
  Keystore store = OpenStore(Access::kWrite);
  std::string unlinked;
  const auto unlink = [&unlinked](const StoredKey& key) {
    unlinked = key.name;
    return Exists(key.certificate_path) ? absl::OkStatus() : absl::InternalError("gone too early");
  };
  ASSERT_THAT(store.Remove("one", unlink), IsOk());
  EXPECT_EQ(unlinked, "one");
  EXPECT_THAT(NamesIn(InStore("keys")), ElementsAre("two"));
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
  EXPECT_THAT(store.Find("one"), StatusIs(StatusCode::kNotFound, HasSubstr("no key 'one'")));
}

TEST_F(KeystoreApiTest, NameOfARemovedKeyMayBeUsedAgain) {
  AddKey("one", TestKey());
  Keystore store = OpenStore(Access::kWrite);
  ASSERT_THAT(store.Remove("one", Agree), IsOk());
  const crypto::PrivateKey& key = TestKey("ec:p256", 1);
  ASSERT_THAT(store.Add({"one", TestCertificate(key, "x"), &key}, Agree), IsOk());
  ASSERT_OK_AND_ASSIGN(const StoredKey found, store.Find("one"));
  EXPECT_TRUE(found.certificate.public_key() == key.public_key());
}

TEST_F(KeystoreApiTest, KeyThatCannotBeUnlinkedStays) {
  AddKey("one", TestKey());
  Keystore store = OpenStore(Access::kWrite);
  EXPECT_THAT(store.Remove("one", Refuse),
              StatusIs(StatusCode::kUnavailable, testing::StrEq("the ring is full")));
  EXPECT_THAT(store.OpenPrivateKey("one"), IsOk());
}

TEST_F(KeystoreApiTest, UnknownKeyCannotBeRemoved) {
  AddKey("one", TestKey());
  EXPECT_THAT(OpenStore(Access::kWrite).Remove("two", Agree),
              StatusIs(StatusCode::kNotFound, EndsWith("it has one")));
}

TEST_F(KeystoreApiTest, ModesAreTheSameWhateverTheUmask) {
  for (const mode_t mask : {0000U, 0022U, 0077U, 0777U}) {
    const mode_t old = umask(mask);
    store_ = folder_.Path(absl::StrCat("keystore-", mask));
    AddKey("one", TestKey());
    umask(old);
    for (const char* folder : {"", "keys", "staging", "keys/one"}) {
      EXPECT_EQ(ModeOf(InStore(folder)), 0700U) << folder << " with umask " << mask;
    }
    EXPECT_EQ(ModeOf(InStore("master.key")), 0600U) << mask;
    EXPECT_EQ(ModeOf(InStore("keys/one/private-key.pem")), 0600U) << mask;
    EXPECT_EQ(ModeOf(InStore("keys/one/certificate.der")), 0644U) << mask;
    EXPECT_EQ(ModeOf(InStore("keys/one/record.json")), 0644U) << mask;
  }
}

TEST_F(KeystoreApiTest, PrivateKeyIsEncryptedOnDisk) {
  for (const char* type : {"rsa:2048", "ec:p256"}) {
    const std::string name = type[0] == 'r' ? "rsa" : "ec";
    AddKey(name, TestKey(type));
    const std::string pem = ContentOf(InStore(absl::StrCat("keys/", name, "/private-key.pem")));
    EXPECT_THAT(pem, HasSubstr("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    const crypto::Secret plain = ValueOf(TestKey(type).UnencryptedPem());
    const std::string first_line(base::AsText(plain.Expose()).substr(28, 64));
    EXPECT_THAT(pem, Not(HasSubstr(first_line)));
  }
}

// The command that docs/formats/keystore.md gives for an emergency.
TEST_F(KeystoreApiTest, OpensslOpensAPrivateKeyWithTheStoreKey) {
  AddKey("one", TestKey());
  const std::string out = folder_.Path("opened.pem");
  const std::string command =
      absl::StrCat("cd ", store_, " && od -An -v -tx1 master.key | tr -d ' \\n' | openssl pkcs8 ",
                   "-in keys/one/private-key.pem -passin stdin -out ", out);
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(ContentOf(out), base::AsText(ValueOf(TestKey().UnencryptedPem()).Expose()));
  EXPECT_EQ(ModeOf(out), 0600U);
}

TEST_F(KeystoreApiTest, EveryPrivateKeyOfAStoreIsUnderTheOneStoreKey) {
  AddKey("one", TestKey());
  const std::string before = ContentOf(InStore("master.key"));
  EXPECT_EQ(before.size(), 32U);
  AddKey("two", TestKey("ec:p256", 1));
  EXPECT_EQ(ContentOf(InStore("master.key")), before);
  EXPECT_THAT(OpenStore(Access::kRead).OpenPrivateKey("one"), IsOk());
}

}  // namespace
}  // namespace jet::keystore

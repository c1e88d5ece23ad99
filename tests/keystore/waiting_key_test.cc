// A key without a certificate is kept, moved, checked and joined to its certificate as safely as
// any.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "crypto/signer.h"
#include "keystore/keystore.h"
#include "keystore/verify.h"
#include "pki/request.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

pki::CertificateRequest TestRequest(const crypto::PrivateKey& key) {
  const auto signer = ValueOf(crypto::MakeSigner(key.Share()));
  return ValueOf(pki::MakeRequest(*signer, {.organization = "JET", .common_name = "dev"}));
}

class WaitingKeyTest : public KeystoreTest {
 protected:
  absl::Status AddWaiting(const std::string& name, const crypto::PrivateKey& key) const {
    return OpenStore(Access::kCreate).AddWaiting({name, TestRequest(key), key}).status();
  }
  absl::StatusOr<StoredKey> Join(const std::string& name, const pki::Certificate& certificate,
                                 KeyStep mirror = Agree) const {
    return OpenStore(Access::kWrite).Join(name, certificate, mirror);
  }
  bool Waits(const std::string& name) const {
    return ValueOf(OpenStore(Access::kRead).FindWaiting(name)).has_value();
  }
  std::vector<std::string> Problems() const {
    std::vector<std::string> problems;
    for (const CheckedObject& object : ValueOf(Verify(store_, {}, absl::Now())).objects) {
      if (object.result == CheckResult::kVerified) continue;
      problems.push_back(absl::StrCat(object.name, ": ", testing::PrintToString(object.problems)));
    }
    return problems;
  }

  const crypto::PrivateKey& key_ = TestKey("ec:p256", 0);
  const crypto::PrivateKey& other_ = TestKey("ec:p256", 1);
};

TEST_F(WaitingKeyTest, IsStoredListedAndVerified) {
  ASSERT_THAT(AddWaiting("dev", key_), IsOk());
  const KeyListing listing = ValueOf(OpenStore(Access::kRead).List());
  EXPECT_THAT(listing.keys, IsEmpty());
  EXPECT_THAT(listing.damaged, IsEmpty());
  ASSERT_EQ(listing.waiting.size(), 1U);
  const WaitingKey& waiting = listing.waiting[0];
  EXPECT_EQ(waiting.name, "dev");
  EXPECT_EQ(waiting.request_path, InStore("keys/dev/request.der"));
  EXPECT_TRUE(waiting.request.public_key() == key_.public_key());
  EXPECT_TRUE(waiting.record_authenticated);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(WaitingKeyTest, IsNoKeyToSignWithAndItsNameIsTaken) {
  ASSERT_THAT(AddWaiting("dev", key_), IsOk());
  const Keystore store = OpenStore(Access::kWrite);
  const auto waits = StatusIs(StatusCode::kFailedPrecondition, HasSubstr("waits for its"));
  EXPECT_THAT(store.Find("dev"), waits);
  EXPECT_THAT(store.OpenPrivateKey("dev"), waits);
}

TEST_F(WaitingKeyTest, NameIsTakenBothWays) {
  ASSERT_THAT(AddWaiting("dev", key_), IsOk());
  AddKey("signer", other_);
  const auto taken = StatusIs(StatusCode::kAlreadyExists, HasSubstr("already has a key"));
  Keystore store = OpenStore(Access::kWrite);
  EXPECT_THAT(store.Add({"dev", TestCertificate(other_, "x")}, Agree), taken);
  EXPECT_THAT(store.AddWaiting({"dev", TestRequest(other_), other_}), taken);
  EXPECT_THAT(store.AddWaiting({"signer", TestRequest(key_), key_}), taken);
}

TEST_F(WaitingKeyTest, RequestOfAnotherKeyIsRefused) {
  EXPECT_THAT(OpenStore(Access::kCreate).AddWaiting({"dev", TestRequest(other_), key_}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("'dev'")));
}

TEST_F(WaitingKeyTest, JoinedItSigns) {
  ASSERT_THAT(AddWaiting("dev", key_), IsOk());
  const pki::Certificate certificate = TestCertificate(key_, "dev");
  ASSERT_OK_AND_ASSIGN(const StoredKey joined, Join("dev", certificate));
  EXPECT_EQ(joined.certificate.der(), certificate.der());
  EXPECT_EQ(joined.origin, KeyOrigin::kGenerated);
  EXPECT_THAT(NamesIn(InStore("keys/dev")),
              UnorderedElementsAre("certificate.der", "private-key.pem", "record.json"));
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
  const Keystore store = OpenStore(Access::kRead);
  ASSERT_OK_AND_ASSIGN(const crypto::PrivateKey opened, store.OpenPrivateKey("dev"));
  EXPECT_TRUE(opened.public_key() == key_.public_key());
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(WaitingKeyTest, WhatDoesNotFitIsNotJoined) {
  ASSERT_THAT(AddWaiting("dev", key_), IsOk());
  AddKey("signer", other_);
  EXPECT_THAT(Join("dev", TestCertificate(other_, "x")),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("for another key than 'dev'")));
  EXPECT_THAT(Join("signer", TestCertificate(other_, "x")),
              StatusIs(StatusCode::kAlreadyExists, HasSubstr("does not wait")));
  EXPECT_THAT(Join("none", TestCertificate(key_, "x")),
              StatusIs(StatusCode::kNotFound, testing::_));
  EXPECT_TRUE(Waits("dev"));
}

TEST_F(WaitingKeyTest, WhereTheRingRefusesTheKeyWaitsAsBefore) {
  ASSERT_THAT(AddWaiting("dev", key_), IsOk());
  const std::string before = ContentOf(InStore("keys/dev/private-key.pem"));
  EXPECT_THAT(Join("dev", TestCertificate(key_, "dev"), Refuse),
              StatusIs(StatusCode::kUnavailable, HasSubstr("ring is full")));
  EXPECT_TRUE(Waits("dev"));
  EXPECT_EQ(ContentOf(InStore("keys/dev/private-key.pem")), before);
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
  EXPECT_THAT(Join("dev", TestCertificate(key_, "dev")), IsOk());
}

TEST_F(WaitingKeyTest, IsRekeyedRenamedAndRemoved) {
  ASSERT_THAT(AddWaiting("dev", key_), IsOk());
  const std::string before = ContentOf(InStore("keys/dev/private-key.pem"));
  const RekeyReport report = ValueOf(OpenStore(Access::kWrite).Rekey());
  EXPECT_THAT(report.moved, ElementsAre("dev"));
  EXPECT_NE(ContentOf(InStore("keys/dev/private-key.pem")), before);
  ASSERT_THAT(OpenStore(Access::kWrite).Rename("dev", "renamed"), IsOk());
  EXPECT_THAT(Problems(), IsEmpty());
  ASSERT_THAT(Join("renamed", TestCertificate(key_, "dev")), IsOk());
  ASSERT_THAT(AddWaiting("second", other_), IsOk());
  int unlinked = 0;
  const auto count = [&unlinked](const StoredKey&) {
    ++unlinked;
    return absl::OkStatus();
  };
  ASSERT_THAT(OpenStore(Access::kWrite).Remove("second", count), IsOk());
  EXPECT_EQ(unlinked, 0);
  EXPECT_THAT(KeyNames(), ElementsAre("renamed"));
}

TEST_F(WaitingKeyTest, EveryChangedByteIsFound) {
  ASSERT_THAT(AddWaiting("dev", key_), IsOk());
  for (const char* file : {"request.der", "private-key.pem", "record.json"}) {
    const std::string path = absl::StrCat("keys/dev/", file);
    const std::string good = ContentOf(InStore(path));
    for (size_t i = 0; i < good.size(); ++i) {
      std::string changed = good;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      Rewrite(path, changed);
      EXPECT_THAT(Problems(), Contains(HasSubstr("dev: "))) << path << " " << i;
    }
    Rewrite(path, good);
  }
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(WaitingKeyTest, CertificateBesideARequestIsFound) {
  ASSERT_THAT(AddWaiting("dev", key_), IsOk());
  folder_.Write("keystore/keys/dev/certificate.der", TestCertificate(key_, "dev").der());
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("which its record does not name")));
}

class TokenKeyTest : public WaitingKeyTest {
 protected:
  TokenKeyTest() {
    const absl::Status added = OpenStore(Access::kCreate)
                                   .Add({.name = "token",
                                         .certificate = TestCertificate(key_, "token"),
                                         .private_key_uri = "pkcs11:token=re0;object=ima"},
                                        Agree)
                                   .status();
    EXPECT_THAT(added, IsOk());
  }
};

TEST_F(TokenKeyTest, IsKnownToBeElsewhere) {
  const Keystore store = OpenStore(Access::kRead);
  ASSERT_OK_AND_ASSIGN(const StoredKey key, store.Find("token"));
  EXPECT_TRUE(key.has_private_key);
  EXPECT_EQ(key.private_key_uri, "pkcs11:token=re0;object=ima");
  EXPECT_THAT(store.OpenPrivateKey("token"),
              StatusIs(StatusCode::kUnimplemented, HasSubstr("pkcs11:token=re0;object=ima")));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("in a token")));
}

TEST_F(TokenKeyTest, IsRekeyedAndRenamed) {
  EXPECT_THAT(ValueOf(OpenStore(Access::kWrite).Rekey()).moved, ElementsAre("token"));
  ASSERT_THAT(OpenStore(Access::kWrite).Rename("token", "other"), IsOk());
  EXPECT_EQ(ValueOf(OpenStore(Access::kRead).Find("other")).private_key_uri,
            "pkcs11:token=re0;object=ima");
}

TEST_F(TokenKeyTest, UriWithAPinIsRefused) {
  EXPECT_THAT(OpenStore(Access::kWrite)
                  .Add({.name = "pin",
                        .certificate = TestCertificate(other_, "pin"),
                        .private_key_uri = "pkcs11:object=a?pin-value=1234"},
                       Agree),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("PIN")));
}

}  // namespace
}  // namespace jet::keystore

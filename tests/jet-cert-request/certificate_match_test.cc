#include "jet-cert-request/certificate_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pki/request.h"
#include "tests/crypto/test_keys.h"
#include "tests/jet-cert-request/fixture.h"
#include "tests/status_matchers.h"

namespace jet::cert_request {
namespace {

using absl::StatusCode;
using test::CertificateSpec;
using test::IsOk;
using test::MakeCertificate;
using test::NewTestKey;
using test::SecretText;
using test::StatusIs;
using test::TestKey;
using test::ValueOf;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using Certificates = std::vector<pki::Certificate>;

constexpr char kName[] = "acme-dev1-1";

class CertificateMatchTest : public CertsTest {
 protected:
  CertificateMatchTest() { rules_.now = kNow; }

  absl::StatusOr<Match> Find(const Certificates& certificates) const {
    return MatchCertificate(OpenFolder(FolderAccess::kRead), certificates, rules_);
  }

  void Remove(absl::string_view file) const { ASSERT_EQ(unlink(Path(file).c_str()), 0); }

  // Encrypts the key file of `name`.
  void Lock(absl::string_view name, absl::string_view passphrase) const {
    const base::Bytes pem = ValueOf(KeyOf(name).EncryptedPem(SecretText(passphrase), 1000));
    scratch_.Write(absl::StrCat("certs/", name, "_key.pem"), pem, 0600);
  }

  // Writes a request of `key` for `subject_name` as that of `name`.
  void WriteRequest(absl::string_view name, const crypto::PrivateKey& key,
                    absl::string_view subject_name) const {
    const auto signer = ValueOf(crypto::MakeSigner(test::CloneOf(key)));
    Write(absl::StrCat(name, "_req.pem"),
          ValueOf(pki::MakeRequest(*signer, SubjectOf(subject_name))).Pem());
  }
  void WriteKey(absl::string_view name, const crypto::PrivateKey& key) const {
    scratch_.Write(absl::StrCat("certs/", name, "_key.pem"), ValueOf(key.UnencryptedPem()).Expose(),
                   0600);
  }

  // Makes the request of kName and the CA's answer to it, which `change` may change.
  pki::Certificate MakeAndIssue(const std::function<void(CertificateSpec&)>& change = {}) const {
    Make(kName);
    const crypto::PrivateKey key = KeyOf(kName);
    CertificateSpec spec = Issued(key, kName);
    if (change) change(spec);
    return MakeCertificate(spec);
  }

  InstallRules rules_;
};

TEST_F(CertificateMatchTest, PrivateKeyTellsTheNameAndTheBundleTheChain) {
  Make("acme-dev1-2");
  const pki::Certificate certificate = MakeAndIssue();
  ASSERT_OK_AND_ASSIGN(const Match match, Find({Root(), certificate, Intermediate()}));
  EXPECT_EQ(match.name, Name(kName));
  EXPECT_EQ(match.matched_by, MatchedBy::kPrivateKey);
  EXPECT_EQ(match.certificate.der(), certificate.der());
  ASSERT_EQ(match.chain.size(), 2u);
  EXPECT_EQ(match.chain[0].der(), Intermediate().der());
  EXPECT_EQ(match.chain[1].der(), Root().der());
  EXPECT_THAT(match.warnings, IsEmpty());
}

TEST_F(CertificateMatchTest, CertificateAloneIsEnough) {
  ASSERT_OK_AND_ASSIGN(const Match match, Find({MakeAndIssue()}));
  EXPECT_THAT(match.chain, IsEmpty());
  EXPECT_THAT(match.warnings, IsEmpty());
}

TEST_F(CertificateMatchTest, RequestTellsWhereTheKeyWasMovedAway) {
  const pki::Certificate certificate = MakeAndIssue();
  Remove("acme-dev1-1_key.pem");
  ASSERT_OK_AND_ASSIGN(const Match match, Find({certificate}));
  EXPECT_EQ(match.name, Name(kName));
  EXPECT_EQ(match.matched_by, MatchedBy::kRequest);
  EXPECT_THAT(match.warnings, IsEmpty());
}

TEST_F(CertificateMatchTest, KeyTellsWhereThereIsNoRequest) {
  const pki::Certificate certificate = MakeAndIssue();
  Remove("acme-dev1-1_req.pem");
  ASSERT_OK_AND_ASSIGN(const Match match, Find({certificate}));
  EXPECT_EQ(match.matched_by, MatchedBy::kPrivateKey);
}

TEST_F(CertificateMatchTest, EncryptedKeyIsOpenedOnlyWithAPassphrase) {
  const pki::Certificate certificate = MakeAndIssue();
  Lock(kName, "secret");
  ASSERT_OK_AND_ASSIGN(Match match, Find({certificate}));
  EXPECT_EQ(match.matched_by, MatchedBy::kRequestKeyLocked);
  EXPECT_THAT(match.warnings, IsEmpty());
  const crypto::Secret right = SecretText("secret");
  rules_.passphrase = &right;
  ASSERT_OK_AND_ASSIGN(match, Find({certificate}));
  EXPECT_EQ(match.matched_by, MatchedBy::kPrivateKey);
  const crypto::Secret wrong = SecretText("wrong");
  rules_.passphrase = &wrong;
  EXPECT_THAT(Find({certificate}),
              StatusIs(StatusCode::kPermissionDenied,
                       StartsWith(absl::StrCat("'", Path("acme-dev1-1_key.pem"),
                                               "': cannot open the encrypted key: wrong "
                                               "passphrase"))));
}

TEST_F(CertificateMatchTest, EncryptedKeyAloneIsFoundWithItsPassphrase) {
  const pki::Certificate certificate = MakeAndIssue();
  Make("acme-dev1-2");
  Lock(kName, "secret");
  Lock("acme-dev1-2", "another");
  Remove("acme-dev1-1_req.pem");
  Remove("acme-dev1-2_req.pem");
  EXPECT_THAT(
      Find({certificate}),
      StatusIs(StatusCode::kNotFound,
               HasSubstr(absl::StrCat("encrypted and not opened: '", Path("acme-dev1-1_key.pem"),
                                      "', '", Path("acme-dev1-2_key.pem"), "'"))));
  const crypto::Secret passphrase = SecretText("secret");
  rules_.passphrase = &passphrase;
  ASSERT_OK_AND_ASSIGN(const Match match, Find({certificate}));
  EXPECT_EQ(match.name, Name(kName));
  EXPECT_EQ(match.matched_by, MatchedBy::kPrivateKey);
}

TEST_F(CertificateMatchTest, DamagedKeyFileIsAWarning) {
  const pki::Certificate certificate = MakeAndIssue();
  Write("acme-dev1-1_key.pem", "garbage", 0600);
  ASSERT_OK_AND_ASSIGN(const Match match, Find({certificate}));
  EXPECT_EQ(match.matched_by, MatchedBy::kRequestKeyLocked);
  EXPECT_THAT(match.warnings, ElementsAre(HasSubstr("acme-dev1-1_key.pem' cannot be read")));
}

TEST_F(CertificateMatchTest, CertificateOfNothingHereIsNotFound) {
  OpenFolder();
  const std::string end = absl::StrCat(" key or request in '", path_, "'");
  EXPECT_THAT(Find({Root()}),
              StatusIs(StatusCode::kNotFound,
                       "the certificate of 'CN=test root,O=Lab' belongs to no" + end));
  EXPECT_THAT(Find({Root(), Intermediate()}),
              StatusIs(StatusCode::kNotFound, "none of the 2 certificates belongs to a" + end));
  Make(kName);
  EXPECT_THAT(Find({MakeCertificate(Issued(TestKey("ec:p256"), kName))}),
              StatusIs(StatusCode::kNotFound,
                       testing::EndsWith("; the files of 'acme-dev1-1' are for another key")));
}

TEST_F(CertificateMatchTest, ExpiredCertificateIsRefusedAlways) {
  const pki::Certificate certificate =
      MakeAndIssue([](CertificateSpec& spec) { spec.not_after = kNow; });
  EXPECT_THAT(Find({certificate}), IsOk());  // the last second counts
  rules_.now = kNow + absl::Seconds(1);
  rules_.allow_weak = true;
  EXPECT_THAT(Find({certificate}),
              StatusIs(StatusCode::kFailedPrecondition,
                       "the certificate of 'CN=acme-dev1-1,O=Acme\\, Inc.' is not installed: it "
                       "expired on 2027-01-15 08:00:00 UTC; request its successor"));
}

TEST_F(CertificateMatchTest, CertificateThatIsNotValidYetIsAWarning) {
  const pki::Certificate certificate =
      MakeAndIssue([](CertificateSpec& spec) { spec.not_before = kNow; });
  EXPECT_THAT(ValueOf(Find({certificate})).warnings, IsEmpty());
  rules_.now = kNow - absl::Seconds(1);
  EXPECT_THAT(ValueOf(Find({certificate})).warnings,
              ElementsAre("the certificate is not valid before 2027-01-15 08:00:00 UTC"));
}

TEST_F(CertificateMatchTest, OtherCommonNameIsRefused) {
  for (const char* common_name : {"acme-dev1-2", "ACME-DEV1-1", ""}) {
    const pki::Certificate certificate = MakeAndIssue([common_name](CertificateSpec& spec) {
      spec.subject = {{"O", "Acme"}};
      if (*common_name != '\0') spec.subject.push_back({"CN", common_name});
    });
    EXPECT_THAT(Find({certificate}),
                StatusIs(StatusCode::kFailedPrecondition,
                         HasSubstr(absl::StrCat("its key is that of 'acme-dev1-1', but its common "
                                                "name is '",
                                                common_name, "'"))));
    Remove("acme-dev1-1_key.pem");
    Remove("acme-dev1-1_req.pem");
  }
}

TEST_F(CertificateMatchTest, SeveralCommonNamesAreRefused) {
  const pki::Certificate certificate = MakeAndIssue([](CertificateSpec& spec) {
    spec.subject = {{"CN", kName}, {"O", "Acme"}, {"CN", "acme-dev1-2"}};
  });
  EXPECT_THAT(Find({certificate}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("it has 2 common names")));
}

TEST_F(CertificateMatchTest, RequestWithAnotherCommonNameIsRefused) {
  const pki::Certificate certificate = MakeAndIssue();
  WriteRequest(kName, KeyOf(kName), "acme-dev1-7");
  EXPECT_THAT(Find({certificate}),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr(absl::StrCat("the common name of '", Path("acme-dev1-1_req.pem"),
                                              "' is 'acme-dev1-7'"))));
}

TEST_F(CertificateMatchTest, WeakSignatureIsRefusedUnlessAllowed) {
  const pki::Certificate certificate =
      MakeAndIssue([](CertificateSpec& spec) { spec.hash = "sha1"; });
  EXPECT_THAT(Find({certificate}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("signed with MD5 or SHA-1")));
  rules_.allow_weak = true;
  ASSERT_OK_AND_ASSIGN(const Match match, Find({certificate}));
  EXPECT_THAT(match.warnings, ElementsAre("the certificate is weakly signed and can be forged"));
}

TEST_F(CertificateMatchTest, SignatureOfSomebodyElseThanTheIssuerIsRefused) {
  const crypto::PrivateKey forger = NewTestKey("ec:p384");
  const pki::Certificate certificate =
      MakeAndIssue([&forger](CertificateSpec& spec) { spec.issuer_key = &forger; });
  EXPECT_THAT(Find({certificate}), IsOk());  // without the issuer nobody can tell
  EXPECT_THAT(Find({certificate, Intermediate()}),
              StatusIs(StatusCode::kFailedPrecondition,
                       AllOf(StartsWith("the certificate of 'CN=acme-dev1-1,O=Acme\\, Inc.' is "
                                        "not installed: "),
                             HasSubstr("does not match the key of its issuer"))));
}

TEST_F(CertificateMatchTest, SelfIssuedCertificateIsAWarningOrAForgery) {
  const auto self_issued = [](CertificateSpec& spec) {
    spec.issuer = spec.subject;
    spec.key_usage = "";
    spec.issuer_key = nullptr;
    spec.authority_key_identifier = absl::nullopt;
  };
  const pki::Certificate certificate = MakeAndIssue(self_issued);
  EXPECT_THAT(ValueOf(Find({certificate})).warnings,
              ElementsAre("the certificate names itself as issuer: no CA signed it"));
  const crypto::PrivateKey key = KeyOf(kName);
  CertificateSpec forged = Issued(key, kName);
  self_issued(forged);
  forged.issuer_key = &TestKey("ec:p256");
  EXPECT_THAT(Find({MakeCertificate(forged)}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("its own key did not sign it")));
}

TEST_F(CertificateMatchTest, KeyFileWithAnotherKeyThanTheRequestIsRefused) {
  const pki::Certificate certificate = MakeAndIssue();
  const crypto::PrivateKey old_key = KeyOf(kName);
  const crypto::PrivateKey other = NewTestKey("ec:p256");
  WriteKey(kName, other);
  EXPECT_THAT(Find({certificate}),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("_key.pem' holds another key than the request beside it")));
  Lock(kName, "secret");
  const crypto::Secret passphrase = SecretText("secret");
  rules_.passphrase = &passphrase;
  EXPECT_THAT(Find({certificate}),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("_key.pem' holds another key than the request beside it")));
  WriteKey(kName, old_key);
  WriteRequest(kName, other, kName);
  EXPECT_THAT(Find({certificate}), StatusIs(StatusCode::kFailedPrecondition,
                                            HasSubstr("_req.pem' is for another key than '")));
}

TEST_F(CertificateMatchTest, OfSeveralNamesWithOneKeyTheCommonNameDecides) {
  Make("acme-dev1-2");
  const crypto::PrivateKey key = KeyOf("acme-dev1-2");
  for (const char* name : {"acme-dev1-1", "acme-dev1-3"}) {
    WriteKey(name, key);
    WriteRequest(name, key, name);
  }
  for (const char* name : {"acme-dev1-1", "acme-dev1-2", "acme-dev1-3"}) {
    EXPECT_EQ(ValueOf(Find({MakeCertificate(Issued(key, name))})).name, Name(name));
  }
  EXPECT_THAT(Find({MakeCertificate(Issued(key, "acme-dev1-4"))}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("'acme-dev1-4'")));
}

TEST_F(CertificateMatchTest, OfSeveralCertificatesTheOneThatLastsLongestIsTaken) {
  const pki::Certificate first = MakeAndIssue();
  const crypto::PrivateKey key = KeyOf(kName);
  CertificateSpec spec = Issued(key, kName);
  spec.not_after += absl::Seconds(1);
  const pki::Certificate second = MakeCertificate(spec);
  for (const Certificates& certificates : {Certificates{first, second}, {second, first}}) {
    ASSERT_OK_AND_ASSIGN(const Match match, Find(certificates));
    EXPECT_EQ(match.certificate.der(), second.der());
    EXPECT_THAT(match.warnings, ElementsAre(HasSubstr("is left out")));
  }
}

TEST_F(CertificateMatchTest, ChainThatEndsEarlyIsAWarning) {
  const pki::Certificate certificate = MakeAndIssue();
  ASSERT_OK_AND_ASSIGN(const Match match, Find({certificate, Intermediate()}));
  EXPECT_EQ(match.chain.size(), 1u);
  EXPECT_THAT(match.warnings,
              ElementsAre("the chain does not reach its root: the certificate of 'CN=test "
                          "root,O=Lab' is missing"));
}

TEST_F(CertificateMatchTest, WeaklySignedIssuerIsAWarningAndARootIsNot) {
  const pki::Certificate certificate = MakeAndIssue();
  ASSERT_OK_AND_ASSIGN(Match match, Find({certificate, Intermediate("sha1"), Root()}));
  EXPECT_EQ(match.chain.size(), 2u);
  EXPECT_THAT(match.warnings, ElementsAre("the certificate of the issuer 'CN=test CA,O=Lab' is "
                                          "weakly signed and can be forged"));
}

TEST_F(CertificateMatchTest, ExpiredIssuerIsAWarning) {
  const pki::Certificate certificate =
      MakeAndIssue([](CertificateSpec& spec) { spec.not_after += absl::Hours(24); });
  rules_.now = Intermediate().not_after();
  EXPECT_THAT(ValueOf(Find({certificate, Intermediate(), Root()})).warnings, IsEmpty());
  rules_.now += absl::Seconds(1);
  EXPECT_THAT(ValueOf(Find({certificate, Intermediate(), Root()})).warnings,
              ElementsAre(HasSubstr("'CN=test CA,O=Lab' expired on 2096-10-02"),
                          HasSubstr("'CN=test root,O=Lab' expired on 2096-10-02")));
}

TEST_F(CertificateMatchTest, CertificatesOfNobodyAreLeftOutWithAWarning) {
  const pki::Certificate certificate = MakeAndIssue();
  const pki::Certificate stray = MakeCertificate();
  ASSERT_OK_AND_ASSIGN(const Match match, Find({certificate, stray, Intermediate(), Root()}));
  EXPECT_EQ(match.chain.size(), 2u);
  EXPECT_THAT(match.warnings, ElementsAre("the certificate of 'CN=test,O=Lab' does not belong to "
                                          "the one installed and is left out"));
}

}  // namespace
}  // namespace jet::cert_request

#include "pki/certificate_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/openssl_command.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::pki {
namespace {

using absl::StatusCode;
using base::Bytes;
using crypto::PrivateKey;
using test::CertificateSpec;
using test::IsOk;
using test::MakeCertificate;
using test::MustRun;
using test::PemOf;
using test::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using Bundle = std::vector<Certificate>;

absl::StatusOr<Bundle> DecodeText(absl::string_view text) {
  return DecodeCertificates(base::AsBytes(text));
}

Certificate Numbered(size_t number) {
  CertificateSpec spec;
  spec.subject = {{"CN", absl::StrCat("number ", number)}};
  return MakeCertificate(spec);
}

std::string PemOfNumbered(size_t count) {
  std::string pem;
  for (size_t i = 0; i < count; ++i) pem += PemOf(Numbered(i));
  return pem;
}

std::vector<std::string> NamesOf(const Bundle& bundle) {
  std::vector<std::string> names;
  for (const Certificate& certificate : bundle) names.push_back(certificate.common_name());
  return names;
}

std::string FileText(const std::string& path) { return MustRun(absl::StrCat("cat '", path, "'")); }

// Returns the PKCS#7 that openssl makes of `pem`; `arguments` are for crl2pkcs7.
std::string Pkcs7Of(const std::string& pem, const std::string& arguments) {
  const test::ScratchFolder folder;
  const std::string path = folder.Write("in.pem", pem);
  MustRun(absl::StrCat("openssl crl2pkcs7 -nocrl -certfile ", path, " -out ",
                       folder.Path("out.p7b"), " ", arguments));
  return FileText(folder.Path("out.p7b"));
}

TEST(DecodeCertificatesTest, OneInDerIsRead) {
  ASSERT_OK_AND_ASSIGN(const Bundle bundle, DecodeCertificates(Numbered(0).der()));
  EXPECT_THAT(NamesOf(bundle), ElementsAre("number 0"));
}

TEST(DecodeCertificatesTest, SeveralInPemKeepTheirOrder) {
  ASSERT_OK_AND_ASSIGN(const Bundle bundle,
                       DecodeText(PemOf(Numbered(2)) + PemOf(Numbered(0)) + PemOf(Numbered(1))));
  EXPECT_THAT(NamesOf(bundle), ElementsAre("number 2", "number 0", "number 1"));
}

TEST(DecodeCertificatesTest, CrlfAndTextAroundAreRead) {
  const std::string text = "subject=/CN=number 0\n" + PemOf(Numbered(0)) + "\nits issuer:\n" +
                           PemOf(Numbered(1)) + "the end";
  for (const std::string& file : {text, absl::StrReplaceAll(text, {{"\n", "\r\n"}})}) {
    ASSERT_OK_AND_ASSIGN(const Bundle bundle, DecodeText(file));
    EXPECT_THAT(NamesOf(bundle), ElementsAre("number 0", "number 1"));
  }
}

TEST(DecodeCertificatesTest, TheOlderLabelIsRead) {
  ASSERT_OK_AND_ASSIGN(
      const Bundle bundle,
      DecodeText(absl::StrReplaceAll(PemOf(Numbered(0)), {{"CERTIFICATE", "X509 CERTIFICATE"}})));
  EXPECT_THAT(NamesOf(bundle), ElementsAre("number 0"));
}

TEST(DecodeCertificatesTest, TheSameCertificateIsReturnedOnce) {
  const Certificate first = Numbered(0);
  const Certificate second = Numbered(1);
  ASSERT_OK_AND_ASSIGN(const Bundle bundle,
                       DecodeText(PemOf(first) + PemOf(second) + PemOf(first) + PemOf(second)));
  EXPECT_THAT(NamesOf(bundle), ElementsAre("number 0", "number 1"));
}

TEST(DecodeCertificatesTest, Pkcs7InDerAndPemIsRead) {
  const std::string pem = PemOfNumbered(3);
  const std::string in_pem = Pkcs7Of(pem, "");
  const std::string cms = absl::StrReplaceAll(in_pem, {{"PKCS7", "CMS"}});
  ASSERT_THAT(in_pem, StartsWith("-----BEGIN PKCS7-----"));
  for (const std::string& file : {in_pem, cms, Pkcs7Of(pem, "-outform DER")}) {
    ASSERT_OK_AND_ASSIGN(const Bundle bundle, DecodeText(file));
    EXPECT_THAT(NamesOf(bundle), testing::UnorderedElementsAre("number 0", "number 1", "number 2"));
  }
}

// One element of DER or BER with the content in indefinite length.
std::string Indefinite(char tag, const std::string& content) {
  return absl::StrCat(std::string(1, tag), "\x80", content, std::string(2, '\0'));
}

TEST(DecodeCertificatesTest, Pkcs7InBerIsRead) {
  // Some CAs write indefinite lengths (X.690, 8.1.3.6).
  const std::string data("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01", 11);
  const std::string signed_data("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 11);
  const std::string certificate(base::AsText(Numbered(7).der()));
  const std::string empty_set("\x31\x00", 2);
  const std::string content =
      absl::StrCat(std::string("\x02\x01\x01", 3), empty_set, Indefinite('\x30', data),
                   Indefinite('\xa0', certificate), empty_set);
  const std::string file =
      Indefinite('\x30', signed_data + Indefinite('\xa0', Indefinite('\x30', content)));
  ASSERT_OK_AND_ASSIGN(const Bundle bundle, DecodeText(file));
  EXPECT_THAT(NamesOf(bundle), ElementsAre("number 7"));
}

TEST(DecodeCertificatesTest, Pkcs7AndCertificatesInOneFileAreRead) {
  ASSERT_OK_AND_ASSIGN(const Bundle bundle,
                       DecodeText(PemOf(Numbered(5)) + Pkcs7Of(PemOfNumbered(1), "")));
  EXPECT_THAT(NamesOf(bundle), ElementsAre("number 5", "number 0"));
}

TEST(DecodeCertificatesTest, Pkcs7WithoutCertificatesIsRefused) {
  const test::ScratchFolder folder;
  const std::string path = folder.Write("none.pem", "");
  MustRun(absl::StrCat("openssl crl2pkcs7 -nocrl -out ", folder.Path("out.p7b")));
  EXPECT_THAT(ReadCertificates(folder.Path("out.p7b")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("the file holds no certificate")));
}

TEST(DecodeCertificatesTest, Pkcs7OfAnotherTypeIsRefused) {
  // ContentInfo { data, [0] OCTET STRING "abc" }
  const std::string data(
      "\x30\x12\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x05\x04\x03\x61\x62\x63", 20);
  EXPECT_THAT(DecodeText(data),
              StatusIs(StatusCode::kInvalidArgument,
                       "the PKCS#7 object is of another type than SignedData: it cannot hold "
                       "certificates"));
  // ContentInfo { signedData } without its content.
  const std::string hollow("\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 13);
  EXPECT_THAT(DecodeText(hollow), StatusIs(StatusCode::kInvalidArgument, HasSubstr("PKCS#7")));
}

TEST(DecodeCertificatesTest, EveryTruncationIsRefused) {
  for (const std::string& file :
       {std::string(base::AsText(Numbered(0).der())), Pkcs7Of(PemOfNumbered(1), "-outform DER")}) {
    for (size_t size = 0; size < file.size(); ++size) {
      ASSERT_THAT(DecodeText(absl::string_view(file).substr(0, size)),
                  StatusIs(StatusCode::kInvalidArgument, testing::_))
          << size;
    }
  }
}

TEST(DecodeCertificatesTest, BytesAfterTheDerAreRefused) {
  EXPECT_THAT(DecodeText(std::string(base::AsText(Numbered(0).der())) + "\n"),
              StatusIs(StatusCode::kInvalidArgument,
                       "1 bytes follow the certificate: it must stand alone"));
  EXPECT_THAT(DecodeText(Pkcs7Of(PemOfNumbered(1), "-outform DER") + "ab"),
              StatusIs(StatusCode::kInvalidArgument,
                       "2 bytes follow the PKCS#7 object: it must stand alone"));
}

TEST(DecodeCertificatesTest, APrivateKeyOfAnyFormatIsRefusedInWords) {
  const crypto::Secret secret = test::ValueOf(test::TestKey("ec:p256").UnencryptedPem());
  const std::string key(base::AsText(secret.Expose()));
  std::vector<std::string> files = {key};
  for (const char* label :
       {"EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"}) {
    files.push_back(absl::StrReplaceAll(key, {{"PRIVATE KEY", label}}));
  }
  for (const std::string& each : files) {
    for (const std::string& file : {each, each + PemOf(Numbered(0)), PemOf(Numbered(0)) + each}) {
      EXPECT_THAT(DecodeText(file),
                  StatusIs(StatusCode::kInvalidArgument,
                           "the file holds a private key: never send or receive one"));
    }
  }
}

TEST(DecodeCertificatesTest, OtherPemBlocksAreRefused) {
  for (const char* label :
       {"CERTIFICATE REQUEST", "X509 CRL", "TRUSTED CERTIFICATE", "PUBLIC KEY"}) {
    const std::string other = absl::StrReplaceAll(PemOf(Numbered(0)), {{"CERTIFICATE", label}});
    EXPECT_THAT(DecodeText(PemOf(Numbered(1)) + other),
                StatusIs(StatusCode::kInvalidArgument,
                         absl::StrCat("the file holds a PEM block '", label,
                                      "': only certificates are expected in it")));
  }
}

TEST(DecodeCertificatesTest, ABrokenBlockIsRefused) {
  for (const char* broken : {"-----BEGIN CERTIFICATE-----\n",
                             "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"}) {
    EXPECT_THAT(
        DecodeText(PemOf(Numbered(0)) + broken),
        StatusIs(StatusCode::kInvalidArgument, StartsWith("the file holds a broken PEM block")));
  }
  EXPECT_THAT(DecodeText("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("not an X.509 certificate")));
  EXPECT_THAT(DecodeText("-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n"),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("not a PKCS#7 SignedData")));
}

TEST(DecodeCertificatesTest, NothingAndGarbageAreNoCertificates) {
  EXPECT_THAT(DecodeCertificates({}),
              StatusIs(StatusCode::kInvalidArgument, "the certificate file is empty"));
  EXPECT_THAT(DecodeText("-----BEGIN NOTHING"),
              StatusIs(StatusCode::kInvalidArgument, "the file holds no certificate"));
  for (const std::string& garbage :
       {std::string("hello"), std::string("0"), std::string(100, '\0'), std::string(100, '\xff'),
        std::string("\x30\x82\xff\xff", 4), std::string("\x30\x00", 2)}) {
    EXPECT_THAT(DecodeText(garbage),
                StatusIs(StatusCode::kInvalidArgument,
                         StartsWith("not an X.509 certificate in DER or PEM")));
  }
}

TEST(DecodeCertificatesTest, NoMoreThan32AreTaken) {
  const std::string most = PemOfNumbered(kMaxBundle);
  ASSERT_OK_AND_ASSIGN(const Bundle bundle, DecodeText(most));
  EXPECT_EQ(bundle.size(), 32u);
  EXPECT_THAT(DecodeText(most + PemOf(bundle.front())), IsOk()) << "one that is there already";
  for (const std::string& file :
       {PemOfNumbered(kMaxBundle + 1), Pkcs7Of(PemOfNumbered(kMaxBundle + 1), "-outform DER")}) {
    EXPECT_THAT(DecodeText(file), StatusIs(StatusCode::kResourceExhausted,
                                           "the file holds more than 32 certificates"));
  }
}

TEST(ReadCertificatesTest, TheFileIsNamed) {
  const test::ScratchFolder folder;
  EXPECT_THAT(ReadCertificates(folder.Write("good", PemOfNumbered(2))), IsOk());
  const std::string bad = folder.Write("bad", "garbage");
  EXPECT_THAT(ReadCertificates(bad),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("'" + bad + "': not an X.509")));
  EXPECT_THAT(ReadCertificates(folder.Path("none")),
              StatusIs(StatusCode::kNotFound, HasSubstr(folder.Path("none"))));
  const std::string large = folder.Write("large", std::string(kMaxCertificateFile + 1, 'x'));
  EXPECT_THAT(ReadCertificates(large),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("larger than 1048576 bytes")));
}

// What a certificate of a chain is called, whose key it holds and who signed it.
struct Link {
  std::string name;
  std::string key_type;
  std::string issuer;
  std::string issuer_key_type;
};

// Key identifiers are left out where they would tell certificates of one name apart.
enum class KeyIdentifiers { kPresent, kAbsent };

Bytes IdentifierOf(const std::string& key_type) {
  return Bytes(20, static_cast<uint8_t>(key_type.size() + key_type.back()));
}

CertificateSpec SpecOf(const Link& link, KeyIdentifiers identifiers = KeyIdentifiers::kPresent) {
  CertificateSpec spec;
  spec.key_type = link.key_type;
  spec.subject = {{"CN", link.name}};
  spec.issuer = {{"CN", link.issuer}};
  spec.issuer_key = &test::TestKey(link.issuer_key_type);
  spec.basic_constraints = "critical,CA:TRUE";
  spec.key_usage = "critical,keyCertSign";
  spec.subject_key_identifier.reset();
  if (identifiers == KeyIdentifiers::kPresent) {
    spec.subject_key_identifier = IdentifierOf(link.key_type);
    spec.authority_key_identifier = IdentifierOf(link.issuer_key_type);
  }
  return spec;
}

Certificate Make(const Link& link, KeyIdentifiers identifiers = KeyIdentifiers::kPresent) {
  return MakeCertificate(SpecOf(link, identifiers));
}

Certificate Root() { return Make({"root", "rsa:2048", "root", "rsa:2048"}); }
Certificate Intermediate() { return Make({"intermediate", "ec:p384", "root", "rsa:2048"}); }
Certificate Leaf() { return Make({"leaf", "ec:p256", "intermediate", "ec:p384"}); }

TEST(CheckIssuedByTest, TheIssuerOfACertificateIsTold) {
  EXPECT_THAT(CheckIssuedBy(Leaf(), Intermediate()), IsOk());
  EXPECT_THAT(CheckIssuedBy(Intermediate(), Root()), IsOk());
  EXPECT_THAT(CheckIssuedBy(Root(), Root()), IsOk());
}

TEST(CheckIssuedByTest, EveryKindOfKeyIsVerified) {
  for (const char* type : {"rsa:2048", "rsa-pss:2048", "ec:p256", "ec:p521", "ed25519"}) {
    EXPECT_THAT(
        CheckIssuedBy(Make({"leaf", "ec:p256", "CA", type}), Make({"CA", type, "CA", type})),
        IsOk())
        << type;
  }
}

TEST(CheckIssuedByTest, AnotherNameIsNotFound) {
  EXPECT_THAT(CheckIssuedBy(Leaf(), Root()),
              StatusIs(StatusCode::kNotFound,
                       "'CN=root' did not issue 'CN=leaf': subject issuer mismatch"));
}

TEST(CheckIssuedByTest, AnotherKeyIdentifierIsNotFound) {
  const Certificate other = Make({"intermediate", "rsa:2048", "root", "rsa:2048"});
  EXPECT_THAT(CheckIssuedBy(Leaf(), other),
              StatusIs(StatusCode::kNotFound, HasSubstr("authority and subject key identifier "
                                                        "mismatch")));
}

TEST(CheckIssuedByTest, AKeyUsageThatForbidsItIsNamed) {
  CertificateSpec spec = SpecOf({"intermediate", "ec:p384", "root", "rsa:2048"});
  spec.key_usage = "critical,digitalSignature";
  EXPECT_THAT(CheckIssuedBy(Leaf(), MakeCertificate(spec)),
              StatusIs(StatusCode::kFailedPrecondition,
                       "'CN=intermediate' did not issue 'CN=leaf': key usage does not include "
                       "certificate signing"));
}

TEST(CheckIssuedByTest, ASignatureByAnotherKeyIsUnauthenticated) {
  for (const char* key : {"ec:p384", "ec:p521"}) {
    const PrivateKey other = test::NewTestKey(key);
    CertificateSpec spec = SpecOf({"leaf", "ec:p256", "intermediate", "ec:p384"});
    spec.issuer_key = &other;
    EXPECT_THAT(CheckIssuedBy(MakeCertificate(spec), Intermediate()),
                StatusIs(StatusCode::kUnauthenticated,
                         "the signature of the certificate of 'CN=leaf' does not match the key of "
                         "its issuer 'CN=intermediate'"));
  }
}

TEST(CheckIssuedByTest, AChangedCertificateIsUnauthenticated) {
  const std::string changed =
      absl::StrReplaceAll(std::string(base::AsText(Leaf().der())), {{"leaf", "leak"}});
  ASSERT_OK_AND_ASSIGN(const Certificate certificate, Certificate::Decode(base::AsBytes(changed)));
  EXPECT_THAT(CheckIssuedBy(certificate, Intermediate()),
              StatusIs(StatusCode::kUnauthenticated, HasSubstr("'CN=leak'")));
}

TEST(CheckIssuedByTest, ASignatureThatIsNoneIsUnauthenticated) {
  Bytes der = Leaf().der();
  // The signature is a BIT STRING at the end; its SEQUENCE becomes something else.
  const size_t size = der.size();
  for (size_t i = size - 110; i < size; ++i) {
    if (der[i] == 0x00 && der[i + 1] == 0x30 && der[i - 1] == size - i) der[i + 1] = 0x04;
  }
  ASSERT_NE(der, Leaf().der());
  ASSERT_OK_AND_ASSIGN(const Certificate certificate, Certificate::Decode(der));
  EXPECT_THAT(CheckIssuedBy(certificate, Intermediate()),
              StatusIs(StatusCode::kUnauthenticated, testing::_));
}

TEST(CheckIssuedByTest, AnAlgorithmThatCannotBeVerifiedIsNotAMismatch) {
  // ecdsa-with-SHA256 is 1.2.840.10045.4.3.2; 1.2.840.10045.4.3.127 is nothing.
  const std::string changed =
      absl::StrReplaceAll(std::string(base::AsText(Leaf().der())),
                          {{absl::string_view("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 10),
                            absl::string_view("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x7f", 10)}});
  ASSERT_OK_AND_ASSIGN(const Certificate certificate, Certificate::Decode(base::AsBytes(changed)));
  EXPECT_THAT(CheckIssuedBy(certificate, Intermediate()),
              StatusIs(StatusCode::kUnimplemented,
                       "the certificate of 'CN=leaf' is signed with an algorithm that cannot be "
                       "verified"));
}

TEST(CheckIssuedByTest, AHashThatOpensslNoLongerHasIsNotAMismatch) {
  // sha256WithRSAEncryption is 1.2.840.113549.1.1.11, md4WithRSAEncryption 1.2.840.113549.1.1.3.
  const std::string changed = absl::StrReplaceAll(
      std::string(base::AsText(Intermediate().der())),
      {{absl::string_view("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 11),
        absl::string_view("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x03", 11)}});
  ASSERT_OK_AND_ASSIGN(const Certificate certificate, Certificate::Decode(base::AsBytes(changed)));
  EXPECT_THAT(CheckIssuedBy(certificate, Root()),
              StatusIs(StatusCode::kUnimplemented,
                       "the certificate of 'CN=intermediate' is signed with an algorithm that "
                       "cannot be verified: md4WithRSAEncryption"));
}

TEST(IssuersOfTest, AChainIsPutInOrder) {
  Bundle candidates = {Leaf(), Intermediate(), Root()};
  std::sort(candidates.begin(), candidates.end(), [](const Certificate& a, const Certificate& b) {
    return a.common_name() < b.common_name();
  });
  do {
    ASSERT_OK_AND_ASSIGN(const Bundle issuers, IssuersOf(Leaf(), candidates));
    EXPECT_THAT(NamesOf(issuers), ElementsAre("intermediate", "root"));
  } while (std::next_permutation(candidates.begin(), candidates.end(),
                                 [](const Certificate& a, const Certificate& b) {
                                   return a.common_name() < b.common_name();
                                 }));
}

TEST(IssuersOfTest, AChainEndsWhereAnIssuerIsMissing) {
  ASSERT_OK_AND_ASSIGN(const Bundle none, IssuersOf(Leaf(), {Leaf(), Root()}));
  EXPECT_THAT(none, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const Bundle one, IssuersOf(Leaf(), {Intermediate()}));
  EXPECT_THAT(NamesOf(one), ElementsAre("intermediate"));
  ASSERT_OK_AND_ASSIGN(const Bundle nothing, IssuersOf(Leaf(), {}));
  EXPECT_THAT(nothing, IsEmpty());
}

TEST(IssuersOfTest, ACertificateThatIsThereTwiceIsReturnedOnce) {
  const Certificate intermediate = Intermediate();
  const Certificate root = Root();
  ASSERT_OK_AND_ASSIGN(const Bundle issuers,
                       IssuersOf(Leaf(), {root, intermediate, root, intermediate}));
  EXPECT_THAT(NamesOf(issuers), ElementsAre("intermediate", "root"));
}

TEST(IssuersOfTest, ASelfSignedCertificateHasNoIssuers) {
  const Certificate root = Root();
  ASSERT_OK_AND_ASSIGN(const Bundle issuers, IssuersOf(root, {root, Root(), Intermediate()}));
  EXPECT_THAT(issuers, IsEmpty());
}

TEST(IssuersOfTest, CasThatVouchForEachOtherAreNoEndlessChain) {
  const Certificate a_by_b = Make({"a", "ec:p384", "b", "rsa:2048"});
  const Certificate b_by_a = Make({"b", "rsa:2048", "a", "ec:p384"});
  const Certificate leaf = Make({"leaf", "ec:p256", "a", "ec:p384"});
  ASSERT_OK_AND_ASSIGN(const Bundle issuers, IssuersOf(leaf, {a_by_b, b_by_a}));
  EXPECT_THAT(NamesOf(issuers), ElementsAre("a", "b"));
  ASSERT_OK_AND_ASSIGN(const Bundle of_a, IssuersOf(a_by_b, {a_by_b, b_by_a}));
  EXPECT_THAT(NamesOf(of_a), ElementsAre("b"));
}

TEST(IssuersOfTest, ASelfSignedIssuerIsPreferredToAVouchedOne) {
  const Certificate vouched = Make({"a", "ec:p384", "b", "rsa:2048"});
  const Certificate self_signed = Make({"a", "ec:p384", "a", "ec:p384"});
  const Certificate leaf = Make({"leaf", "ec:p256", "a", "ec:p384"});
  for (const Bundle& candidates : {Bundle{vouched, self_signed}, Bundle{self_signed, vouched}}) {
    ASSERT_OK_AND_ASSIGN(const Bundle issuers, IssuersOf(leaf, candidates));
    ASSERT_EQ(issuers.size(), 1u);
    EXPECT_EQ(issuers.front().der(), self_signed.der());
  }
}

TEST(IssuersOfTest, ACaOfTheSameNameWithAnotherKeyIsUnauthenticated) {
  const auto none = KeyIdentifiers::kAbsent;
  const Certificate leaf = Make({"leaf", "ec:p256", "CA", "ec:p384"}, none);
  for (const char* key : {"rsa:2048", "ec:p256"}) {
    EXPECT_THAT(IssuersOf(leaf, {Root(), Make({"CA", key, "CA", key}, none)}),
                StatusIs(StatusCode::kUnauthenticated,
                         "the signature of the certificate of 'CN=leaf' does not match the key of "
                         "its issuer 'CN=CA'"));
  }
}

TEST(IssuersOfTest, ACaThatChangedItsKeyIsFoundByTheSignature) {
  const auto none = KeyIdentifiers::kAbsent;
  const Certificate leaf = Make({"leaf", "ec:p256", "CA", "ec:p384"}, none);
  const Certificate old_ca = Make({"CA", "rsa:2048", "CA", "rsa:2048"}, none);
  const Certificate new_ca = Make({"CA", "ec:p384", "CA", "ec:p384"}, none);
  const Certificate new_by_old = Make({"CA", "ec:p384", "CA", "rsa:2048"}, none);
  for (const Bundle& candidates : {Bundle{old_ca, new_ca}, Bundle{new_ca, old_ca}}) {
    ASSERT_OK_AND_ASSIGN(const Bundle issuers, IssuersOf(leaf, candidates));
    ASSERT_EQ(issuers.size(), 1u);
    EXPECT_EQ(issuers.front().der(), new_ca.der());
  }
  ASSERT_OK_AND_ASSIGN(const Bundle both, IssuersOf(leaf, {old_ca, new_by_old}));
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].der(), new_by_old.der());
  EXPECT_EQ(both[1].der(), old_ca.der());
}

}  // namespace
}  // namespace jet::pki

#include "pki/issue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/openssl_types.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::pki {
namespace {

using absl::StatusCode;
using crypto::PrivateKey;
using test::CertificateSpec;
using test::IsOk;
using test::MakeCertificate;
using test::StatusIs;
using test::TestKey;
using testing::HasSubstr;

const Validity kValidity = {absl::FromUnixSeconds(1700000000), absl::FromUnixSeconds(4000000000)};
const Subject kSubject = {
    .organization = "Lab", .common_name = "signer", .email = "lab@example.org"};

Certificate MakeCa(const std::string& key_usage = "critical,keyCertSign,cRLSign") {
  CertificateSpec spec;
  spec.key_type = "ec:p384";
  spec.subject = {{"O", "Lab"}, {"CN", "test CA"}};
  spec.basic_constraints = "critical,CA:TRUE";
  spec.key_usage = key_usage;
  return MakeCertificate(spec);
}

int Run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }

// True when OpenSSL accepts the chain for any purpose.
bool OpensslVerifies(const Certificate& ca, const Certificate& leaf) {
  const test::ScratchFolder folder;
  folder.Write("ca.pem", test::PemOf(ca));
  folder.Write("leaf.pem", test::PemOf(leaf));
  return Run(absl::StrCat("openssl verify -x509_strict -check_ss_sig -CAfile ",
                          folder.Path("ca.pem"), " ", folder.Path("leaf.pem"))) == 0;
}

struct ExtensionFact {
  int nid;
  bool critical;
};

// The extensions in their order, which is part of what is documented.
void ExpectTheDocumentedExtensions(const Certificate& certificate) {
  constexpr ExtensionFact kExpected[] = {{NID_basic_constraints, true},
                                         {NID_key_usage, true},
                                         {NID_subject_key_identifier, false},
                                         {NID_authority_key_identifier, false}};
  X509* const x509 = certificate.x509();
  ASSERT_EQ(X509_get_ext_count(x509), static_cast<int>(std::size(kExpected)));
  for (int i = 0; i < X509_get_ext_count(x509); ++i) {
    X509_EXTENSION* const extension = X509_get_ext(x509, i);
    EXPECT_EQ(OBJ_obj2nid(X509_EXTENSION_get_object(extension)), kExpected[i].nid);
    EXPECT_EQ(X509_EXTENSION_get_critical(extension) == 1, kExpected[i].critical) << i;
  }
  EXPECT_FALSE(certificate.is_ca());
  EXPECT_EQ(X509_get_key_usage(x509), static_cast<uint32_t>(KU_DIGITAL_SIGNATURE));
  ASSERT_TRUE(certificate.subject_key_identifier().has_value());
  EXPECT_EQ(certificate.subject_key_identifier()->size(), 20u);
}

base::Bytes AuthorityKeyIdentifier(const Certificate& certificate) {
  const ASN1_OCTET_STRING* const id = X509_get0_authority_key_id(certificate.x509());
  if (id == nullptr) return {};
  const uint8_t* const data = ASN1_STRING_get0_data(id);
  return base::Bytes(data, data + ASN1_STRING_length(id));
}

TEST(IssueSelfSignedTest, EveryKeyThatSignsGetsTheDocumentedCertificate) {
  for (const char* type : {"rsa:2048", "ec:p256", "ec:p384"}) {
    const PrivateKey& key = TestKey(type);
    ASSERT_OK_AND_ASSIGN(const Certificate certificate, IssueSelfSigned(key, kSubject, kValidity));
    ExpectTheDocumentedExtensions(certificate);
    EXPECT_EQ(AuthorityKeyIdentifier(certificate), *certificate.subject_key_identifier());
    EXPECT_TRUE(certificate.public_key() == key.public_key());
    EXPECT_TRUE(certificate.self_issued());
    EXPECT_EQ(X509_verify(certificate.x509(), key.evp()), 1);
    EXPECT_EQ(X509_get_version(certificate.x509()), X509_VERSION_3);
    const int expected_hash = std::string(type) == "ec:p384" ? NID_sha384 : NID_sha256;
    int hash = NID_undef;
    ASSERT_EQ(X509_get_signature_info(certificate.x509(), &hash, nullptr, nullptr, nullptr), 1);
    EXPECT_EQ(hash, expected_hash);
  }
}

TEST(IssueSelfSignedTest, SubjectAndDatesAreAsAsked) {
  ASSERT_OK_AND_ASSIGN(const Certificate certificate,
                       IssueSelfSigned(TestKey("ec:p256"), kSubject, kValidity));
  EXPECT_EQ(certificate.subject(), "emailAddress=lab@example.org,CN=signer,O=Lab");
  EXPECT_EQ(certificate.issuer(), certificate.subject());
  EXPECT_EQ(certificate.not_before(), kValidity.not_before);
  EXPECT_EQ(certificate.not_after(), kValidity.not_after);
}

TEST(IssueSelfSignedTest, EmptyFieldsAreLeftOut) {
  ASSERT_OK_AND_ASSIGN(const Certificate certificate,
                       IssueSelfSigned(TestKey("ec:p256"), {.common_name = "only"}, kValidity));
  EXPECT_EQ(certificate.subject(), "CN=only");
}

TEST(IssueSelfSignedTest, SerialsAreSixteenRandomPositiveOctets) {
  base::Bytes last;
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK_AND_ASSIGN(const Certificate certificate,
                         IssueSelfSigned(TestKey("ec:p256"), kSubject, kValidity));
    const base::Bytes serial = certificate.serial_content();
    EXPECT_EQ(serial.size(), 16u);
    EXPECT_EQ(serial[0] & 0xc0, 0x40);
    EXPECT_NE(serial, last);
    last = serial;
  }
}

TEST(IssueByTest, TheChainVerifiesWithOpenssl) {
  const Certificate ca = MakeCa();
  ASSERT_OK_AND_ASSIGN(
      const Certificate leaf,
      IssueBy({ca, TestKey("ec:p384")}, TestKey("rsa:2048").public_key(), kSubject, kValidity));
  ExpectTheDocumentedExtensions(leaf);
  EXPECT_EQ(AuthorityKeyIdentifier(leaf), *ca.subject_key_identifier());
  EXPECT_EQ(leaf.issuer(), ca.subject());
  EXPECT_EQ(leaf.issuer_content(), ca.issuer_content());
  EXPECT_TRUE(leaf.public_key() == TestKey("rsa:2048").public_key());
  EXPECT_FALSE(leaf.self_issued());
  EXPECT_TRUE(OpensslVerifies(ca, leaf));
}

TEST(IssueByTest, ALeafOfAnotherCaDoesNotVerifyWithOpenssl) {
  // The control of the test above.
  const Certificate ca = MakeCa();
  const PrivateKey other_key = test::NewTestKey("ec:p384");
  CertificateSpec spec;
  spec.key = &other_key;
  spec.subject = {{"O", "Lab"}, {"CN", "test CA"}};
  spec.basic_constraints = "critical,CA:TRUE";
  spec.key_usage = "keyCertSign";
  const Certificate other_ca = MakeCertificate(spec);
  ASSERT_OK_AND_ASSIGN(
      const Certificate leaf,
      IssueBy({other_ca, other_key}, TestKey("ec:p256").public_key(), kSubject, kValidity));
  EXPECT_FALSE(OpensslVerifies(ca, leaf));
}

TEST(IssueByTest, AnIssuerThatIsNoCaIsRefused) {
  const Certificate leaf = MakeCertificate();
  EXPECT_THAT(
      IssueBy({leaf, TestKey("ec:p256")}, TestKey("rsa:2048").public_key(), kSubject, kValidity),
      StatusIs(StatusCode::kFailedPrecondition,
               "the CA certificate of 'CN=test,O=Lab' is no CA (CA:FALSE)"));
}

TEST(IssueByTest, ACaThatMayNotSignCertificatesIsRefused) {
  EXPECT_THAT(IssueBy({MakeCa("digitalSignature"), TestKey("ec:p384")},
                      TestKey("ec:p256").public_key(), kSubject, kValidity),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("may not sign certificates (keyUsage lacks keyCertSign)")));
}

TEST(IssueByTest, ACaWithoutKeyUsageMaySign) {
  EXPECT_THAT(IssueBy({MakeCa(""), TestKey("ec:p384")}, TestKey("ec:p256").public_key(), kSubject,
                      kValidity),
              IsOk());
}

TEST(IssueByTest, AKeyThatIsNotTheCasIsRefused) {
  const PrivateKey other = test::NewTestKey("ec:p384");
  EXPECT_THAT(IssueBy({MakeCa(), other}, TestKey("ec:p256").public_key(), kSubject, kValidity),
              StatusIs(StatusCode::kFailedPrecondition,
                       "the CA's private key does not belong to the CA's certificate"));
}

TEST(IssueByTest, ACaWithoutASubjectKeyIdentifierIsRefusedInWords) {
  CertificateSpec spec;
  spec.basic_constraints = "critical,CA:TRUE";
  spec.key_usage = "";
  spec.subject_key_identifier.reset();
  EXPECT_THAT(
      IssueBy({MakeCertificate(spec), TestKey("ec:p256")}, TestKey("rsa:2048").public_key(),
              kSubject, kValidity),
      StatusIs(StatusCode::kFailedPrecondition, HasSubstr("has no subject key identifier")));
}

TEST(IssueSelfSignedTest, ASubjectThatBreaksARuleIsRefused) {
  EXPECT_THAT(IssueSelfSigned(TestKey("ec:p256"), {.common_name = "a\nb"}, kValidity),
              StatusIs(StatusCode::kInvalidArgument, "the common name holds a control character"));
}

}  // namespace
}  // namespace jet::pki

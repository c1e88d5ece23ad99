#include "ima/signing_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::CertificateSpec;
using test::IsOk;
using test::IsOkAndHolds;
using test::MakeCertificate;
using test::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const absl::Time kNow = absl::FromUnixSeconds(1800000000);  // 2027-01-15

absl::StatusOr<std::vector<std::string>> Check(
    const CertificateSpec& spec, ExpiredCertificates expired = ExpiredCertificates::kRefuse,
    absl::Time now = kNow) {
  return CheckSigningCertificate(MakeCertificate(spec), now, expired);
}

TEST(SigningCertificateTest, EveryKeyThatMaySignPassesWithoutAWarning) {
  for (const char* type : {"rsa:2048", "rsa:3072", "rsa:4096", "ec:p256", "ec:p384"}) {
    CertificateSpec spec;
    spec.key_type = type;
    EXPECT_THAT(Check(spec), IsOkAndHolds(IsEmpty())) << type;
  }
}

TEST(SigningCertificateTest, AKeyThatMayNotSignIsRefusedByName) {
  for (const char* type :
       {"rsa:1024", "rsa:2560", "ec:p521", "ec:secp256k1", "ed25519", "rsa-pss:2048"}) {
    CertificateSpec spec;
    spec.key_type = type;
    EXPECT_THAT(Check(spec), StatusIs(StatusCode::kFailedPrecondition,
                                      StartsWith(absl::StrCat("key type ", type, " is "))));
  }
}

TEST(SigningCertificateTest, WithoutASubjectKeyIdentifierItIsRefused) {
  CertificateSpec spec;
  spec.subject_key_identifier.reset();
  EXPECT_THAT(Check(spec), StatusIs(StatusCode::kFailedPrecondition,
                                    HasSubstr("has no subject key identifier")));
}

TEST(SigningCertificateTest, ASubjectKeyIdentifierHasFourBytesOrMore) {
  CertificateSpec spec;
  spec.subject_key_identifier = Bytes(4, 1);
  EXPECT_THAT(Check(spec), IsOk());
  spec.subject_key_identifier = Bytes(3, 1);
  EXPECT_THAT(Check(spec), StatusIs(StatusCode::kFailedPrecondition,
                                    HasSubstr("subject key identifier has 3 bytes")));
}

TEST(SigningCertificateTest, ASubjectThatForgesLinesIsRefused) {
  CertificateSpec spec;
  spec.subject = {{"CN", "a\nforged line"}};
  EXPECT_THAT(Check(spec), StatusIs(StatusCode::kFailedPrecondition,
                                    HasSubstr("subject holds control characters")));
}

TEST(SigningCertificateTest, AKeyUsageWithoutDigitalSignatureIsRefused) {
  CertificateSpec spec;
  spec.key_usage = "keyCertSign";
  EXPECT_THAT(Check(spec), StatusIs(StatusCode::kFailedPrecondition,
                                    "the certificate's keyUsage does not allow digitalSignature"));
}

TEST(SigningCertificateTest, TheDatesIncludeTheirEnds) {
  CertificateSpec spec;
  spec.not_before = kNow;
  spec.not_after = kNow;
  EXPECT_THAT(Check(spec), IsOkAndHolds(IsEmpty()));
  EXPECT_FALSE(Check(spec, ExpiredCertificates::kRefuse, kNow + absl::Seconds(1)).ok());
  EXPECT_FALSE(Check(spec, ExpiredCertificates::kRefuse, kNow - absl::Seconds(1)).ok());
}

TEST(SigningCertificateTest, AnExpiredCertificateIsRefusedOrWarnedOf) {
  CertificateSpec spec;
  spec.not_after = absl::FromUnixSeconds(1750000000);
  EXPECT_THAT(Check(spec),
              StatusIs(StatusCode::kFailedPrecondition, "the certificate expired on 2025-06-15"));
  EXPECT_THAT(Check(spec, ExpiredCertificates::kAllow),
              IsOkAndHolds(ElementsAre("the certificate expired on 2025-06-15")));
}

TEST(SigningCertificateTest, ACertificateOfTheFutureIsRefusedOrWarnedOf) {
  CertificateSpec spec;
  spec.not_before = absl::FromUnixSeconds(1900000000);
  EXPECT_THAT(Check(spec), StatusIs(StatusCode::kFailedPrecondition,
                                    "the certificate is not valid before 2030-03-17"));
  EXPECT_THAT(Check(spec, ExpiredCertificates::kAllow),
              IsOkAndHolds(ElementsAre("the certificate is not valid before 2030-03-17")));
}

TEST(SigningCertificateTest, ACaIsWarnedOf) {
  CertificateSpec spec;
  spec.basic_constraints = "critical,CA:TRUE";
  spec.key_usage = "digitalSignature,keyCertSign";
  EXPECT_THAT(Check(spec), IsOkAndHolds(ElementsAre(StartsWith("the certificate is a CA"))));
}

TEST(SigningCertificateTest, NoKeyUsageIsWarnedOf) {
  CertificateSpec spec;
  spec.key_usage = "";
  EXPECT_THAT(Check(spec),
              IsOkAndHolds(ElementsAre(StartsWith("the certificate has no keyUsage"))));
}

TEST(SigningCertificateTest, EveryWarningIsGiven) {
  CertificateSpec spec;
  spec.basic_constraints = "CA:TRUE";
  spec.key_usage = "";
  spec.not_after = absl::FromUnixSeconds(1750000000);
  EXPECT_THAT(
      Check(spec, ExpiredCertificates::kAllow),
      IsOkAndHolds(ElementsAre(HasSubstr("expired"), HasSubstr("CA:TRUE"), HasSubstr("keyUsage"))));
}

}  // namespace
}  // namespace jet::ima

#include "ima/key_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::CertificateSpec;
using test::IsOkAndHolds;
using test::MakeCertificate;
using test::StatusIs;
using testing::HasSubstr;

pki::Certificate WithSki(const Bytes& ski, const std::string& common_name = "test") {
  CertificateSpec spec;
  spec.subject = {{"CN", common_name}};
  spec.subject_key_identifier = ski;
  return MakeCertificate(spec);
}

pki::Certificate WithoutSki(const std::string& common_name = "test", const Bytes& serial = {1}) {
  CertificateSpec spec;
  spec.subject = {{"CN", common_name}};
  spec.serial = serial;
  spec.subject_key_identifier.reset();
  return MakeCertificate(spec);
}

TEST(KeyIdTest, TextIsEightLowerCaseDigits) {
  EXPECT_EQ(KeyIdText({0x4b, 0xbb, 0x99, 0xd2}), "4bbb99d2");
  EXPECT_EQ(KeyIdText({0x00, 0x00, 0x00, 0x0a}), "0000000a");
}

TEST(KeyIdTest, ItIsTheEndOfTheSubjectKeyIdentifier) {
  EXPECT_THAT(KeyIdOf(WithSki({1, 2, 3, 4})), IsOkAndHolds(KeyId{1, 2, 3, 4}));
  EXPECT_THAT(KeyIdOf(WithSki({9, 1, 2, 3, 4})), IsOkAndHolds(KeyId{1, 2, 3, 4}));
  Bytes twenty(20, 0x77);
  twenty[16] = 0xa1;
  twenty[19] = 0xa4;
  EXPECT_THAT(KeyIdOf(WithSki(twenty)), IsOkAndHolds(KeyId{0xa1, 0x77, 0x77, 0xa4}));
}

TEST(KeyIdTest, WithoutAnIdentifierThereIsNone) {
  EXPECT_THAT(KeyIdOf(WithoutSki()), StatusIs(StatusCode::kFailedPrecondition,
                                              HasSubstr("has no subject key identifier")));
}

TEST(KeyIdTest, AnIdentifierUnderFourBytesIsRefused) {
  for (const size_t size : {0, 1, 2, 3}) {
    EXPECT_THAT(KeyIdOf(WithSki(Bytes(size, 7))),
                StatusIs(StatusCode::kFailedPrecondition,
                         absl::StrCat("the certificate's subject key identifier has ", size,
                                      " bytes; the kernel finds a key only by 4 or more")));
  }
}

TEST(MatchesTest, TheEndOfTheIdentifierMatches) {
  const pki::Certificate certificate = WithSki({9, 9, 1, 2, 3, 4});
  EXPECT_TRUE(Matches(certificate, {1, 2, 3, 4}));
  EXPECT_FALSE(Matches(certificate, {9, 1, 2, 3}));
  EXPECT_FALSE(Matches(certificate, {9, 9, 1, 2}));
  for (size_t i = 0; i < 4; ++i) {
    KeyId other = {1, 2, 3, 4};
    other[i] ^= 0x80;
    EXPECT_FALSE(Matches(certificate, other)) << i;
  }
}

TEST(MatchesTest, TheEndOfSerialNumberAndIssuerMatches) {
  // The issuer name ends in its common name.
  const KeyId tail = {'w', 'x', 'y', 'z'};
  EXPECT_TRUE(Matches(WithoutSki("vwxyz"), tail));
  EXPECT_TRUE(Matches(WithSki(Bytes(20, 1), "vwxyz"), tail));
  EXPECT_FALSE(Matches(WithoutSki("wxyz."), tail));
}

TEST(MatchesTest, TheSerialNumberCountsOnlyAsWhatPrecedesTheIssuer) {
  // ... 04 'a' 'b' of the name "ab" would need the serial number only were the name shorter still.
  const pki::Certificate certificate = WithoutSki("ab", {0x11, 0x22, 0x33, 0x44});
  EXPECT_FALSE(Matches(certificate, {0x11, 0x22, 0x33, 0x44}));
  EXPECT_TRUE(Matches(certificate, {0x0c, 0x02, 'a', 'b'}));  // UTF8String, 2 bytes
}

TEST(MatchesTest, AnEmptyIssuerLeavesTheSerialNumber) {
  CertificateSpec spec;
  spec.subject = {};
  spec.subject_key_identifier.reset();
  spec.serial = {0x11, 0x22, 0x33, 0x44, 0x55};
  EXPECT_TRUE(Matches(MakeCertificate(spec), {0x22, 0x33, 0x44, 0x55}));
  spec.serial = {0x11, 0x22, 0x33};
  // Three bytes are never found, not even by their own tail.
  for (const KeyId& key_id : {KeyId{0x11, 0x22, 0x33, 0x00}, KeyId{0x00, 0x11, 0x22, 0x33}}) {
    EXPECT_FALSE(Matches(MakeCertificate(spec), key_id));
  }
}

TEST(MatchesTest, AnIdentifierUnderFourBytesIsNeverFound) {
  const pki::Certificate certificate = WithSki({1, 2, 3});
  EXPECT_FALSE(Matches(certificate, {1, 2, 3, 0}));
  EXPECT_FALSE(Matches(certificate, {0, 1, 2, 3}));
}

TEST(ShareKeyIdTest, TwinsWhoseIdentifiersEndAlikeShare) {
  const pki::Certificate a = WithSki({1, 1, 5, 6, 7, 8}, "first");
  const pki::Certificate b = WithSki({2, 2, 5, 6, 7, 8}, "second");
  EXPECT_TRUE(ShareKeyId(a, b));
  EXPECT_TRUE(ShareKeyId(b, a));
}

TEST(ShareKeyIdTest, StrangersDoNotShare) {
  const pki::Certificate a = WithSki({5, 6, 7, 8}, "first");
  const pki::Certificate b = WithSki({5, 6, 7, 9}, "second");
  EXPECT_FALSE(ShareKeyId(a, b));
  EXPECT_FALSE(ShareKeyId(b, a));
}

TEST(ShareKeyIdTest, AnIdentifierThatEndsLikeTheOthersIssuerShares) {
  const pki::Certificate a = WithSki({'w', 'x', 'y', 'z'}, "first");
  const pki::Certificate b = WithSki({1, 2, 3, 4}, "vwxyz");
  EXPECT_TRUE(ShareKeyId(a, b));
  EXPECT_TRUE(ShareKeyId(b, a));
}

TEST(ShareKeyIdTest, CertificatesOfOneIssuerDoNotShare) {
  // Either key is found by the end of the issuer's name, which no signature carries.
  EXPECT_FALSE(ShareKeyId(WithSki({1, 2, 3, 4}, "CA"), WithSki({5, 6, 7, 8}, "CA")));
  EXPECT_FALSE(ShareKeyId(WithoutSki("a test"), WithoutSki("b test")));
}

TEST(ShareKeyIdTest, ACertificateSharesWithItself) {
  const pki::Certificate certificate = WithSki({1, 2, 3, 4});
  EXPECT_TRUE(ShareKeyId(certificate, certificate));
}

}  // namespace
}  // namespace jet::ima

#include "pki/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/hex.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::pki {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::CertificateSpec;
using test::IsOk;
using test::MakeCertificate;
using test::PemOf;
using test::StatusIs;
using testing::Eq;
using testing::HasSubstr;
using testing::StartsWith;

absl::StatusOr<Certificate> DecodeText(absl::string_view text) {
  return Certificate::Decode(base::AsBytes(text));
}

const Certificate& Example() {
  static const Certificate& certificate = *new Certificate(MakeCertificate());
  return certificate;
}

TEST(CertificateTest, DerAndPemDecodeToTheSameCertificate) {
  ASSERT_OK_AND_ASSIGN(const Certificate from_der, Certificate::Decode(Example().der()));
  ASSERT_OK_AND_ASSIGN(const Certificate from_pem, DecodeText(PemOf(Example())));
  EXPECT_EQ(from_der.der(), Example().der());
  EXPECT_EQ(from_pem.der(), Example().der());
}

TEST(CertificateTest, TextAroundAPemCertificateIsLeftAlone) {
  ASSERT_OK_AND_ASSIGN(const Certificate decoded,
                       DecodeText("subject=/CN=x\n" + PemOf(Example()) + "trailing remark\n"));
  EXPECT_EQ(decoded.der(), Example().der());
}

TEST(CertificateTest, BytesAfterTheDerAreRefused) {
  Bytes longer = Example().der();
  longer.push_back('\n');
  EXPECT_THAT(Certificate::Decode(longer),
              StatusIs(StatusCode::kInvalidArgument,
                       "1 bytes follow the certificate: it must stand alone"));
  Bytes twice = Example().der();
  twice.insert(twice.end(), Example().der().begin(), Example().der().end());
  EXPECT_THAT(Certificate::Decode(twice),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("it must stand alone")));
}

TEST(CertificateTest, TwoCertificatesInPemAreRefused) {
  EXPECT_THAT(DecodeText(PemOf(Example()) + PemOf(Example())),
              StatusIs(StatusCode::kInvalidArgument,
                       StartsWith("the file holds more than one certificate")));
}

TEST(CertificateTest, APrivateKeyInTheFileIsRefused) {
  const crypto::Secret key = test::ValueOf(test::TestKey("ec:p256").UnencryptedPem());
  const std::string pem(base::AsText(key.Expose()));
  for (const std::string& file : {pem + PemOf(Example()), PemOf(Example()) + pem}) {
    EXPECT_THAT(DecodeText(file), StatusIs(StatusCode::kInvalidArgument,
                                           StartsWith("the file holds a PEM block 'PRIVATE KEY'")));
  }
}

TEST(CertificateTest, ABrokenBlockBesidesTheCertificateIsRefused) {
  for (const char* broken : {"-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nAAAA\n",
                             "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
                             "-----BEGIN CERTIFICATE-----\nAAAA\n-----END X-----\n"}) {
    EXPECT_THAT(DecodeText(PemOf(Example()) + broken),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("PEM")))
        << broken;
  }
}

TEST(CertificateTest, NothingIsNoCertificate) {
  EXPECT_THAT(Certificate::Decode({}),
              StatusIs(StatusCode::kInvalidArgument, "the certificate file is empty"));
}

TEST(CertificateTest, GarbageIsNoCertificate) {
  for (const std::string& garbage :
       {std::string("hello"), std::string(100, '\0'), std::string(100, '\xff'),
        std::string("\x30\x82\xff\xff", 4), std::string("-----BEGIN NOTHING")}) {
    EXPECT_THAT(DecodeText(garbage),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("not an X.509 certificate")));
  }
}

TEST(CertificateTest, EveryTruncationIsRefused) {
  const Bytes& der = Example().der();
  for (size_t size = 0; size < der.size(); ++size) {
    ASSERT_FALSE(Certificate::Decode(base::ByteSpan(der).subspan(0, size)).ok()) << size;
  }
}

TEST(CertificateTest, ReadFileNamesTheFile) {
  const test::ScratchFolder folder;
  const std::string good = folder.Write("good", base::ByteSpan(Example().der()));
  EXPECT_THAT(Certificate::ReadFile(good), IsOk());
  const std::string bad = folder.Write("bad", "garbage");
  EXPECT_THAT(Certificate::ReadFile(bad),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("'" + bad + "': not an X.509")));
  EXPECT_THAT(Certificate::ReadFile(folder.Path("none")),
              StatusIs(StatusCode::kNotFound, HasSubstr(folder.Path("none"))));
  const std::string large = folder.Write("large", std::string(kMaxCertificateFile + 1, 'x'));
  EXPECT_THAT(Certificate::ReadFile(large),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("larger than 1048576 bytes")));
}

TEST(CertificateTest, TheSubjectKeyIdentifierIsItsBytes) {
  for (const size_t size : {0, 1, 3, 4, 5, 20, 32}) {
    CertificateSpec spec;
    spec.subject_key_identifier = Bytes(size, 0xa7);
    EXPECT_THAT(MakeCertificate(spec).subject_key_identifier(), Eq(Bytes(size, 0xa7)));
  }
}

TEST(CertificateTest, ACertificateMayHaveNoSubjectKeyIdentifier) {
  CertificateSpec spec;
  spec.subject_key_identifier.reset();
  EXPECT_EQ(MakeCertificate(spec).subject_key_identifier(), absl::nullopt);
}

TEST(CertificateTest, TheDatesAreThoseOfTheCertificate) {
  CertificateSpec spec;
  for (const int64_t seconds : {int64_t{0}, int64_t{1700000000}, int64_t{2524607999},
                                int64_t{2524608000}, int64_t{253402300799}}) {
    // 2049-12-31 is the last day of UTCTime; 9999-12-31 the last of GeneralizedTime.
    spec.not_before = absl::FromUnixSeconds(seconds);
    spec.not_after = absl::FromUnixSeconds(seconds);
    const Certificate certificate = MakeCertificate(spec);
    EXPECT_EQ(certificate.not_before(), absl::FromUnixSeconds(seconds));
    EXPECT_EQ(certificate.not_after(), absl::FromUnixSeconds(seconds));
  }
}

TEST(CertificateTest, DatesThatAreNoDatesMakeItValidNever) {
  Bytes der = Example().der();
  // Both dates, 231114221320Z and 20961002070640Z, lose their last digit to a letter.
  for (const char* date : {"231114221320Z", "20961002070640Z"}) {
    const base::ByteSpan bytes = base::AsBytes(date);
    const auto at = std::search(der.begin(), der.end(), bytes.begin(), bytes.end());
    ASSERT_NE(at, der.end()) << date;
    *(at + static_cast<ptrdiff_t>(bytes.size()) - 2) = 'x';
  }
  const absl::StatusOr<Certificate> decoded = Certificate::Decode(der);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->not_before(), absl::InfiniteFuture());
  EXPECT_EQ(decoded->not_after(), absl::InfinitePast());
}

TEST(CertificateTest, BasicConstraintsTellACaFromALeaf) {
  CertificateSpec spec;
  spec.basic_constraints = "critical,CA:TRUE";
  EXPECT_TRUE(MakeCertificate(spec).is_ca());
  spec.basic_constraints = "CA:FALSE";
  EXPECT_FALSE(MakeCertificate(spec).is_ca());
  spec.basic_constraints = "";
  EXPECT_FALSE(MakeCertificate(spec).is_ca());
}

TEST(CertificateTest, KeyUsageAllowsDigitalSignatureWhenItIsThereOrAbsent) {
  CertificateSpec spec;
  spec.key_usage = "critical,digitalSignature,keyEncipherment";
  EXPECT_TRUE(MakeCertificate(spec).allows_digital_signature());
  EXPECT_TRUE(MakeCertificate(spec).has_key_usage());
  spec.key_usage = "keyCertSign,cRLSign";
  EXPECT_FALSE(MakeCertificate(spec).allows_digital_signature());
  EXPECT_TRUE(MakeCertificate(spec).has_key_usage());
  spec.key_usage = "";
  EXPECT_TRUE(MakeCertificate(spec).allows_digital_signature());
  EXPECT_FALSE(MakeCertificate(spec).has_key_usage());
}

TEST(CertificateTest, NamesAreRfc2253InUtf8) {
  CertificateSpec spec;
  spec.subject = {{"O", "L\xc3\xa4"}, {"CN", "a,b"}, {"emailAddress", "a@b.example"}};
  const Certificate certificate = MakeCertificate(spec);
  EXPECT_EQ(certificate.subject(), "emailAddress=a@b.example,CN=a\\,b,O=L\xc3\xa4");
  EXPECT_EQ(certificate.issuer(), certificate.subject());
  EXPECT_EQ(certificate.common_name(), "a,b");
  EXPECT_TRUE(certificate.self_issued());
}

TEST(CertificateTest, WithoutACommonNameItIsEmpty) {
  CertificateSpec spec;
  spec.subject = {{"O", "Lab"}};
  EXPECT_EQ(MakeCertificate(spec).common_name(), "");
}

TEST(CertificateTest, EveryControlCharacterInAnyNameIsSeen) {
  for (int c = 0; c < 256; ++c) {
    const bool control = c < 0x20 || c == 0x7f;
    if (c >= 0x80) continue;
    for (const char* field : {"CN", "O"}) {
      CertificateSpec spec;
      spec.subject = {{"CN", "test"}, {field, std::string("a") + static_cast<char>(c) + "b"}};
      EXPECT_EQ(MakeCertificate(spec).subject_has_control_characters(), control) << c << field;
    }
  }
  CertificateSpec umlaut;
  umlaut.subject = {{"CN", "L\xc3\xa4"}};
  EXPECT_FALSE(MakeCertificate(umlaut).subject_has_control_characters());
}

TEST(CertificateTest, ControlCharactersAreSeenAsTheKernelSeesThem) {
  // The kernel copies the bytes of a name whatever string type they are in.
  CertificateSpec invalid_utf8;
  invalid_utf8.subject = {{"CN", "a\xff\nb", test::NameEncoding::kRawUtf8}};
  EXPECT_TRUE(MakeCertificate(invalid_utf8).subject_has_control_characters());
  CertificateSpec wide;
  wide.subject = {{"CN", std::string("\x0a\x41\x0a\x42", 4), test::NameEncoding::kBmp}};
  EXPECT_TRUE(MakeCertificate(wide).subject_has_control_characters());
  CertificateSpec plain_wide;
  plain_wide.subject = {{"CN", std::string("\0A\0B", 4), test::NameEncoding::kBmp}};
  EXPECT_FALSE(MakeCertificate(plain_wide).subject_has_control_characters());
}

// Returns what `openssl asn1parse` prints of the DER file, a line per element.
std::vector<std::string> Asn1Parse(const std::string& path) {
  const std::string command = "openssl asn1parse -inform DER -in '" + path + "'";
  std::string output;
  FILE* const pipe = popen(command.c_str(), "re");
  std::array<char, 4096> buffer;
  for (size_t size; (size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), size);
  }
  EXPECT_EQ(pclose(pipe), 0);
  return absl::StrSplit(output, '\n', absl::SkipEmpty());
}

// The content octets of the element that a line of asn1parse is about.
Bytes ContentAt(const Bytes& der, const std::string& line) {
  unsigned offset = 0;
  unsigned header = 0;
  unsigned length = 0;
  EXPECT_EQ(std::sscanf(line.c_str(), "%u:d=%*u hl=%u l=%u", &offset, &header, &length), 3) << line;
  return base::ToBytes(base::ByteSpan(der).subspan(offset + header, length));
}

TEST(CertificateTest, SerialAndIssuerContentAreTheOctetsInTheDer) {
  const test::ScratchFolder folder;
  for (const Bytes& serial :
       {Bytes{0x01}, Bytes{0x7f}, Bytes{0x80}, Bytes{0xff, 0x00, 0x12}, Bytes(20, 0x6b)}) {
    CertificateSpec spec;
    spec.serial = serial;
    const Certificate certificate = MakeCertificate(spec);
    const std::string path = folder.Write("der", base::ByteSpan(certificate.der()));
    const std::vector<std::string> lines = Asn1Parse(path);
    // Lines 0 and 1 open the certificate and its to-be-signed part, 2 and 3 are the version.
    ASSERT_GT(lines.size(), 5u);
    ASSERT_THAT(lines[4], HasSubstr("prim: INTEGER"));
    EXPECT_EQ(certificate.serial_content(), ContentAt(certificate.der(), lines[4]));
    const auto issuer = std::find_if(lines.begin() + 6, lines.end(), [](const std::string& line) {
      return absl::StrContains(line, "d=2") && absl::StrContains(line, "cons: SEQUENCE");
    });
    ASSERT_NE(issuer, lines.end());
    EXPECT_EQ(certificate.issuer_content(), ContentAt(certificate.der(), *issuer));
  }
}

TEST(CertificateTest, AHighSerialKeepsItsSignByte) {
  CertificateSpec spec;
  spec.serial = {0x80};
  EXPECT_EQ(MakeCertificate(spec).serial_content(), (Bytes{0x00, 0x80}));
  EXPECT_EQ(MakeCertificate(spec).serial(), "0080");
}

TEST(CertificateTest, TheFingerprintIsSha256OfTheDer) {
  const auto digest = crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, Example().der());
  EXPECT_THAT(Example().Fingerprint(), test::IsOkAndHolds(base::HexEncode(digest->value())));
}

TEST(CertificateTest, OnlyMd5AndSha1SignaturesAreWeak) {
  for (const char* type : {"rsa:2048", "ec:p256", "rsa-pss:2048"}) {
    for (const auto& [hash, weak] :
         {std::pair("md5", true), std::pair("sha1", true), std::pair("sha224", false),
          std::pair("sha256", false), std::pair("sha384", false), std::pair("sha512", false)}) {
      // OpenSSL signs so with plain RSA only.
      if (absl::string_view(hash) == "md5" && absl::string_view(type) != "rsa:2048") continue;
      CertificateSpec spec;
      spec.key_type = type;
      spec.hash = hash;
      EXPECT_EQ(MakeCertificate(spec).is_weakly_signed(), weak) << type << " " << hash;
    }
  }
}

TEST(CertificateTest, AnEd25519SignatureIsNotWeak) {
  CertificateSpec spec;
  spec.key_type = "ed25519";
  EXPECT_FALSE(MakeCertificate(spec).is_weakly_signed());
}

TEST(CertificateTest, ASignatureOfUnknownKindIsWeak) {
  // ecdsa-with-SHA256 is 1.2.840.10045.4.3.2; 1.2.840.10045.4.3.127 is nothing.
  const std::string unknown =
      absl::StrReplaceAll(std::string(base::AsText(Example().der())),
                          {{absl::string_view("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 10),
                            absl::string_view("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x7f", 10)}});
  ASSERT_OK_AND_ASSIGN(const Certificate certificate, DecodeText(unknown));
  EXPECT_TRUE(certificate.is_weakly_signed());
  EXPECT_FALSE(Example().is_weakly_signed());
}

TEST(CertificateTest, PemIsWhatOpensslWrites) {
  // Serial numbers of growing size move the end of the last line through all its places.
  for (size_t size = 1; size <= 50; ++size) {
    CertificateSpec spec;
    spec.serial = Bytes(size, 0x11);
    const Certificate certificate = MakeCertificate(spec);
    EXPECT_EQ(certificate.Pem(), PemOf(certificate));
  }
}

TEST(CertificateTest, DerThatLooksLikePemInsideIsDer) {
  CertificateSpec spec;
  spec.subject = {{"CN", "-----BEGIN CERTIFICATE-----"}};
  const Certificate certificate = MakeCertificate(spec);
  EXPECT_THAT(Certificate::Decode(certificate.der()), IsOk());
}

TEST(CertificateTest, PemWhereOnlyDerIsExpectedIsRefused) {
  EXPECT_THAT(Certificate::DecodeDer(Example().der()), IsOk());
  EXPECT_THAT(Certificate::DecodeDer(base::AsBytes(PemOf(Example()))),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("not an X.509 certificate")));
}

TEST(CertificateTest, ThePublicKeyIsThatOfTheSigner) {
  for (const char* type : {"rsa:2048", "ec:p384", "ed25519", "rsa-pss:2048"}) {
    CertificateSpec spec;
    spec.key_type = type;
    const Certificate certificate = MakeCertificate(spec);
    EXPECT_EQ(certificate.public_key().type().name, type);
    EXPECT_TRUE(certificate.public_key() == test::TestKey(type).public_key());
  }
}

}  // namespace
}  // namespace jet::pki

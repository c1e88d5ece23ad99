#include "pki/pkcs12.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/openssl_command.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::pki {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::MustRun;
using test::SecretText;
using test::StatusIs;
using testing::_;
using testing::HasSubstr;
using testing::SizeIs;

// A folder with key.pem and cert.pem of one key, and what openssl makes of them.
class Pkcs12Test : public ::testing::Test {
 protected:
  Pkcs12Test() {
    const absl::StatusOr<crypto::Secret> pem = certificate_key().UnencryptedPem();
    folder_.Write("key.pem", pem->Expose(), 0600);
    folder_.Write("cert.pem", test::PemOf(certificate_));
    test::CertificateSpec other;
    other.key_type = "ec:p384";
    other.subject = {{"CN", "another"}};
    folder_.Write("other.pem", test::PemOf(test::MakeCertificate(other)));
  }

  static const crypto::PrivateKey& certificate_key() { return test::TestKey("ec:p256"); }

  // Makes a PKCS#12 file and returns its content.
  crypto::Secret Export(const std::string& options, const std::string& passphrase = "geheim") {
    folder_.Write("passphrase", passphrase + "\n");
    MustRun(absl::StrCat("cd ", folder_.path(), " && openssl pkcs12 -export ", options,
                         " -out file.p12 -passout file:passphrase"));
    const absl::StatusOr<base::Bytes> content = base::ReadFile(folder_.Path("file.p12"), 1 << 20);
    return crypto::Secret::CopyOf(*content);
  }

  static absl::StatusOr<Pkcs12> Decode(const crypto::Secret& encoded,
                                       const std::string& passphrase) {
    return DecodePkcs12(encoded,
                        [&]() -> absl::StatusOr<crypto::Secret> { return SecretText(passphrase); });
  }

  const test::ScratchFolder folder_;
  const Certificate certificate_ = test::MakeCertificate();
};

constexpr char kKeyAndCertificate[] = "-inkey key.pem -in cert.pem";

TEST_F(Pkcs12Test, GivesTheKeyAndItsCertificate) {
  const absl::StatusOr<Pkcs12> file = Decode(Export(kKeyAndCertificate), "geheim");
  ASSERT_THAT(file, IsOk());
  EXPECT_TRUE(file->private_key.public_key() == certificate_.public_key());
  EXPECT_EQ(file->certificate.der(), certificate_.der());
  EXPECT_THAT(file->issuers, SizeIs(0));
}

TEST_F(Pkcs12Test, GivesTheOtherCertificatesToo) {
  const absl::StatusOr<Pkcs12> file =
      Decode(Export("-inkey key.pem -in cert.pem -certfile other.pem"), "geheim");
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->certificate.der(), certificate_.der());
  ASSERT_THAT(file->issuers, SizeIs(1));
  EXPECT_EQ(file->issuers[0].common_name(), "another");
}

TEST_F(Pkcs12Test, AnEmptyPassphraseIsOne) {
  EXPECT_THAT(Decode(Export(kKeyAndCertificate, ""), ""), IsOk());
}

TEST_F(Pkcs12Test, AWrongPassphraseIsToldFromABrokenFile) {
  const crypto::Secret encoded = Export(kKeyAndCertificate);
  EXPECT_THAT(Decode(encoded, "wrong"),
              StatusIs(StatusCode::kPermissionDenied, HasSubstr("wrong passphrase")));
  EXPECT_THAT(Decode(encoded, ""), StatusIs(StatusCode::kPermissionDenied, _));
  EXPECT_THAT(Decode(encoded, std::string("geheim\0", 7)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("zero byte")));
}

TEST_F(Pkcs12Test, AFileWithoutMacIsRefused) {
  EXPECT_THAT(Decode(Export(absl::StrCat(kKeyAndCertificate, " -nomac")), "geheim"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("has no MAC")));
}

TEST_F(Pkcs12Test, AKeyOrACertificateAloneIsRefused) {
  EXPECT_THAT(Decode(Export("-nokeys -in cert.pem"), "geheim"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no private key")));
  EXPECT_THAT(Decode(Export("-nocerts -inkey key.pem -in cert.pem"), "geheim"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no certificate")));
}

TEST_F(Pkcs12Test, EncryptionThatOpenSslHasPutAsideIsSaid) {
  const absl::StatusOr<Pkcs12> file = Decode(
      Export(absl::StrCat(kKeyAndCertificate, " -legacy -certpbe PBE-SHA1-RC2-40")), "geheim");
  EXPECT_THAT(file, StatusIs(StatusCode::kUnimplemented, HasSubstr("put its encryption aside")));
}

TEST_F(Pkcs12Test, OtherContentIsRefused) {
  const crypto::Secret encoded = Export(kKeyAndCertificate);
  const base::ByteSpan bytes = encoded.Expose();
  EXPECT_THAT(Decode(SecretText(""), "geheim"), StatusIs(StatusCode::kInvalidArgument, _));
  EXPECT_THAT(Decode(SecretText("garbage"), "geheim"), StatusIs(StatusCode::kInvalidArgument, _));
  base::Bytes longer(bytes.begin(), bytes.end());
  longer.push_back(0);
  EXPECT_THAT(Decode(crypto::Secret::CopyOf(longer), "geheim"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("bytes follow")));
  for (size_t size = 0; size < bytes.size(); size += 7) {
    EXPECT_FALSE(Decode(crypto::Secret::CopyOf(bytes.subspan(0, size)), "geheim").ok()) << size;
  }
}

TEST_F(Pkcs12Test, NobodyIsAskedAboutWhatIsNoSuchFile) {
  EXPECT_THAT(DecodePkcs12(SecretText("garbage"), test::NoPassphrase),
              StatusIs(StatusCode::kInvalidArgument, _));
}

}  // namespace
}  // namespace jet::pki

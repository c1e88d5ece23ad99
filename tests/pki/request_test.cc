#include "pki/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "pki/certificate.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/openssl_command.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::pki {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::IsOk;
using test::IsOkAndHolds;
using test::MustRun;
using test::StatusIs;
using test::TestKey;
using testing::HasSubstr;
using testing::StartsWith;

Subject FullSubject() {
  return {.country = "US",
          .state = "CA",
          .locality = "S\xc3\xa3o Paulo",
          .organization = "Acme, Inc.",
          .organizational_unit = "R/D",
          .common_name = "acme-dev1-1",
          .email = "ca@acme.example"};
}

std::unique_ptr<crypto::Signer> SignerOf(const std::string& type) {
  return test::ValueOf(crypto::MakeSigner(test::CloneOf(TestKey(type))));
}

CertificateRequest Example() {
  return test::ValueOf(MakeRequest(*SignerOf("ec:p256"), FullSubject()));
}

absl::StatusOr<CertificateRequest> DecodeText(absl::string_view text) {
  return CertificateRequest::Decode(base::AsBytes(text));
}

struct SigningKey {
  const char* type;
  const char* algorithm;  // as OpenSSL prints it
};

constexpr SigningKey kSigningKeys[] = {{"rsa:2048", "sha256WithRSAEncryption"},
                                       {"rsa:3072", "sha256WithRSAEncryption"},
                                       {"rsa:4096", "sha256WithRSAEncryption"},
                                       {"ec:p256", "ecdsa-with-SHA256"},
                                       {"ec:p384", "ecdsa-with-SHA384"}};

TEST(MakeRequestTest, OpensslVerifiesTheRequestOfEveryKeyThatSigns) {
  const test::ScratchFolder folder;
  for (const SigningKey& key : kSigningKeys) {
    ASSERT_OK_AND_ASSIGN(const CertificateRequest request,
                         MakeRequest(*SignerOf(key.type), FullSubject()));
    const std::string path = folder.Write("req.pem", request.Pem());
    EXPECT_EQ(MustRun(absl::StrCat("openssl req -in ", path,
                                   " -verify -noout -subject -nameopt RFC2253,utf8,-esc_msb")),
              "Certificate request self-signature verify OK\n"
              "subject=emailAddress=ca@acme.example,CN=acme-dev1-1,OU=R/D,O=Acme\\, Inc.,"
              "L=S\xc3\xa3o Paulo,ST=CA,C=US\n")
        << key.type;
    const std::string text = MustRun(absl::StrCat("openssl req -in ", path, " -noout -text"));
    EXPECT_THAT(text, HasSubstr("Version: 1 (0x0)"));
    EXPECT_THAT(text, HasSubstr("(none)\n            Requested Extensions:\n"))
        << "there are no attributes";
    EXPECT_THAT(text, HasSubstr(absl::StrCat("Signature Algorithm: ", key.algorithm, "\n")));
  }
}

TEST(MakeRequestTest, AnotherNameThanTheSignedOneDoesNotVerifyWithOpenssl) {
  // The control of the test above.
  const test::ScratchFolder folder;
  const std::string forged = absl::StrReplaceAll(std::string(base::AsText(Example().der())),
                                                 {{"acme-dev1-1", "acme-dev1-2"}});
  const std::string path = folder.Write("req.der", forged);
  EXPECT_THAT(test::RunCommand("openssl req -inform DER -noout -verify -in " + path).output,
              HasSubstr("verify failure"));
}

TEST(MakeRequestTest, KeyAndSubjectAreThoseAskedFor) {
  const CertificateRequest request = Example();
  EXPECT_TRUE(request.public_key() == TestKey("ec:p256").public_key());
  EXPECT_EQ(request.common_name(), "acme-dev1-1");
  EXPECT_EQ(request.subject_text(),
            "emailAddress=ca@acme.example,CN=acme-dev1-1,OU=R/D,O=Acme\\, Inc.,L=S\xc3\xa3o "
            "Paulo,ST=CA,C=US");
  EXPECT_THAT(request.GetSubject(), IsOkAndHolds(FullSubject()));
}

TEST(MakeRequestTest, TheKeyOfTheRequestIsOnlyThePublicHalf) {
  // A request that shared the signer's key would keep the private half alive.
  const CertificateRequest request = Example();
  uint8_t* der = nullptr;
  EXPECT_LE(i2d_PrivateKey(request.public_key().evp(), &der), 0);
  OPENSSL_free(der);
}

TEST(MakeRequestTest, ParametersAreNullForRsaAndAbsentForEcdsa) {
  const test::ScratchFolder folder;
  for (const auto& [type, rest] : {std::pair("rsa:2048", ":sha256WithRSAEncryption\nNULL"),
                                   std::pair("ec:p256", ":ecdsa-with-SHA256\nBIT STRING"),
                                   std::pair("ec:p384", ":ecdsa-with-SHA384\nBIT STRING")}) {
    ASSERT_OK_AND_ASSIGN(const CertificateRequest request,
                         MakeRequest(*SignerOf(type), FullSubject()));
    const std::string path = folder.Write("req.der", base::ByteSpan(request.der()));
    const std::string elements =
        MustRun("openssl asn1parse -inform DER -in " + path +
                R"( | sed -E 's/ *[0-9]+:d=[0-9]+ +hl=[0-9]+ l= *[0-9]+ (prim|cons): //' |)"
                R"( tail -n 3 | sed -E 's/^OBJECT +//; s/ +$//')");
    EXPECT_THAT(elements, HasSubstr(rest)) << type;
  }
}

TEST(MakeRequestTest, EveryBitOfTheSignatureIsKept) {
  // About half of all signatures end in a zero bit, which OpenSSL by itself counts as unused.
  const std::unique_ptr<crypto::Signer> signer = SignerOf("ec:p256");
  for (int i = 0; i < 64; ++i) {
    ASSERT_OK_AND_ASSIGN(const CertificateRequest request, MakeRequest(*signer, FullSubject()));
    // BIT STRING, its length, the number of unused bits, then the SEQUENCE of the signature.
    const Bytes& der = request.der();
    size_t start = der.size() - 2;
    while (start > 0 && !(der[start - 2] == V_ASN1_BIT_STRING &&
                          der[start - 1] == der.size() - start && der[start + 1] == 0x30)) {
      --start;
    }
    ASSERT_GT(start, 0u);
    ASSERT_EQ(der[start], 0) << "unused bits";
  }
}

TEST(MakeRequestTest, ASubjectThatBreaksARuleIsRefused) {
  EXPECT_THAT(MakeRequest(*SignerOf("ec:p256"), {.country = "USA", .common_name = "x"}),
              StatusIs(StatusCode::kInvalidArgument,
                       "the country is not two letters of ISO 3166, such as US"));
  EXPECT_THAT(MakeRequest(*SignerOf("ec:p256"), {}),
              StatusIs(StatusCode::kInvalidArgument, "the common name is empty"));
}

// A signer that can be told to do wrong.
class FakeSigner : public crypto::Signer {
 public:
  FakeSigner(std::string type, absl::StatusOr<Bytes> signature)
      : key_(TestKey(type).public_key()), signature_(std::move(signature)) {}

  const crypto::PublicKey& public_key() const override { return key_; }
  absl::StatusOr<Bytes> SignDigest(const crypto::Digest& /*digest*/) const override {
    return signature_;
  }

 private:
  const crypto::PublicKey key_;
  const absl::StatusOr<Bytes> signature_;
};

TEST(MakeRequestTest, TheErrorOfTheSignerIsReturned) {
  const FakeSigner signer("ec:p256", absl::UnavailableError("no card in the reader"));
  EXPECT_THAT(MakeRequest(signer, FullSubject()),
              StatusIs(StatusCode::kUnavailable, "no card in the reader"));
}

TEST(MakeRequestTest, ASignatureThatDoesNotMatchIsNotHandedOut) {
  for (const char* type : {"ec:p256", "rsa:2048"}) {
    for (const size_t size : {0, 1, 64, 256}) {
      const FakeSigner signer(type, Bytes(size, 0x30));
      EXPECT_THAT(MakeRequest(signer, FullSubject()),
                  StatusIs(StatusCode::kUnauthenticated, HasSubstr("does not match")));
    }
  }
}

TEST(MakeRequestTest, AKeyThatMayNotSignIsRefused) {
  for (const char* type : {"ed25519", "ec:p521", "rsa:1024", "rsa-pss:2048"}) {
    EXPECT_THAT(MakeRequest(FakeSigner(type, Bytes(64, 1)), FullSubject()),
                StatusIs(StatusCode::kFailedPrecondition,
                         StartsWith(absl::StrCat("key type ", type, " is "))));
  }
}

TEST(CertificateRequestTest, DerAndPemDecodeToTheSameRequest) {
  const CertificateRequest example = Example();
  ASSERT_OK_AND_ASSIGN(const CertificateRequest from_der,
                       CertificateRequest::Decode(example.der()));
  ASSERT_OK_AND_ASSIGN(const CertificateRequest from_pem, DecodeText(example.Pem()));
  EXPECT_EQ(from_der.der(), example.der());
  EXPECT_EQ(from_pem.der(), example.der());
}

TEST(CertificateRequestTest, PemIsWhatOpensslWrites) {
  const test::ScratchFolder folder;
  const CertificateRequest example = Example();
  const std::string path = folder.Write("req.der", base::ByteSpan(example.der()));
  EXPECT_EQ(example.Pem(), MustRun("openssl req -inform DER -in " + path));
}

TEST(CertificateRequestTest, CrlfTextAroundAndTheOlderLabelAreRead) {
  const CertificateRequest example = Example();
  const std::string pem = example.Pem();
  const std::string crlf = absl::StrReplaceAll(pem, {{"\n", "\r\n"}});
  const std::string older =
      absl::StrReplaceAll(pem, {{"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}});
  for (const std::string& text : {crlf, older, "Dear CA,\n" + pem + "yours\n"}) {
    ASSERT_OK_AND_ASSIGN(const CertificateRequest request, DecodeText(text));
    EXPECT_EQ(request.der(), example.der());
  }
}

TEST(CertificateRequestTest, BytesAfterTheDerAreRefused) {
  Bytes longer = Example().der();
  longer.push_back(0);
  EXPECT_THAT(CertificateRequest::Decode(longer),
              StatusIs(StatusCode::kInvalidArgument,
                       "1 bytes follow the certificate request: it must stand alone"));
}

TEST(CertificateRequestTest, TwoRequestsInAFileAreRefused) {
  EXPECT_THAT(DecodeText(Example().Pem() + Example().Pem()),
              StatusIs(StatusCode::kInvalidArgument,
                       "the file holds more than one certificate request: which one is meant "
                       "cannot be told"));
}

TEST(CertificateRequestTest, OtherPemBlocksAreRefused) {
  const std::string certificate = test::PemOf(test::MakeCertificate());
  const crypto::Secret key = test::ValueOf(TestKey("ec:p256").UnencryptedPem());
  EXPECT_THAT(DecodeText(certificate),
              StatusIs(StatusCode::kInvalidArgument,
                       "the file holds a PEM block 'CERTIFICATE': a certificate request file "
                       "holds one certificate request and nothing else"));
  EXPECT_THAT(DecodeText(Example().Pem() + std::string(base::AsText(key.Expose()))),
              StatusIs(StatusCode::kInvalidArgument,
                       StartsWith("the file holds a PEM block 'PRIVATE KEY'")));
}

TEST(CertificateRequestTest, NothingAndGarbageAreNoRequest) {
  EXPECT_THAT(CertificateRequest::Decode({}),
              StatusIs(StatusCode::kInvalidArgument, "the certificate request file is empty"));
  for (const std::string& garbage :
       {std::string("hello"), std::string(100, '\0'), std::string("\x30\x82\xff\xff", 4),
        std::string("-----BEGIN NOTHING")}) {
    EXPECT_THAT(DecodeText(garbage), StatusIs(StatusCode::kInvalidArgument,
                                              HasSubstr("not a PKCS#10 certificate request")));
  }
  EXPECT_THAT(CertificateRequest::Decode(test::MakeCertificate().der()),
              StatusIs(StatusCode::kInvalidArgument,
                       StartsWith("not a PKCS#10 certificate request in DER or PEM: ")));
}

TEST(CertificateRequestTest, EveryTruncationIsRefused) {
  const CertificateRequest example = Example();
  for (size_t size = 0; size < example.der().size(); ++size) {
    ASSERT_THAT(CertificateRequest::Decode(base::ByteSpan(example.der()).subspan(0, size)),
                StatusIs(StatusCode::kInvalidArgument, testing::_))
        << size;
  }
}

TEST(CertificateRequestTest, NoChangedByteIsTakenForTheRequest) {
  const CertificateRequest example = Example();
  for (size_t i = 0; i < example.der().size(); ++i) {
    Bytes changed = example.der();
    changed[i] ^= 0x01;
    const absl::StatusOr<CertificateRequest> decoded = CertificateRequest::Decode(changed);
    ASSERT_FALSE(decoded.ok()) << i;
  }
}

TEST(CertificateRequestTest, AChangedSubjectIsUnauthenticated) {
  for (const char* type : {"rsa:2048", "ec:p256", "ec:p384"}) {
    ASSERT_OK_AND_ASSIGN(const CertificateRequest request,
                         MakeRequest(*SignerOf(type), FullSubject()));
    const std::string forged = absl::StrReplaceAll(std::string(base::AsText(request.der())),
                                                   {{"acme-dev1-1", "acme-dev1-2"}});
    EXPECT_THAT(DecodeText(forged),
                StatusIs(StatusCode::kUnauthenticated,
                         "the certificate request's signature does not match the public key in it"))
        << type;
  }
}

TEST(CertificateRequestTest, AChangedSignatureIsUnauthenticated) {
  Bytes der = test::ValueOf(MakeRequest(*SignerOf("rsa:2048"), FullSubject())).der();
  der.back() ^= 0x01;
  EXPECT_THAT(CertificateRequest::Decode(der), StatusIs(StatusCode::kUnauthenticated, testing::_));
}

TEST(CertificateRequestTest, AnAlgorithmThatCannotBeVerifiedIsNotAMismatch) {
  // ecdsa-with-SHA256 is 1.2.840.10045.4.3.2; 1.2.840.10045.4.3.127 is nothing.
  const std::string known("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 10);
  const std::string unknown("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x7f", 10);
  const std::string changed =
      absl::StrReplaceAll(std::string(base::AsText(Example().der())), {{known, unknown}});
  EXPECT_THAT(DecodeText(changed),
              StatusIs(StatusCode::kUnimplemented,
                       "the certificate request is signed with an algorithm that cannot be "
                       "verified"));
}

TEST(CertificateRequestTest, AKeyThatCannotBeReadIsRefused) {
  // prime256v1 becomes a curve that does not exist.
  const std::string known("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10);
  const std::string unknown("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x7f", 10);
  const std::string changed =
      absl::StrReplaceAll(std::string(base::AsText(Example().der())), {{known, unknown}});
  EXPECT_THAT(DecodeText(changed),
              StatusIs(StatusCode::kInvalidArgument,
                       StartsWith("the certificate request's public key cannot be used")));
}

TEST(CertificateRequestTest, ReadFileNamesTheFile) {
  const test::ScratchFolder folder;
  EXPECT_THAT(CertificateRequest::ReadFile(folder.Write("good", Example().Pem())), IsOk());
  const std::string bad = folder.Write("bad", "garbage");
  EXPECT_THAT(CertificateRequest::ReadFile(bad),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("'" + bad + "': not a PKCS#10")));
  EXPECT_THAT(CertificateRequest::ReadFile(folder.Path("none")),
              StatusIs(StatusCode::kNotFound, HasSubstr(folder.Path("none"))));
  const std::string large = folder.Write("large", std::string(kMaxCertificateFile + 1, 'x'));
  EXPECT_THAT(CertificateRequest::ReadFile(large),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("larger than 1048576 bytes")));
}

// Has openssl make a request, with `arguments` for `openssl req` and `distinguished_name` as that
// section of its configuration.
absl::StatusOr<CertificateRequest> RequestByOpenssl(const std::string& distinguished_name,
                                                    const std::string& string_mask,
                                                    const std::string& arguments) {
  const test::ScratchFolder folder;
  folder.Write(
      "req.cnf",
      absl::StrCat("[req]\nprompt = no\nutf8 = yes\nstring_mask = ", string_mask,
                   "\ndistinguished_name = dn\n", "attributes = extra\n[dn]\n", distinguished_name,
                   "\n[extra]\nchallengePassword = 12345678\n", "unstructuredName = a name\n"));
  MustRun(absl::StrCat("cd ", folder.path(), " && openssl req -new -config req.cnf -nodes ",
                       "-keyout key.pem -out req.pem ", arguments));
  return CertificateRequest::ReadFile(folder.Path("req.pem"));
}

TEST(CertificateRequestTest, ARequestByOpensslWithAttributesIsReadBack) {
  ASSERT_OK_AND_ASSIGN(
      const CertificateRequest request,
      RequestByOpenssl(
          "C = US\nST = CA\nL = Sunnyvale\nO = Acme, Inc.\nOU = R/D\nCN = acme-dev1-1\n"
          "emailAddress = ca@acme.example",
          "utf8only", "-newkey rsa:2048 -addext subjectAltName=DNS:host.example"));
  Subject expected = FullSubject();
  expected.locality = "Sunnyvale";
  EXPECT_THAT(request.GetSubject(), IsOkAndHolds(expected));
  EXPECT_EQ(request.public_key().type().name, "rsa:2048");
}

TEST(CertificateRequestTest, ARequestByOpensslWithT61AndBmpStringsIsReadBack) {
  for (const auto& [mask, text] : {std::pair("MASK:0x4", "Lab \xc3\xa4*"),          // T61String
                                   std::pair("MASK:0x800", "Lab \xe2\x82\xac")}) {  // BMPString
    ASSERT_OK_AND_ASSIGN(const CertificateRequest request,
                         RequestByOpenssl(absl::StrCat("O = ", text, "\nCN = a*b"), mask,
                                          "-newkey ec -pkeyopt ec_paramgen_curve:P-256"));
    const Subject expected = {.organization = text, .common_name = "a*b"};
    EXPECT_THAT(request.GetSubject(), IsOkAndHolds(expected)) << mask;
    EXPECT_EQ(request.common_name(), "a*b");
  }
}

TEST(CertificateRequestTest, AMultiValuedRdnIsReadButIsNoSubject) {
  ASSERT_OK_AND_ASSIGN(const CertificateRequest request,
                       RequestByOpenssl("O = Lab\n+CN = x", "utf8only",
                                        "-newkey ec -pkeyopt ec_paramgen_curve:P-256"));
  EXPECT_EQ(request.common_name(), "x");
  EXPECT_EQ(request.subject_text(), "O=Lab+CN=x");
  EXPECT_THAT(request.GetSubject(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("in one part (RDN)")));
}

TEST(CertificateRequestTest, ARequestOfAKeyThatMayNotSignIsReadAllTheSame) {
  for (const char* key : {"ed25519", "rsa-pss -pkeyopt rsa_keygen_bits:2048"}) {
    EXPECT_THAT(RequestByOpenssl("CN = x", "utf8only", absl::StrCat("-newkey ", key)), IsOk())
        << key;
  }
}

TEST(CertificateRequestTest, WithoutACommonNameItIsEmpty) {
  ASSERT_OK_AND_ASSIGN(
      const CertificateRequest request,
      RequestByOpenssl("O = Lab", "utf8only", "-newkey ec -pkeyopt ec_paramgen_curve:P-256"));
  EXPECT_EQ(request.common_name(), "");
  EXPECT_THAT(request.GetSubject(), IsOkAndHolds(Subject{.organization = "Lab"}));
}

}  // namespace
}  // namespace jet::pki

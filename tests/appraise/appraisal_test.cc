#include "appraise/appraisal.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/xattr.h"
#include "ima/signature.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::appraise {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kContent[] = "content";

pki::Certificate CertificateOf(const std::string& key_type, uint8_t identifier_byte) {
  test::CertificateSpec spec;
  spec.key_type = key_type;
  spec.subject_key_identifier = base::Bytes(20, identifier_byte);
  return test::MakeCertificate(spec);
}

absl::StatusOr<crypto::Digest> ContentDigest(crypto::HashAlgorithm hash) {
  return crypto::ComputeDigest(hash, base::AsBytes(kContent));
}

// The value of security.ima for kContent, signed by the key of `type`.
base::Bytes SignedValue(const std::string& type, crypto::HashAlgorithm hash, uint8_t id_byte) {
  const base::Bytes signature = test::SignAnyway(test::TestKey(type), ContentDigest(hash).value());
  return ima::EncodeSignature({hash, {id_byte, id_byte, id_byte, id_byte}, signature}).value();
}

base::Bytes GoodValue() { return SignedValue("rsa:2048", crypto::HashAlgorithm::kSha256, 0x11); }

class AppraisalTest : public testing::Test {
 protected:
  AppraisalTest() : trust_({{"key", CertificateOf("rsa:2048", 0x11)}}) {}

  Appraisal Judge(const absl::optional<base::Bytes>& value) const {
    return test::ValueOf(Appraise(value, trust_, ContentDigest));
  }

  TrustSet trust_;
};

TEST_F(AppraisalTest, CallsAGoodSignatureValid) {
  const Appraisal appraisal = Judge(GoodValue());
  EXPECT_EQ(appraisal.verdict, Verdict::kValid);
  EXPECT_EQ(appraisal.kernel_cause, "");
  ASSERT_NE(appraisal.key, nullptr);
  EXPECT_EQ(appraisal.key->name, "key");
  EXPECT_EQ(appraisal.signature_version, 2);
  EXPECT_EQ(appraisal.hash_name, "sha256");
  EXPECT_TRUE(appraisal.digest.has_value());
  EXPECT_THAT(appraisal.warnings, IsEmpty());
}

TEST_F(AppraisalTest, JudgesEveryKindOfBadValueAsTheKernelDoes) {
  const base::Bytes good = GoodValue();
  const auto changed = [&good](size_t offset, uint8_t value) {
    base::Bytes bytes = good;
    bytes.at(offset) = value;
    return bytes;
  };
  const auto cut = [&good](size_t size) { return base::Bytes(good.begin(), good.begin() + size); };
  const auto longer = [&good] {
    base::Bytes bytes = good;
    bytes.push_back(0);
    return bytes;
  };
  struct {
    const char* what;
    absl::optional<base::Bytes> value;
    Verdict verdict;
    const char* cause;
  } const kCases[] = {
      {"no xattr", absl::nullopt, Verdict::kNoSignature, "IMA-signature-required"},
      {"empty", base::Bytes(), Verdict::kNoSignature, "IMA-signature-required"},
      {"signature bit flipped", changed(40, static_cast<uint8_t>(good[40] ^ 1)), Verdict::kMismatch,
       "invalid-signature"},
      {"key id flipped", changed(3, 0x12), Verdict::kUnknownKey, "invalid-signature"},
      {"size too small", changed(8, 0xff), Verdict::kMalformed, "invalid-signature"},
      {"size too large", changed(7, 2), Verdict::kMalformed, "invalid-signature"},
      {"trailing byte", longer(), Verdict::kMalformed, "invalid-signature"},
      {"1 byte", cut(1), Verdict::kMalformed, "invalid-signature"},
      {"2 bytes", cut(2), Verdict::kMalformed, "invalid-signature"},
      {"8 bytes", cut(8), Verdict::kMalformed, "invalid-signature"},
      {"9 bytes", cut(9), Verdict::kMalformed, "invalid-signature"},
      {"version 0", changed(1, 0), Verdict::kUnsupported, "unknown"},
      {"version 1", changed(1, 1), Verdict::kUnsupported, "invalid-signature"},
      {"version 3", changed(1, 3), Verdict::kUnsupported, "invalid-signature-version"},
      {"version 4", changed(1, 4), Verdict::kUnsupported, "invalid-signature-version"},
      {"hash id 99", changed(2, 99), Verdict::kUnsupported, "invalid-signature"},
      {"sm3", changed(2, 17), Verdict::kUnsupported, "failed"},
      {"hash changed to sha512", changed(2, 6), Verdict::kMismatch, "invalid-signature"},
      {"type 0x00", changed(0, 0), Verdict::kMalformed, "unknown-ima-data"},
      {"type 0x02", changed(0, 2), Verdict::kMalformed, "unknown-ima-data"},
      {"type 0x05", changed(0, 5), Verdict::kMalformed, "unknown-ima-data"},
      {"type 0x07", changed(0, 7), Verdict::kMalformed, "unknown-ima-data"},
      {"type 0x06 version 2", changed(0, 6), Verdict::kUnsupported, "IMA-signature-required"},
      {"digest", base::Bytes(21, 1), Verdict::kHashOnly, "IMA-signature-required"},
      {"digest of the new kind",
       [] {
         base::Bytes bytes(34, 4);
         return bytes;
       }(),
       Verdict::kHashOnly, "IMA-signature-required"},
  };
  for (const auto& test : kCases) {
    const Appraisal appraisal = Judge(test.value);
    EXPECT_STREQ(VerdictName(appraisal.verdict), VerdictName(test.verdict)) << test.what;
    EXPECT_EQ(appraisal.kernel_cause, test.cause) << test.what;
    EXPECT_NE(appraisal.detail, "") << test.what;
  }
}

TEST_F(AppraisalTest, SaysMismatchWhenTheContentChanged) {
  const auto other_digest = [](crypto::HashAlgorithm hash) {
    return crypto::ComputeDigest(hash, base::AsBytes("other content"));
  };
  EXPECT_EQ(test::ValueOf(Appraise(GoodValue(), trust_, other_digest)).verdict, Verdict::kMismatch);
}

TEST_F(AppraisalTest, HashesOnlyWhenThatDecides) {
  int calls = 0;
  const auto counting = [&calls](crypto::HashAlgorithm hash) {
    ++calls;
    return ContentDigest(hash);
  };
  base::Bytes unknown = GoodValue();
  unknown[6] ^= 1;
  EXPECT_THAT(Appraise(unknown, trust_, counting), test::IsOk());
  EXPECT_THAT(Appraise(absl::nullopt, trust_, counting), test::IsOk());
  EXPECT_EQ(calls, 0);
  EXPECT_THAT(Appraise(GoodValue(), trust_, counting), test::IsOk());
  EXPECT_EQ(calls, 1);
}

TEST_F(AppraisalTest, PassesOnThatTheFileCouldNotBeHashed) {
  const auto failing = [](crypto::HashAlgorithm) -> absl::StatusOr<crypto::Digest> {
    return absl::DataLossError("the disk is broken");
  };
  EXPECT_THAT(Appraise(GoodValue(), trust_, failing),
              test::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the disk is broken")));
}

TEST_F(AppraisalTest, WarnsOfWeakHashesAndKeys) {
  const Appraisal sha1 = Judge(SignedValue("rsa:2048", crypto::HashAlgorithm::kSha1, 0x11));
  EXPECT_EQ(sha1.verdict, Verdict::kValid);
  EXPECT_THAT(sha1.warnings, ElementsAre(HasSubstr("sha1")));
  trust_ = TrustSet({{"weak", CertificateOf("rsa:1024", 0x33)}});
  const Appraisal weak = Judge(SignedValue("rsa:1024", crypto::HashAlgorithm::kSha256, 0x33));
  EXPECT_EQ(weak.verdict, Verdict::kValid);
  EXPECT_THAT(weak.warnings, ElementsAre(HasSubstr("rsa:1024")));
}

TEST_F(AppraisalTest, CallsKeysThatTheKernelCannotUseUnsupported) {
  for (const char* type : {"ec:p521", "rsa:2560", "ed25519", "rsa-pss:2048"}) {
    trust_ = TrustSet({{"key", CertificateOf(type, 0x11)}});
    const Appraisal appraisal = Judge(GoodValue());
    EXPECT_EQ(appraisal.verdict, Verdict::kUnsupported) << type;
    EXPECT_THAT(appraisal.detail, HasSubstr(type));
  }
}

// Linux 6.1, software_key_determine_akcipher: no hash weaker than sha1 goes with ECDSA.
TEST_F(AppraisalTest, CallsEcdsaWithMd5Unsupported) {
  trust_ = TrustSet({{"ec", CertificateOf("ec:p256", 0x22)}});
  const Appraisal appraisal = Judge(SignedValue("ec:p256", crypto::HashAlgorithm::kMd5, 0x22));
  EXPECT_EQ(appraisal.verdict, Verdict::kUnsupported);
  EXPECT_EQ(appraisal.kernel_cause, "invalid-signature");
}

TEST_F(AppraisalTest, CallsTwinsAmbiguous) {
  trust_ =
      TrustSet({{"one", CertificateOf("rsa:2048", 0x11)}, {"two", CertificateOf("ec:p256", 0x11)}});
  const Appraisal appraisal = Judge(GoodValue());
  EXPECT_EQ(appraisal.verdict, Verdict::kAmbiguousKey);
  EXPECT_EQ(appraisal.key, nullptr);
}

TEST_F(AppraisalTest, CountsTwoCertificatesOfOneKeyOnce) {
  trust_ = TrustSet(
      {{"old", CertificateOf("rsa:2048", 0x11)}, {"renewed", CertificateOf("rsa:2048", 0x11)}});
  EXPECT_EQ(Judge(GoodValue()).verdict, Verdict::kValid);
}

TEST_F(AppraisalTest, FindsAKeyByTheEndOfItsIssuerName) {
  test::CertificateSpec spec;
  spec.key_type = "rsa:2048";
  spec.subject = {{"CN", "Lab CA"}};
  spec.subject_key_identifier = absl::nullopt;
  trust_ = TrustSet({{"key", test::MakeCertificate(spec)}});
  base::Bytes value = GoodValue();
  const std::string tail = "b CA";
  std::copy(tail.begin(), tail.end(), value.begin() + 3);
  EXPECT_EQ(Judge(value).verdict, Verdict::kValid);
}

TEST_F(AppraisalTest, KnowsAKeyOfTheRingWithoutItsCertificate) {
  trust_ = TrustSet({}, {base::Bytes(20, 0x11)});
  const Appraisal appraisal = Judge(GoodValue());
  EXPECT_EQ(appraisal.verdict, Verdict::kUnknownKey);
  EXPECT_EQ(appraisal.detail, "key is in the ring, its certificate is not at hand");
  EXPECT_EQ(appraisal.kernel_cause, "") << "what the kernel does cannot be known";
}

TEST_F(AppraisalTest, CallsACertificateAndARingMemberWithOneKeyIdAmbiguous) {
  trust_ = TrustSet({{"key", CertificateOf("rsa:2048", 0x11)}}, {base::Bytes(8, 0x11)});
  EXPECT_EQ(Judge(GoodValue()).verdict, Verdict::kAmbiguousKey);
}

TEST_F(AppraisalTest, TakesTheEcdsaEncodingsThatTheKernelTakes) {
  trust_ = TrustSet({{"ec", CertificateOf("ec:p256", 0x22)}});
  base::Bytes value = SignedValue("ec:p256", crypto::HashAlgorithm::kSha256, 0x22);
  ASSERT_EQ(Judge(value).verdict, Verdict::kValid);
  value.push_back(0xee);  // after the SEQUENCE, with the size field to fit
  value[8] = static_cast<uint8_t>(value[8] + 1);
  EXPECT_EQ(Judge(value).verdict, Verdict::kValid);
  value[9] = 0x31;  // no SEQUENCE
  EXPECT_EQ(Judge(value).verdict, Verdict::kMismatch);
}

TEST(AppraiseFileTest, JudgesAnOpenFile) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const test::ScratchFolder folder;
  const base::UniqueFd fd = test::Open(folder.Write("f", kContent), O_RDONLY);
  const TrustSet trust({{"key", CertificateOf("rsa:2048", 0x11)}});
  crypto::Hasher hasher;
  EXPECT_EQ(test::ValueOf(AppraiseFile(fd.get(), trust, hasher)).verdict, Verdict::kNoSignature);
  ASSERT_THAT(base::SetXattr(fd.get(), base::kSecurityIma, GoodValue()), test::IsOk());
  EXPECT_EQ(test::ValueOf(AppraiseFile(fd.get(), trust, hasher)).verdict, Verdict::kValid);
}

TEST(VerdictTest, HasTheNamesOfTheContract) {
  std::vector<std::string> names;
  for (const Verdict verdict : AllVerdicts()) names.emplace_back(VerdictName(verdict));
  EXPECT_THAT(names,
              ElementsAre("valid", "mismatch", "unknown-key", "ambiguous-key", "no-signature",
                          "hash-only", "malformed", "unsupported", "verity-not-enabled"));
}

TEST(VerdictTest, OneOfALaterVersionIsUnknown) {
  EXPECT_STREQ(VerdictName(static_cast<Verdict>(kVerdictCount)), "unknown");
  EXPECT_STREQ(VerdictName(static_cast<Verdict>(-1)), "unknown");
}

}  // namespace
}  // namespace jet::appraise

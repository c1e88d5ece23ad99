// Verdicts under digest_type=verity appraise_type=sigv3. The causes were read in Linux 6.1:
// ima_collect_measurement, ima_appraise_measurement, xattr_verify, asymmetric_verify.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "appraise/appraisal.h"
#include "base/fs_verity.h"
#include "base/xattr.h"
#include "crypto/verity_digest.h"
#include "ima/file_id.h"
#include "ima/signature.h"
#include "tests/base/child.h"
#include "tests/base/fake_verity.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::appraise {
namespace {

using crypto::Digest;
using crypto::HashAlgorithm;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

pki::Certificate CertificateOf(const std::string& key_type, uint8_t identifier_byte) {
  test::CertificateSpec spec;
  spec.key_type = key_type;
  spec.subject_key_identifier = base::Bytes(20, identifier_byte);
  return test::MakeCertificate(spec);
}

// Stands for the fs-verity digest of a file.
Digest VerityDigest(HashAlgorithm hash) { return test::TestDigest(hash, "a tree"); }

absl::StatusOr<Digest> Computed(HashAlgorithm hash) { return VerityDigest(hash); }

// The value for a file with `digest`, signed by the key of `type`.
base::Bytes SignedValue(const std::string& type, const Digest& digest, uint8_t id_byte) {
  const Digest signed_digest = ima::SignedDigest(ima::SignatureKind::kVerity, digest).value();
  return ima::EncodeSignature({digest.algorithm(),
                               {id_byte, id_byte, id_byte, id_byte},
                               test::SignAnyway(test::TestKey(type), signed_digest),
                               ima::SignatureKind::kVerity})
      .value();
}

base::Bytes GoodValue() {
  return SignedValue("rsa:2048", VerityDigest(HashAlgorithm::kSha256), 0x11);
}

class VerityTest : public testing::Test {
 protected:
  VerityTest()
      : trust_({{"rsa", CertificateOf("rsa:2048", 0x11)}, {"ec", CertificateOf("ec:p256", 0x22)}}) {
  }

  // Of a file on which fs-verity is enabled.
  Appraisal Enabled(const absl::optional<base::Bytes>& value,
                    HashAlgorithm hash = HashAlgorithm::kSha256) const {
    return test::ValueOf(AppraiseVerity(value, trust_, VerityDigest(hash), Computed));
  }

  Appraisal NotEnabled(const absl::optional<base::Bytes>& value) const {
    return test::ValueOf(AppraiseVerity(value, trust_, absl::nullopt, Computed));
  }

  TrustSet trust_;
};

TEST_F(VerityTest, AGoodSignatureOfAnEnabledFileIsValid) {
  for (const HashAlgorithm hash : {HashAlgorithm::kSha256, HashAlgorithm::kSha512}) {
    for (const auto& [type, id] : {std::pair("rsa:2048", 0x11), std::pair("ec:p256", 0x22)}) {
      const base::Bytes value = SignedValue(type, VerityDigest(hash), static_cast<uint8_t>(id));
      const Appraisal appraisal = Enabled(value, hash);
      EXPECT_EQ(appraisal.verdict, Verdict::kValid) << type;
      EXPECT_EQ(appraisal.kernel_cause, "");
      EXPECT_EQ(appraisal.detail, "");
      EXPECT_EQ(appraisal.signature_version, 3);
      EXPECT_EQ(appraisal.digest, VerityDigest(hash));
      EXPECT_EQ(appraisal.verity_enabled, true);
      EXPECT_THAT(appraisal.warnings, IsEmpty());
    }
  }
}

TEST_F(VerityTest, AGoodSignatureOfAFileThatIsNotEnabledWaits) {
  const Appraisal appraisal = NotEnabled(GoodValue());
  EXPECT_EQ(appraisal.verdict, Verdict::kVerityNotEnabled);
  EXPECT_EQ(appraisal.kernel_cause, "no-verity-digest");
  EXPECT_THAT(appraisal.detail, HasSubstr("it runs once that is, with sha256"));
  EXPECT_EQ(appraisal.verity_enabled, false);
  ASSERT_NE(appraisal.key, nullptr);
  EXPECT_EQ(appraisal.key->name, "rsa");
}

TEST_F(VerityTest, JudgesEveryKindOfBadValueAsTheKernelDoes) {
  const base::Bytes good = GoodValue();
  const auto changed = [&good](size_t offset, uint8_t value) {
    base::Bytes bytes = good;
    bytes.at(offset) = value;
    return bytes;
  };
  const auto cut = [&good](size_t size) { return base::Bytes(good.begin(), good.begin() + size); };
  base::Bytes longer = good;
  longer.push_back(0);
  base::Bytes version2 = changed(0, 3);
  version2[1] = 2;
  const base::Bytes other = SignedValue("rsa:2048", test::TestDigest(HashAlgorithm::kSha256), 0x11);
  // A signature over the fs-verity digest itself, without the struct around it.
  const base::Bytes bare =
      ima::EncodeSignature(
          {HashAlgorithm::kSha256,
           {0x11, 0x11, 0x11, 0x11},
           test::SignAnyway(test::TestKey("rsa:2048"), VerityDigest(HashAlgorithm::kSha256)),
           ima::SignatureKind::kVerity})
          .value();
  struct {
    const char* what;
    absl::optional<base::Bytes> value;
    Verdict verdict;
    const char* cause;
  } const kCases[] = {
      {"no xattr", absl::nullopt, Verdict::kNoSignature, "verity-signature-required"},
      {"empty", base::Bytes(), Verdict::kNoSignature, "verity-signature-required"},
      {"digest", base::Bytes(21, 1), Verdict::kHashOnly, "verity-signature-required"},
      {"new digest", base::Bytes(34, 4), Verdict::kHashOnly, "verity-signature-required"},
      {"type 3 version 2", version2, Verdict::kUnsupported, "verity-signature-required"},
      {"type 3 version 3", changed(0, 3), Verdict::kUnsupported, "verity-signature-required"},
      {"type 3 alone", base::Bytes{3}, Verdict::kUnsupported, "verity-signature-required"},
      {"type 0", changed(0, 0), Verdict::kMalformed, "unknown-ima-data"},
      {"type 2", changed(0, 2), Verdict::kMalformed, "unknown-ima-data"},
      {"type 5", changed(0, 5), Verdict::kMalformed, "unknown-ima-data"},
      {"type 7", changed(0, 7), Verdict::kMalformed, "unknown-ima-data"},
      {"version 2", changed(1, 2), Verdict::kUnsupported, "invalid-signature-version"},
      {"version 4", changed(1, 4), Verdict::kUnsupported, "invalid-signature-version"},
      {"1 byte", cut(1), Verdict::kMalformed, "invalid-signature-version"},
      {"2 bytes", cut(2), Verdict::kMalformed, "invalid-verity-signature"},
      {"8 bytes", cut(8), Verdict::kMalformed, "invalid-verity-signature"},
      {"9 bytes", cut(9), Verdict::kMalformed, "invalid-verity-signature"},
      {"trailing byte", longer, Verdict::kMalformed, "invalid-verity-signature"},
      {"size too small", changed(8, 0xff), Verdict::kMalformed, "invalid-verity-signature"},
      {"hash id 99", changed(2, 99), Verdict::kUnsupported, "invalid-verity-signature"},
      {"sm3", changed(2, 17), Verdict::kUnsupported, "invalid-verity-signature"},
      {"another hash id", changed(2, 6), Verdict::kMismatch, "invalid-verity-signature"},
      {"key id flipped", changed(3, 0x12), Verdict::kUnknownKey, "invalid-verity-signature"},
      {"signature bit flipped", changed(40, static_cast<uint8_t>(good[40] ^ 1)), Verdict::kMismatch,
       "invalid-verity-signature"},
      {"of another file", other, Verdict::kMismatch, "invalid-verity-signature"},
      {"over the bare digest", bare, Verdict::kMismatch, "invalid-verity-signature"},
  };
  for (const auto& test : kCases) {
    const Appraisal enabled = Enabled(test.value);
    EXPECT_STREQ(VerdictName(enabled.verdict), VerdictName(test.verdict)) << test.what;
    EXPECT_EQ(enabled.kernel_cause, test.cause) << test.what;
    EXPECT_NE(enabled.detail, "") << test.what;
    // Without a digest the kernel does not come to look at the value.
    const Appraisal waiting = NotEnabled(test.value);
    EXPECT_STREQ(VerdictName(waiting.verdict), VerdictName(test.verdict)) << test.what;
    EXPECT_EQ(waiting.kernel_cause, "no-verity-digest") << test.what;
    EXPECT_THAT(waiting.detail, HasSubstr("; and fs-verity is not enabled on the file"));
  }
}

// Tried: a signature for sha512 on a file enabled with sha256 is refused.
TEST_F(VerityTest, TheHashMustBeTheOneThatTheFileWasEnabledWith) {
  const base::Bytes sha512 = SignedValue("rsa:2048", VerityDigest(HashAlgorithm::kSha512), 0x11);
  const Appraisal appraisal = Enabled(sha512, HashAlgorithm::kSha256);
  EXPECT_EQ(appraisal.verdict, Verdict::kMismatch);
  EXPECT_EQ(appraisal.kernel_cause, "invalid-verity-signature");
  EXPECT_THAT(appraisal.detail, HasSubstr("the signature is for sha512"));
  EXPECT_EQ(NotEnabled(sha512).verdict, Verdict::kVerityNotEnabled);
}

// Linux 6.1, software_key_determine_akcipher: the hash named in an ECDSA signature only has to be
// the name of a SHA; what is verified is the digest that the file has.
TEST_F(VerityTest, AnEcdsaSignatureMayNameAnotherShaAsForTheKernel) {
  base::Bytes value = SignedValue("ec:p256", VerityDigest(HashAlgorithm::kSha256), 0x22);
  for (const HashAlgorithm named : {HashAlgorithm::kSha1, HashAlgorithm::kSha224,
                                    HashAlgorithm::kSha384, HashAlgorithm::kSha512}) {
    value[2] = ima::KernelHashId(named);
    EXPECT_EQ(Enabled(value).verdict, Verdict::kValid) << crypto::NameOf(named);
  }
  value[2] = ima::KernelHashId(HashAlgorithm::kMd5);
  EXPECT_EQ(Enabled(value).verdict, Verdict::kMismatch);
  EXPECT_EQ(Enabled(value).kernel_cause, "invalid-verity-signature");
}

TEST_F(VerityTest, FsVerityHasNoOtherHashes) {
  const base::Bytes sha384 = SignedValue("rsa:2048", VerityDigest(HashAlgorithm::kSha384), 0x11);
  const Appraisal appraisal = NotEnabled(sha384);
  EXPECT_EQ(appraisal.verdict, Verdict::kUnsupported);
  EXPECT_THAT(appraisal.detail, HasSubstr("fs-verity has no sha384 digests"));
}

// The kernel can have no such digest, whatever the caller says.
TEST_F(VerityTest, ADigestThatNoFileHasIsNotValid) {
  const Digest digest = VerityDigest(HashAlgorithm::kSha384);
  for (const auto& [type, id] : {std::pair("rsa:2048", 0x11), std::pair("ec:p256", 0x22)}) {
    const base::Bytes value = SignedValue(type, digest, static_cast<uint8_t>(id));
    const Appraisal measured = Enabled(value, HashAlgorithm::kSha384);
    EXPECT_EQ(measured.verdict, Verdict::kUnsupported) << type;
    EXPECT_EQ(measured.detail, "fs-verity has no sha384 digests");
    ASSERT_OK_AND_ASSIGN(const Appraisal given,
                         AppraiseDigest(digest, value, trust_, Rule::kSigv3));
    EXPECT_EQ(given.verdict, Verdict::kUnsupported) << type;
    EXPECT_EQ(given.detail, "fs-verity has no sha384 digests");
    EXPECT_EQ(given.kernel_cause, "invalid-verity-signature");
  }
}

TEST_F(VerityTest, JudgesTheKeysAsUnderTheOtherRule) {
  trust_ =
      TrustSet({{"one", CertificateOf("rsa:2048", 0x11)}, {"two", CertificateOf("ec:p256", 0x11)}});
  EXPECT_EQ(Enabled(GoodValue()).verdict, Verdict::kAmbiguousKey);
  EXPECT_EQ(Enabled(GoodValue()).kernel_cause, "");
  EXPECT_EQ(NotEnabled(GoodValue()).kernel_cause, "no-verity-digest");
  trust_ = TrustSet({{"key", CertificateOf("ed25519", 0x11)}});
  EXPECT_EQ(Enabled(GoodValue()).verdict, Verdict::kUnsupported);
  EXPECT_EQ(Enabled(GoodValue()).kernel_cause, "invalid-verity-signature");
  trust_ = TrustSet({{"weak", CertificateOf("rsa:1024", 0x33)}});
  const Appraisal weak =
      Enabled(SignedValue("rsa:1024", VerityDigest(HashAlgorithm::kSha256), 0x33));
  EXPECT_EQ(weak.verdict, Verdict::kValid);
  EXPECT_THAT(weak.warnings, ElementsAre(HasSubstr("rsa:1024")));
}

TEST_F(VerityTest, PassesOnThatTheDigestCouldNotBeComputed) {
  const auto failing = [](HashAlgorithm) -> absl::StatusOr<Digest> {
    return absl::DataLossError("the disk is broken");
  };
  EXPECT_THAT(AppraiseVerity(GoodValue(), trust_, absl::nullopt, failing),
              test::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the disk is broken")));
  EXPECT_THAT(AppraiseVerity(GoodValue(), trust_, VerityDigest(HashAlgorithm::kSha256), failing),
              test::IsOk());
}

TEST_F(VerityTest, TheOtherRuleStaysTheDefault) {
  const auto content = [](HashAlgorithm hash) -> absl::StatusOr<Digest> {
    return VerityDigest(hash);
  };
  const Appraisal appraisal = test::ValueOf(Appraise(GoodValue(), trust_, content));
  EXPECT_EQ(appraisal.verdict, Verdict::kUnsupported);
  EXPECT_EQ(appraisal.kernel_cause, "IMA-signature-required");
  EXPECT_EQ(appraisal.verity_enabled, absl::nullopt);
}

TEST_F(VerityTest, TheRuleForAValueFollowsItsType) {
  EXPECT_EQ(RuleForValue(GoodValue()), Rule::kSigv3);
  EXPECT_EQ(RuleForValue(base::Bytes{3, 2}), Rule::kImasig);
  EXPECT_EQ(RuleForValue({}), Rule::kImasig);
}

TEST_F(VerityTest, JudgesAnOpenFileBeforeAndAfterEnabling) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const test::FakeVerity fake;
  const test::ScratchFolder folder;
  const base::UniqueFd fd = test::Open(folder.Write("f", "content"), O_RDONLY);
  crypto::Hasher hasher;
  const auto judge = [&] {
    return test::ValueOf(AppraiseFile(fd.get(), trust_, hasher, Rule::kSigv3)).verdict;
  };
  EXPECT_EQ(judge(), Verdict::kNoSignature);
  const Digest digest =
      test::ValueOf(crypto::ComputeVerityDigest(fd.get(), HashAlgorithm::kSha256, 7));
  const base::Bytes value = SignedValue("rsa:2048", digest, 0x11);
  ASSERT_THAT(base::SetXattr(fd.get(), base::kSecurityIma, value), test::IsOk());
  EXPECT_EQ(judge(), Verdict::kVerityNotEnabled);
  EXPECT_THAT(crypto::EnableVerity(fd.get(), HashAlgorithm::kSha256), test::IsOkAndHolds(true));
  EXPECT_EQ(judge(), Verdict::kValid);
  EXPECT_EQ(test::ValueOf(AppraiseFileWith(fd.get(), value, trust_, hasher, Rule::kSigv3)).verdict,
            Verdict::kValid);
  EXPECT_EQ(test::ValueOf(AppraiseFile(fd.get(), trust_, hasher)).verdict, Verdict::kUnsupported);
}

}  // namespace
}  // namespace jet::appraise

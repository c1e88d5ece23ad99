#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "appraise/appraisal.h"
#include "crypto/signer.h"
#include "crypto/verity_digest.h"
#include "sign/sign_digest.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::appraise {
namespace {

using absl::StatusCode;
using crypto::Digest;
using crypto::HashAlgorithm;
using ima::SignatureKind;
using test::StatusIs;
using test::ValueOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kContent[] = "content";

pki::Certificate CertificateOf(const std::string& key_type) {
  test::CertificateSpec spec;
  spec.key_type = key_type;
  spec.subject_key_identifier = base::Bytes(20, uint8_t{0x11});
  return test::MakeCertificate(spec);
}

// Signs and judges kContent, or what is said to be it, by a key of the parameter's type.
class AppraiseBytesTest : public testing::TestWithParam<const char*> {
 protected:
  Digest ContentDigest(HashAlgorithm hash) const {
    return ValueOf(crypto::ComputeDigest(hash, content_));
  }

  Digest VerityDigest(HashAlgorithm hash) const {
    return ValueOf(crypto::ComputeVerityDigest(content_, hash));
  }

  base::Bytes Sign(const Digest& digest, SignatureKind kind = SignatureKind::kContent) const {
    const ima::KeyId key_id = ValueOf(sign::KeyIdOfSigner(*signer_, certificate_));
    return ValueOf(sign::SignDigest(*signer_, key_id, digest, kind));
  }

  const base::ByteSpan content_ = base::AsBytes(kContent);
  const pki::Certificate certificate_ = CertificateOf(GetParam());
  const std::unique_ptr<crypto::Signer> signer_ =
      crypto::MakeSigner(test::CloneOf(test::TestKey(GetParam()))).value();
  const TrustSet trust_{{{"key", certificate_}}};
};

INSTANTIATE_TEST_SUITE_P(Keys, AppraiseBytesTest, testing::Values("rsa:2048", "ec:p256"));

// Whether a function can be called with a trust set of this kind.
template <typename Trust>
concept JudgesContentBy = requires(Trust&& trust) {
  AppraiseContent({}, absl::nullopt, std::forward<Trust>(trust));
};
template <typename Trust>
concept JudgesDigestBy = requires(Trust&& trust, const Digest& digest) {
  AppraiseDigest(digest, absl::nullopt, std::forward<Trust>(trust));
};
template <typename Trust>
concept JudgesFileBy = requires(Trust&& trust, crypto::Hasher& hasher) {
  AppraiseFile(0, std::forward<Trust>(trust), hasher);
};
template <typename Trust>
concept JudgesFileWithBy = requires(Trust&& trust, crypto::Hasher& hasher) {
  AppraiseFileWith(0, absl::nullopt, std::forward<Trust>(trust), hasher);
};
template <typename Trust>
concept JudgesBy = requires(Trust&& trust, DigestSource digest) {
  Appraise(absl::nullopt, std::forward<Trust>(trust), digest);
};
template <typename Trust>
concept JudgesVerityBy = requires(Trust&& trust, DigestSource digest) {
  AppraiseVerity(absl::nullopt, std::forward<Trust>(trust), absl::nullopt, digest);
};

TEST(AppraiseTest, TakesNoTrustSetThatIsGoneBeforeTheAppraisal) {
  EXPECT_TRUE(JudgesContentBy<const TrustSet&> && !JudgesContentBy<TrustSet>);
  EXPECT_TRUE(JudgesDigestBy<const TrustSet&> && !JudgesDigestBy<TrustSet>);
  EXPECT_TRUE(JudgesFileBy<const TrustSet&> && !JudgesFileBy<TrustSet>);
  EXPECT_TRUE(JudgesFileWithBy<const TrustSet&> && !JudgesFileWithBy<TrustSet>);
  EXPECT_TRUE(JudgesBy<const TrustSet&> && !JudgesBy<TrustSet>);
  EXPECT_TRUE(JudgesVerityBy<const TrustSet&> && !JudgesVerityBy<TrustSet>);
}

TEST_P(AppraiseBytesTest, WhatWasSignedIsValidForItsContentOnly) {
  for (const HashAlgorithm hash : {HashAlgorithm::kSha256, HashAlgorithm::kSha512}) {
    const base::Bytes value = Sign(ContentDigest(hash));
    ASSERT_OK_AND_ASSIGN(const Appraisal good, AppraiseContent(content_, value, trust_));
    EXPECT_EQ(good.verdict, Verdict::kValid);
    EXPECT_EQ(good.kernel_cause, "");
    EXPECT_EQ(good.digest, ContentDigest(hash));
    ASSERT_NE(good.key, nullptr);
    EXPECT_EQ(good.key->name, "key");
    ASSERT_OK_AND_ASSIGN(const Appraisal bad,
                         AppraiseContent(base::AsBytes("Content"), value, trust_));
    EXPECT_EQ(bad.verdict, Verdict::kMismatch);
    EXPECT_EQ(bad.kernel_cause, "invalid-signature");
  }
}

TEST_P(AppraiseBytesTest, ContentWithoutAnAttributeHasNoSignature) {
  ASSERT_OK_AND_ASSIGN(const Appraisal appraisal, AppraiseContent(content_, absl::nullopt, trust_));
  EXPECT_EQ(appraisal.verdict, Verdict::kNoSignature);
  EXPECT_EQ(appraisal.kernel_cause, "IMA-signature-required");
}

TEST_P(AppraiseBytesTest, AnEmptyFileIsContentToo) {
  const base::Bytes value = Sign(ValueOf(crypto::ComputeDigest(HashAlgorithm::kSha256, {})));
  ASSERT_OK_AND_ASSIGN(const Appraisal appraisal, AppraiseContent({}, value, trust_));
  EXPECT_EQ(appraisal.verdict, Verdict::kValid);
}

TEST_P(AppraiseBytesTest, SaysOfContentWhatIsSaidOfTheFile) {
  const test::ScratchFolder folder;
  const base::UniqueFd fd = test::Open(folder.Write("f", kContent), O_RDONLY);
  crypto::Hasher hasher;
  base::Bytes changed = Sign(ContentDigest(HashAlgorithm::kSha256));
  changed.back() ^= 1;
  const base::Bytes verity = Sign(VerityDigest(HashAlgorithm::kSha256), SignatureKind::kVerity);
  for (const Rule rule : {Rule::kImasig, Rule::kSigv3}) {
    for (const absl::optional<base::Bytes>& value :
         {absl::optional<base::Bytes>(),
          {base::Bytes()},
          {base::Bytes{3, 2}},
          {changed},
          {verity},
          {Sign(ContentDigest(HashAlgorithm::kSha384))}}) {
      const Appraisal of_file = ValueOf(AppraiseFileWith(fd.get(), value, trust_, hasher, rule));
      const Appraisal of_content = ValueOf(AppraiseContent(content_, value, trust_, rule));
      EXPECT_EQ(of_content.verdict, of_file.verdict);
      EXPECT_EQ(of_content.kernel_cause, of_file.kernel_cause);
      EXPECT_EQ(of_content.detail, of_file.detail);
      EXPECT_EQ(of_content.digest, of_file.digest);
      EXPECT_EQ(of_content.verity_enabled, of_file.verity_enabled);
    }
  }
}

TEST_P(AppraiseBytesTest, AVeritySignatureOfContentIsGoodOnceFsVerityIsEnabled) {
  const Digest digest = VerityDigest(HashAlgorithm::kSha512);
  const base::Bytes value = Sign(digest, SignatureKind::kVerity);
  ASSERT_OK_AND_ASSIGN(const Appraisal of_content,
                       AppraiseContent(content_, value, trust_, Rule::kSigv3));
  EXPECT_EQ(of_content.verdict, Verdict::kVerityNotEnabled);
  EXPECT_EQ(of_content.digest, digest);
  // The digest is said to be the kernel's, so that it is.
  ASSERT_OK_AND_ASSIGN(const Appraisal of_digest,
                       AppraiseDigest(digest, value, trust_, Rule::kSigv3));
  EXPECT_EQ(of_digest.verdict, Verdict::kValid);
  ASSERT_OK_AND_ASSIGN(
      const Appraisal of_other,
      AppraiseDigest(ContentDigest(HashAlgorithm::kSha512), value, trust_, Rule::kSigv3));
  EXPECT_EQ(of_other.verdict, Verdict::kMismatch);
  EXPECT_EQ(of_other.kernel_cause, "invalid-verity-signature");
}

TEST_P(AppraiseBytesTest, ADigestStandsForTheContent) {
  const Digest digest = ContentDigest(HashAlgorithm::kSha384);
  const base::Bytes value = Sign(digest);
  ASSERT_OK_AND_ASSIGN(const Appraisal good, AppraiseDigest(digest, value, trust_));
  EXPECT_EQ(good.verdict, Verdict::kValid);
  const Digest other = test::TestDigest(HashAlgorithm::kSha384, "other content");
  ASSERT_OK_AND_ASSIGN(const Appraisal bad, AppraiseDigest(other, value, trust_));
  EXPECT_EQ(bad.verdict, Verdict::kMismatch);
}

TEST_P(AppraiseBytesTest, ADigestOfAnotherHashCannotTell) {
  const base::Bytes value = Sign(ContentDigest(HashAlgorithm::kSha512));
  EXPECT_THAT(AppraiseDigest(ContentDigest(HashAlgorithm::kSha256), value, trust_),
              StatusIs(StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("a sha256 digest"), HasSubstr("the sha512 digest"))));
  // Where the digest does not matter there is a verdict all the same.
  const TrustSet nobody({});
  ASSERT_OK_AND_ASSIGN(const Appraisal appraisal,
                       AppraiseDigest(ContentDigest(HashAlgorithm::kSha256), value, nobody));
  EXPECT_EQ(appraisal.verdict, Verdict::kUnknownKey);
  EXPECT_THAT(appraisal.warnings, IsEmpty());
}

}  // namespace
}  // namespace jet::appraise

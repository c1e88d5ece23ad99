#include "sign/sign_digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/signer.h"
#include "ima/file_id.h"
#include "ima/signature.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::sign {
namespace {

using testing::HasSubstr;
constexpr ima::KeyId kKeyId = {1, 2, 3, 4};

// A signer whose signatures are those of another key.
class WrongSigner : public crypto::Signer {
 public:
  WrongSigner()
      : claimed_(crypto::MakeSigner(test::CloneOf(test::TestKey("ec:p256"))).value()),
        used_(crypto::MakeSigner(test::NewTestKey("ec:p256")).value()) {}
  const crypto::PublicKey& public_key() const override { return claimed_->public_key(); }
  absl::StatusOr<base::Bytes> SignDigest(const crypto::Digest& digest) const override {
    return used_->SignDigest(digest);
  }

 private:
  std::unique_ptr<crypto::Signer> claimed_;
  std::unique_ptr<crypto::Signer> used_;
};

TEST(SignDigestTest, EncodesASignatureThatVerifiesForEveryKeyTypeAndHash) {
  for (const char* type : {"rsa:2048", "ec:p256", "ec:p384"}) {
    const auto signer = crypto::MakeSigner(test::CloneOf(test::TestKey(type))).value();
    for (const auto& row : crypto::HashAlgorithms()) {
      if (row.strength != crypto::HashStrength::kSign) continue;
      const crypto::Digest digest = test::TestDigest(row.algorithm);
      ASSERT_OK_AND_ASSIGN(const base::Bytes value, SignDigest(*signer, kKeyId, digest));
      const ima::DecodedXattr decoded = ima::DecodeXattr(value);
      EXPECT_EQ(decoded.defect, ima::XattrDefect::kNone);
      EXPECT_EQ(decoded.key_id, kKeyId);
      EXPECT_EQ(ima::HashOfKernelId(*decoded.hash_id), row.algorithm);
      EXPECT_THAT(signer->public_key().Verify(digest, decoded.payload), test::IsOk());
    }
  }
}

TEST(SignDigestTest, SignsTheHashOfTheFileIdForAVerityDigest) {
  for (const char* type : {"rsa:2048", "ec:p256"}) {
    const auto signer = crypto::MakeSigner(test::CloneOf(test::TestKey(type))).value();
    const crypto::Digest digest = test::TestDigest(crypto::HashAlgorithm::kSha512);
    ASSERT_OK_AND_ASSIGN(const base::Bytes value,
                         SignDigest(*signer, kKeyId, digest, ima::SignatureKind::kVerity));
    const ima::DecodedXattr decoded = ima::DecodeXattr(value);
    EXPECT_EQ(decoded.kind(), ima::SignatureKind::kVerity);
    EXPECT_EQ(ima::HashOfKernelId(*decoded.hash_id), crypto::HashAlgorithm::kSha512);
    const crypto::Digest signed_digest =
        test::ValueOf(ima::SignedDigest(ima::SignatureKind::kVerity, digest));
    EXPECT_THAT(signer->public_key().Verify(signed_digest, decoded.payload), test::IsOk());
    EXPECT_THAT(signer->public_key().Verify(digest, decoded.payload), testing::Not(test::IsOk()));
  }
}

TEST(SignDigestTest, TheKeyIdOfASignerIsThatOfItsCertificate) {
  const auto signer = crypto::MakeSigner(test::CloneOf(test::TestKey("ec:p256"))).value();
  test::CertificateSpec spec;
  spec.key_type = "ec:p256";
  spec.subject_key_identifier = base::Bytes{0, 0, 1, 2, 3, 4};
  EXPECT_THAT(KeyIdOfSigner(*signer, test::MakeCertificate(spec)), test::IsOkAndHolds(kKeyId));
  spec.subject_key_identifier = base::Bytes{1, 2, 3};
  EXPECT_THAT(KeyIdOfSigner(*signer, test::MakeCertificate(spec)),
              test::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("identifier")));
  spec.key_type = "rsa:2048";
  EXPECT_THAT(KeyIdOfSigner(*signer, test::MakeCertificate(spec)),
              test::StatusIs(absl::StatusCode::kFailedPrecondition,
                             HasSubstr("does not belong to the private key")));
}

// Has any public key, and signs nothing.
class PublicHalf : public crypto::Signer {
 public:
  explicit PublicHalf(const std::string& type) : key_(test::TestKey(type).public_key()) {}
  const crypto::PublicKey& public_key() const override { return key_; }
  absl::StatusOr<base::Bytes> SignDigest(const crypto::Digest& /*digest*/) const override {
    return absl::UnavailableError("was asked to sign");
  }

 private:
  crypto::PublicKey key_;
};

TEST(SignDigestTest, AKeyThatMayNotSignHasNoKeyId) {
  for (const char* type : {"ec:p521", "rsa:1024", "ed25519"}) {
    const PublicHalf signer(type);
    test::CertificateSpec spec;
    spec.key_type = type;
    EXPECT_THAT(KeyIdOfSigner(signer, test::MakeCertificate(spec)),
                test::StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr(absl::StrCat("key type ", type, " is "))));
  }
}

TEST(SignDigestTest, TakesTheKeyIdFromTheCertificateOfTheSigner) {
  const auto signer = crypto::MakeSigner(test::CloneOf(test::TestKey("ec:p256"))).value();
  const crypto::Digest digest = test::TestDigest(crypto::HashAlgorithm::kSha256);
  test::CertificateSpec spec;
  spec.key_type = "ec:p256";
  spec.subject_key_identifier = base::Bytes{0, 0, 1, 2, 3, 4};
  const pki::Certificate certificate = test::MakeCertificate(spec);
  for (const auto kind : {ima::SignatureKind::kContent, ima::SignatureKind::kVerity}) {
    ASSERT_OK_AND_ASSIGN(const base::Bytes value, SignDigest(*signer, certificate, digest, kind));
    const ima::DecodedXattr decoded = ima::DecodeXattr(value);
    EXPECT_EQ(decoded.key_id, kKeyId);
    EXPECT_EQ(decoded.kind(), kind);
  }
  spec.key_type = "rsa:2048";
  EXPECT_THAT(SignDigest(*signer, test::MakeCertificate(spec), digest),
              test::StatusIs(absl::StatusCode::kFailedPrecondition,
                             HasSubstr("does not belong to the private key")));
}

TEST(SignDigestTest, FsVerityHasNoOtherHashes) {
  const auto signer = crypto::MakeSigner(test::CloneOf(test::TestKey("ec:p256"))).value();
  EXPECT_THAT(SignDigest(*signer, kKeyId, test::TestDigest(crypto::HashAlgorithm::kSha384),
                         ima::SignatureKind::kVerity),
              test::StatusIs(absl::StatusCode::kInvalidArgument,
                             "fs-verity has sha256 and sha512, not sha384"));
}

TEST(SignDigestTest, NeverHandsOutASignatureThatDoesNotVerify) {
  const WrongSigner signer;
  EXPECT_THAT(SignDigest(signer, kKeyId, test::TestDigest(crypto::HashAlgorithm::kSha256)),
              test::StatusIs(absl::StatusCode::kInternal, HasSubstr("does not verify")));
}

TEST(SignDigestTest, RefusesWeakHashesByName) {
  const auto signer = crypto::MakeSigner(test::CloneOf(test::TestKey("rsa:2048"))).value();
  for (const auto hash : {crypto::HashAlgorithm::kMd5, crypto::HashAlgorithm::kSha1,
                          crypto::HashAlgorithm::kSha224}) {
    EXPECT_THAT(
        SignDigest(*signer, kKeyId, test::TestDigest(hash)),
        test::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(crypto::NameOf(hash))));
  }
}

}  // namespace
}  // namespace jet::sign

#include "crypto/public_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "crypto/openssl_types.h"
#include "tests/crypto/test_keys.h"
#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::IsOk;
using test::IsOkAndHolds;
using test::SignAnyway;
using test::StatusIs;
using test::TestDigest;
using test::TestKey;
using testing::StartsWith;

const auto kMismatch = StatusIs(StatusCode::kUnauthenticated, "the signature does not match");

struct VerifyRow {
  const char* key_type;
  std::vector<HashAlgorithm> hashes;
};

// What the kernel verifies.
const std::vector<VerifyRow>& VerifyRows() {
  using H = HashAlgorithm;
  static const std::vector<H> kAll = {H::kMd5,    H::kSha1,   H::kSha224,
                                      H::kSha256, H::kSha384, H::kSha512};
  static const std::vector<H> kAllButMd5 = {H::kSha1, H::kSha224, H::kSha256, H::kSha384,
                                            H::kSha512};
  static const std::vector<VerifyRow> kRows = {
      {"rsa:512", {H::kMd5, H::kSha1, H::kSha256}},
      {"rsa:1024", kAll},
      {"rsa:1536", kAll},
      {"rsa:2048", kAll},
      {"rsa:3072", {H::kSha256}},
      {"ec:p256", kAllButMd5},
      {"ec:p384", kAllButMd5},
      {"ec:p521", {H::kSha512}},
  };
  return kRows;
}

TEST(PublicKeyTest, ValidSignaturesOfEveryKeyAndHashVerify) {
  for (const VerifyRow& row : VerifyRows()) {
    const PrivateKey& key = TestKey(row.key_type);
    EXPECT_EQ(key.public_key().type().name, row.key_type);
    for (const HashAlgorithm hash : row.hashes) {
      const Digest digest = TestDigest(hash);
      EXPECT_THAT(key.public_key().Verify(digest, SignAnyway(key, digest)), IsOk())
          << row.key_type << ' ' << NameOf(hash);
    }
  }
}

class VerifyTest : public testing::TestWithParam<const char*> {
 protected:
  const PrivateKey& key_ = TestKey(GetParam());
  const PublicKey& public_key_ = key_.public_key();
  const Digest digest_ = TestDigest(HashAlgorithm::kSha256);
  const Bytes signature_ = SignAnyway(key_, digest_);
};

INSTANTIATE_TEST_SUITE_P(Keys, VerifyTest, testing::Values("rsa:2048", "ec:p256"),
                         [](const auto& parameter) {
                           return absl::string_view(parameter.param) == "rsa:2048" ? "Rsa" : "Ec";
                         });

TEST_P(VerifyTest, EveryFlippedBitOfTheSignatureIsAMismatch) {
  ASSERT_THAT(public_key_.Verify(digest_, signature_), IsOk());
  for (size_t bit = 0; bit < signature_.size() * 8; ++bit) {
    Bytes flipped = signature_;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    ASSERT_THAT(public_key_.Verify(digest_, flipped), kMismatch) << "bit " << bit;
  }
}

TEST_P(VerifyTest, EveryFlippedBitOfTheDigestIsAMismatch) {
  for (size_t bit = 0; bit < 256; ++bit) {
    Bytes value = base::ToBytes(digest_.value());
    value[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_THAT(public_key_.Verify(*Digest::Make(HashAlgorithm::kSha256, value), signature_),
                kMismatch)
        << "bit " << bit;
  }
}

TEST_P(VerifyTest, EveryTruncationIsAMismatch) {
  for (size_t size = 0; size < signature_.size(); ++size) {
    EXPECT_THAT(public_key_.Verify(digest_, base::ByteSpan(signature_).subspan(0, size)), kMismatch)
        << size;
  }
}

TEST_P(VerifyTest, BytesBeforeOrAfterTheSignatureAreAMismatch) {
  for (const int extra : {0x00, 0x30, 0xff}) {
    Bytes longer = signature_;
    longer.push_back(static_cast<uint8_t>(extra));
    EXPECT_THAT(public_key_.Verify(digest_, longer), kMismatch);
    longer = signature_;
    longer.insert(longer.begin(), static_cast<uint8_t>(extra));
    EXPECT_THAT(public_key_.Verify(digest_, longer), kMismatch);
  }
}

TEST_P(VerifyTest, ConstantBytesAreAMismatch) {
  for (const int value : {0x00, 0x01, 0x30, 0xff}) {
    for (const size_t size : {size_t{1}, signature_.size(), size_t{4096}}) {
      EXPECT_THAT(public_key_.Verify(digest_, Bytes(size, static_cast<uint8_t>(value))), kMismatch)
          << value << ' ' << size;
    }
  }
}

TEST_P(VerifyTest, AnotherKeyOfTheTypeIsAMismatch) {
  const PrivateKey other = test::NewTestKey(GetParam());
  EXPECT_THAT(other.public_key().Verify(digest_, signature_), kMismatch);
}

TEST_P(VerifyTest, AnotherHashIsAMismatch) {
  EXPECT_THAT(public_key_.Verify(TestDigest(HashAlgorithm::kSha512), signature_), kMismatch);
  EXPECT_THAT(public_key_.Verify(TestDigest(HashAlgorithm::kSha1), signature_), kMismatch);
}

TEST_P(VerifyTest, NoVerificationLeavesAnErrorBehind) {
  EXPECT_THAT(public_key_.Verify(digest_, Bytes(10)), kMismatch);
  EXPECT_EQ(ERR_peek_error(), 0u);
  EXPECT_THAT(public_key_.Verify(digest_, signature_), IsOk());
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_P(VerifyTest, EightThreadsVerifyWithOneKey) {
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] {
      Bytes wrong = signature_;
      wrong[wrong.size() / 2] ^= 1;
      for (int i = 0; i < 20; ++i) {
        if (public_key_.Verify(digest_, signature_).ok()) ++right;
        if (absl::IsUnauthenticated(public_key_.Verify(digest_, wrong))) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 8 * 20 * 2);
}

TEST_P(VerifyTest, SurvivesEncodingAndDecoding) {
  ASSERT_OK_AND_ASSIGN(const Bytes der, public_key_.SubjectPublicKeyInfo());
  ASSERT_OK_AND_ASSIGN(const PublicKey decoded, PublicKey::FromSubjectPublicKeyInfo(der));
  EXPECT_TRUE(decoded == public_key_);
  EXPECT_EQ(decoded.type().name, GetParam());
  EXPECT_THAT(decoded.Verify(digest_, signature_), IsOk());
  EXPECT_THAT(decoded.SubjectPublicKeyInfo(), IsOkAndHolds(der));
}

TEST(PublicKeyTest, AnEcdsaSignatureHasExactlyOneEncoding) {
  const PrivateKey& key = TestKey("ec:p256");
  const Digest digest = TestDigest(HashAlgorithm::kSha256);
  const Bytes good = SignAnyway(key, digest);
  ASSERT_EQ(good[0], 0x30);
  ASSERT_EQ(good[1], good.size() - 2);
  Bytes long_length = good;  // 30 81 LL instead of 30 LL
  long_length.insert(long_length.begin() + 1, 0x81);
  EXPECT_THAT(key.public_key().Verify(digest, long_length), kMismatch);
  Bytes padded = good;  // r with one more leading zero
  padded.insert(padded.begin() + 4, 0x00);
  ++padded[1];
  ++padded[3];
  EXPECT_THAT(key.public_key().Verify(digest, padded), kMismatch);
  Bytes inner_trail = good;  // a byte after s, within the SEQUENCE
  inner_trail.push_back(0x00);
  ++inner_trail[1];
  EXPECT_THAT(key.public_key().Verify(digest, inner_trail), kMismatch);
}

TEST(PublicKeyTest, KeysThatAreNeitherRsaNorEcAreRefusedByName) {
  for (const char* type : {"ed25519", "rsa-pss:2048"}) {
    const PublicKey& key = TestKey(type).public_key();
    EXPECT_EQ(key.type().name, type);
    EXPECT_EQ(key.type().algorithm, KeyAlgorithm::kOther);
    EXPECT_THAT(key.Verify(TestDigest(HashAlgorithm::kSha256), Bytes(64)),
                StatusIs(StatusCode::kFailedPrecondition,
                         absl::StrCat("key type ", type, " cannot verify IMA signatures")));
  }
}

TEST(PublicKeyTest, EcdsaOverMd5IsRefusedAsTheKernelRefusesIt) {
  const PrivateKey& key = TestKey("ec:p256");
  const Digest digest = TestDigest(HashAlgorithm::kMd5);
  EXPECT_THAT(
      key.public_key().Verify(digest, SignAnyway(key, digest)),
      StatusIs(StatusCode::kFailedPrecondition, "key type ec:p256 cannot verify md5 signatures"));
}

// Encodes the public half of a new P-256 key with one of OpenSSL's encoding parameters set.
Bytes EncodedWith(const char* parameter, const char* value) {
  const EvpPkeyPtr key(EVP_EC_gen("P-256"));
  EXPECT_EQ(EVP_PKEY_set_utf8_string_param(key.get(), parameter, value), 1);
  return *PublicKey::FromEvp(key.get())->SubjectPublicKeyInfo();
}

TEST(PublicKeyTest, ACurveSpelledOutIsNotTheNamedOne) {
  // The kernel knows curves by their names only.
  ASSERT_OK_AND_ASSIGN(const PublicKey key, PublicKey::FromSubjectPublicKeyInfo(EncodedWith(
                                                OSSL_PKEY_PARAM_EC_ENCODING, "explicit")));
  EXPECT_EQ(key.type().name, "ec:p256-explicit");
  EXPECT_EQ(UseOf(key.type()), KeyUse::kNone);
}

TEST(PublicKeyTest, ACompressedPointIsNotTheUsualOne) {
  // The kernel takes uncompressed points only (crypto/ecdsa.c, ecdsa_set_pub_key).
  ASSERT_OK_AND_ASSIGN(const PublicKey key,
                       PublicKey::FromSubjectPublicKeyInfo(
                           EncodedWith(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed")));
  EXPECT_EQ(key.type().name, "ec:p256-compressed");
  EXPECT_EQ(UseOf(key.type()), KeyUse::kNone);
}

TEST(PublicKeyTest, OtherCurvesKeepTheirNames) {
  EXPECT_EQ(TestKey("ec:p521").public_key().type().name, "ec:p521");
  EXPECT_EQ(TestKey("ec:secp256k1").public_key().type().name, "ec:secp256k1");
}

TEST(PublicKeyTest, AnRsaSizeIsTheModulusToTheBit) {
  EXPECT_EQ(TestKey("rsa:2560").public_key().type().name, "rsa:2560");
  EXPECT_EQ(TestKey("rsa:1023").public_key().type().name, "rsa:1023");
}

TEST(PublicKeyTest, NothingAndGarbageAreNoPublicKeys) {
  for (const Bytes& bytes : {Bytes{}, Bytes{0x30}, Bytes(100, 0x00), Bytes(100, 0xff)}) {
    EXPECT_THAT(PublicKey::FromSubjectPublicKeyInfo(bytes),
                StatusIs(StatusCode::kInvalidArgument, StartsWith("cannot decode the public key")));
  }
}

TEST(PublicKeyTest, EveryTruncationOfAnEncodingIsRefused) {
  ASSERT_OK_AND_ASSIGN(const Bytes der, TestKey("ec:p256").public_key().SubjectPublicKeyInfo());
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(PublicKey::FromSubjectPublicKeyInfo(base::ByteSpan(der).subspan(0, size)).ok())
        << size;
  }
}

TEST(PublicKeyTest, BytesAfterThePublicKeyAreRefused) {
  ASSERT_OK_AND_ASSIGN(Bytes der, TestKey("ec:p256").public_key().SubjectPublicKeyInfo());
  der.push_back(0);
  EXPECT_THAT(PublicKey::FromSubjectPublicKeyInfo(der),
              StatusIs(StatusCode::kInvalidArgument, "bytes follow the public key"));
}

TEST(PublicKeyTest, KeysAreEqualWhenTheyAreTheSameKey) {
  const PublicKey& key = TestKey("ec:p256").public_key();
  const PublicKey copy = key;
  EXPECT_TRUE(copy == key);
  EXPECT_FALSE(test::NewTestKey("ec:p256").public_key() == key);
  EXPECT_FALSE(TestKey("ec:p384").public_key() == key);
  EXPECT_FALSE(TestKey("rsa:2048").public_key() == key);
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace jet::crypto

#include "crypto/signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/crypto/test_keys.h"
#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::CloneOf;
using test::IsOk;
using test::StatusIs;
using test::TestDigest;
using test::TestKey;
using testing::HasSubstr;
using testing::StartsWith;

TEST(SignerTest, EveryTypeThatMaySignSignsEveryHashThatMay) {
  for (const char* type : {"rsa:2048", "rsa:3072", "rsa:4096", "ec:p256", "ec:p384"}) {
    ASSERT_OK_AND_ASSIGN(const auto signer, MakeSigner(test::NewTestKey(type)));
    EXPECT_EQ(signer->public_key().type().name, type);
    for (const HashAlgorithmRow& row : HashAlgorithms()) {
      if (row.strength != HashStrength::kSign) continue;
      const Digest digest = TestDigest(row.algorithm);
      ASSERT_OK_AND_ASSIGN(const Bytes signature, signer->SignDigest(digest));
      EXPECT_THAT(signer->public_key().Verify(digest, signature), IsOk()) << type << row.name;
    }
  }
}

TEST(SignerTest, AnRsaSignatureIsAsLongAsItsModulus) {
  ASSERT_OK_AND_ASSIGN(const auto signer, MakeSigner(CloneOf(TestKey("rsa:2048"))));
  ASSERT_OK_AND_ASSIGN(const Bytes signature,
                       signer->SignDigest(TestDigest(HashAlgorithm::kSha256)));
  EXPECT_EQ(signature.size(), 256u);
}

TEST(SignerTest, AnEcdsaSignatureHasNoBytesToSpare) {
  // Its size varies; what is returned must end where its SEQUENCE does.
  ASSERT_OK_AND_ASSIGN(const auto signer, MakeSigner(CloneOf(TestKey("ec:p256"))));
  for (int i = 0; i < 64; ++i) {
    const Digest digest = TestDigest(HashAlgorithm::kSha256, absl::StrCat(i));
    ASSERT_OK_AND_ASSIGN(const Bytes signature, signer->SignDigest(digest));
    ASSERT_GE(signature.size(), 8u);
    EXPECT_EQ(signature[0], 0x30);
    EXPECT_EQ(signature[1], signature.size() - 2);
    EXPECT_THAT(signer->public_key().Verify(digest, signature), IsOk());
  }
}

TEST(SignerTest, WeakKeysAreRefusedByName) {
  for (const char* type : {"rsa:512", "rsa:1024", "rsa:1536"}) {
    EXPECT_THAT(MakeSigner(CloneOf(TestKey(type))),
                StatusIs(StatusCode::kFailedPrecondition,
                         StartsWith(absl::StrCat("key type ", type, " is too weak to sign with"))));
  }
}

TEST(SignerTest, KeysThatTheKernelCannotUseAreRefusedByName) {
  for (const char* type : {"rsa:2560", "ec:p521", "ec:secp256k1", "ed25519", "rsa-pss:2048"}) {
    EXPECT_THAT(MakeSigner(CloneOf(TestKey(type))),
                StatusIs(StatusCode::kFailedPrecondition,
                         StartsWith(absl::StrCat("key type ", type, " is unsupported"))));
  }
}

TEST(SignerTest, AKeyThatWasMovedFromIsRefused) {
  PrivateKey key = CloneOf(TestKey("ec:p256"));
  ASSERT_THAT(MakeSigner(std::move(key)), IsOk());
  EXPECT_THAT(MakeSigner(std::move(key)),  // NOLINT(bugprone-use-after-move): that is tested
              StatusIs(StatusCode::kInvalidArgument, "there is no key: it was moved from"));
}

TEST(SignerTest, TheRefusalSaysWhatToUse) {
  EXPECT_THAT(MakeSigner(CloneOf(TestKey("ed25519"))),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("rsa:2048, rsa:3072, rsa:4096, ec:p256, ec:p384")));
}

class ConcurrentSignerTest : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Keys, ConcurrentSignerTest, testing::Values("rsa:2048", "ec:p256"),
                         [](const auto& parameter) {
                           return absl::string_view(parameter.param) == "rsa:2048" ? "Rsa" : "Ec";
                         });

TEST_P(ConcurrentSignerTest, EightThreadsSignDifferentDigestsWithOneKey) {
  ASSERT_OK_AND_ASSIGN(const auto signer, MakeSigner(CloneOf(TestKey(GetParam()))));
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&good, &signer, thread] {
      for (int i = 0; i < 12; ++i) {
        const HashAlgorithm hash = i % 2 == 0 ? HashAlgorithm::kSha256 : HashAlgorithm::kSha384;
        const Digest digest = TestDigest(hash, absl::StrCat(thread, "/", i));
        const auto signature = signer->SignDigest(digest);
        if (signature.ok() && signer->public_key().Verify(digest, *signature).ok()) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 8 * 12);
}

}  // namespace
}  // namespace jet::crypto

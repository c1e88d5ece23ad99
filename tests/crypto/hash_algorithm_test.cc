#include "crypto/hash_algorithm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using absl::StatusCode;
using test::IsOkAndHolds;
using test::StatusIs;

TEST(HashAlgorithmTest, EveryRowIsFoundUnderItsOwnNumber) {
  ASSERT_EQ(HashAlgorithms().size(), 6u);
  for (const HashAlgorithmRow& row : HashAlgorithms()) {
    EXPECT_EQ(&RowOf(row.algorithm), &row);
    EXPECT_STREQ(NameOf(row.algorithm), row.name);
    EXPECT_LE(row.digest_size, kMaxDigestSize);
  }
}

TEST(HashAlgorithmTest, ExactlyTheStrongOnesMaySign) {
  EXPECT_THAT(ParseSigningHash("sha256"), IsOkAndHolds(HashAlgorithm::kSha256));
  EXPECT_THAT(ParseSigningHash("sha384"), IsOkAndHolds(HashAlgorithm::kSha384));
  EXPECT_THAT(ParseSigningHash("sha512"), IsOkAndHolds(HashAlgorithm::kSha512));
}

TEST(HashAlgorithmTest, AWeakHashIsRefusedAsWeak) {
  for (const char* name : {"md5", "sha1", "sha224"}) {
    EXPECT_THAT(ParseSigningHash(name),
                StatusIs(StatusCode::kInvalidArgument,
                         absl::StrCat("hash algorithm too weak to sign with: '", name,
                                      "' (use sha256, sha384, sha512)")));
  }
}

TEST(HashAlgorithmTest, AnUnknownHashIsRefusedAsUnknown) {
  for (const char* name : {"", "SHA256", "sha-256", "sha256 ", "sm3", "sha3-256", "nosuchhash"}) {
    EXPECT_THAT(ParseSigningHash(name), StatusIs(StatusCode::kInvalidArgument,
                                                 absl::StrCat("unknown hash algorithm '", name,
                                                              "' (use sha256, sha384, sha512)")));
  }
}

}  // namespace
}  // namespace jet::crypto

#include "crypto/key_type.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;

constexpr char kNames[] = "rsa:2048, rsa:3072, rsa:4096, ec:p256, ec:p384";

struct KeyTypeRow {
  const char* name;
  KeyUse use;
};

constexpr KeyTypeRow kRows[] = {
    {"rsa:2048", KeyUse::kSign},  {"rsa:3072", KeyUse::kSign},     {"rsa:4096", KeyUse::kSign},
    {"ec:p256", KeyUse::kSign},   {"ec:p384", KeyUse::kSign},      {"rsa:512", KeyUse::kJudge},
    {"rsa:1024", KeyUse::kJudge}, {"rsa:1536", KeyUse::kJudge},    {"rsa:2047", KeyUse::kNone},
    {"rsa:2049", KeyUse::kNone},  {"rsa:2560", KeyUse::kNone},     {"rsa:8192", KeyUse::kNone},
    {"ec:p521", KeyUse::kNone},   {"ec:p192", KeyUse::kNone},      {"ec:secp256k1", KeyUse::kNone},
    {"ed25519", KeyUse::kNone},   {"rsa-pss:3072", KeyUse::kNone}, {"dsa", KeyUse::kNone},
    {"", KeyUse::kNone},
};

KeyType Named(const char* name) { return KeyType{KeyAlgorithm::kOther, 0, name}; }

TEST(KeyTypeTest, EveryTypeHasItsUse) {
  for (const KeyTypeRow& row : kRows) EXPECT_EQ(UseOf(Named(row.name)), row.use) << row.name;
}

TEST(KeyTypeTest, OnlyTypesToSignWithMaySignAndTheOthersAreNamed) {
  for (const KeyTypeRow& row : kRows) {
    const absl::Status status = CheckMaySign(Named(row.name));
    switch (row.use) {
      case KeyUse::kSign:
        EXPECT_THAT(status, IsOk()) << row.name;
        break;
      case KeyUse::kJudge:
        EXPECT_THAT(status, StatusIs(StatusCode::kFailedPrecondition,
                                     absl::StrCat("key type ", row.name,
                                                  " is too weak to sign with (use ", kNames, ")")));
        break;
      case KeyUse::kNone:
        EXPECT_THAT(status,
                    StatusIs(StatusCode::kFailedPrecondition,
                             absl::StrCat("key type ", row.name,
                                          " is unsupported: the kernel's IMA cannot use it (use ",
                                          kNames, ")")));
        break;
    }
  }
}

TEST(KeyTypeTest, ParsesExactlyTheTypesThatSign) {
  for (const KeyTypeRow& row : kRows) {
    const absl::StatusOr<KeyType> type = ParseSigningKeyType(row.name);
    if (row.use == KeyUse::kSign) {
      ASSERT_THAT(type, IsOk());
      EXPECT_EQ(type->name, row.name);
    } else {
      EXPECT_THAT(type, StatusIs(StatusCode::kInvalidArgument,
                                 absl::StrCat("key type '", row.name, "' cannot be used (use ",
                                              kNames, ")")));
    }
  }
}

TEST(KeyTypeTest, AParsedTypeKnowsItsAlgorithmAndSize) {
  ASSERT_OK_AND_ASSIGN(const KeyType rsa, ParseSigningKeyType("rsa:3072"));
  EXPECT_EQ(rsa.algorithm, KeyAlgorithm::kRsa);
  EXPECT_EQ(rsa.bits, 3072);
  ASSERT_OK_AND_ASSIGN(const KeyType ec, ParseSigningKeyType("ec:p384"));
  EXPECT_EQ(ec.algorithm, KeyAlgorithm::kEc);
  EXPECT_EQ(ec.bits, 384);
}

TEST(KeyTypeTest, HelpNamesEveryTypeThatSigns) { EXPECT_EQ(SigningKeyTypeNames(), kNames); }

}  // namespace
}  // namespace jet::crypto

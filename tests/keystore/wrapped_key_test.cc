#include "keystore/wrapped_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "keystore/store_key.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using testing::HasSubstr;

crypto::Secret SecretOf(absl::string_view text) {
  return crypto::Secret::CopyOf(base::AsBytes(text));
}

const std::string& Key() {
  static const std::string key = "0123456789abcdef0123456789ABCDEF";
  return key;
}

// Wrapping takes as long as a guess at the passphrase is meant to take: done once.
const std::string& Wrapped() {
  static const std::string text(base::AsText(ValueOf(WrapKey(SecretOf(Key()), SecretOf("p")))));
  return text;
}

absl::Status Open(absl::string_view text, absl::string_view passphrase = "p") {
  return UnwrapKey(base::AsBytes(text), SecretOf(passphrase)).status();
}

TEST(WrappedKeyTest, OpensWithItsPassphrase) {
  ASSERT_OK_AND_ASSIGN(const crypto::Secret key,
                       UnwrapKey(base::AsBytes(Wrapped()), SecretOf("p")));
  EXPECT_EQ(base::AsText(key.Expose()), Key());
}

TEST(WrappedKeyTest, IsPemOfItsOwnKind) {
  EXPECT_TRUE(absl::StartsWith(Wrapped(), "-----BEGIN JET WRAPPED STORE KEY-----\nSHA256: "));
  EXPECT_TRUE(absl::EndsWith(Wrapped(), "\n-----END JET WRAPPED STORE KEY-----\n"));
  EXPECT_TRUE(IsWrappedKey(base::AsBytes(Wrapped())));
  EXPECT_THAT(CheckWrappedKey(base::AsBytes(Wrapped())), IsOk());
  EXPECT_FALSE(IsWrappedKey(base::AsBytes(Key())));
  EXPECT_FALSE(absl::StrContains(Wrapped(), Key()));
}

TEST(WrappedKeyTest, AWrongPassphraseIsToldForWhatItIs) {
  for (const char* wrong : {"", "P", "p ", "pp", "p\n"}) {
    EXPECT_THAT(Open(Wrapped(), wrong),
                StatusIs(StatusCode::kPermissionDenied, "wrong passphrase"));
  }
}

// Damage needs no passphrase to be found, so it is never taken for a wrong one.
TEST(WrappedKeyTest, EveryChangedBitIsDamage) {
  for (size_t i = 0; i < Wrapped().size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = Wrapped();
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      EXPECT_THAT(CheckWrappedKey(base::AsBytes(changed)),
                  StatusIs(StatusCode::kDataLoss, HasSubstr("is damaged")))
          << i << " " << bit;
      EXPECT_THAT(Open(changed), StatusIs(StatusCode::kDataLoss, testing::_)) << i << " " << bit;
    }
  }
}

TEST(WrappedKeyTest, EveryTruncationAndAddedByteIsDamage) {
  for (size_t size = 0; size < Wrapped().size(); ++size) {
    EXPECT_THAT(Open(Wrapped().substr(0, size)), StatusIs(StatusCode::kDataLoss, testing::_))
        << size;
    std::string without = Wrapped();
    without.erase(size, 1);
    EXPECT_THAT(Open(without), StatusIs(StatusCode::kDataLoss, testing::_)) << size;
    std::string with = Wrapped();
    with.insert(size, 1, '\n');
    EXPECT_THAT(Open(with), StatusIs(StatusCode::kDataLoss, testing::_)) << size;
  }
  EXPECT_THAT(Open(Wrapped() + "\n"), StatusIs(StatusCode::kDataLoss, testing::_));
  EXPECT_THAT(Open(Wrapped() + Wrapped()), StatusIs(StatusCode::kDataLoss, testing::_));
}

TEST(WrappedKeyTest, OtherSpellingsAreDamage) {
  EXPECT_THAT(Open(absl::StrReplaceAll(Wrapped(), {{"\n", "\r\n"}})),
              StatusIs(StatusCode::kDataLoss, testing::_));
  EXPECT_THAT(
      Open(absl::StrReplaceAll(Wrapped(), {{"JET WRAPPED STORE KEY", "ENCRYPTED PRIVATE KEY"}})),
      StatusIs(StatusCode::kDataLoss, testing::_));
}

TEST(WrappedKeyTest, TwoWrappingsOfAKeyDiffer) {
  EXPECT_NE(base::AsText(ValueOf(WrapKey(SecretOf(Key()), SecretOf("p")))), Wrapped());
}

}  // namespace
}  // namespace jet::keystore

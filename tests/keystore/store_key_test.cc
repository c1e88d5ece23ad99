#include "keystore/store_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hex.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using absl::StatusCode;
using test::StatusIs;
using test::ValueOf;

const char kKeyHex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

StoreKey SampleKey() {
  const base::Bytes bytes = ValueOf(base::HexDecode(kKeyHex));
  return ValueOf(StoreKey::FromSecret(crypto::Secret::CopyOf(bytes)));
}

StoreKey KeyOf(char c) {
  return ValueOf(
      StoreKey::FromSecret(crypto::Secret::CopyOf(base::AsBytes(std::string(kStoreKeySize, c)))));
}

// The expected values were computed with `openssl dgst -sha256 -mac HMAC`.
TEST(StoreKeyTest, IdIsThatOfTheFormatPage) { EXPECT_EQ(SampleKey().id(), "d8f7ed176b9ced79"); }

TEST(StoreKeyTest, RecordHmacIsThatOfTheFormatPage) {
  EXPECT_EQ(base::HexEncode(ValueOf(SampleKey().RecordHmac(base::AsBytes("a record\n")))),
            "2c574076ca72d0a5dcd3740e1e440814bdea2775bdb523109866cb93f14021bd");
}

TEST(StoreKeyTest, PassphraseIsTheKeyInHexadecimal) {
  EXPECT_EQ(base::AsText(SampleKey().PrivateKeyPassphrase().Expose()), kKeyHex);
}

TEST(StoreKeyTest, RefusesEveryOtherSize) {
  for (const size_t size : {0, 31, 33}) {
    EXPECT_THAT(StoreKey::FromSecret(crypto::Secret::OfSize(size)),
                StatusIs(StatusCode::kInternal, testing::_));
  }
}

TEST(StoreKeysTest, OneIsFoundByItsIdOnly) {
  const StoreKeys keys(KeyOf('a'));
  EXPECT_EQ(keys.Find(KeyOf('a').id()), &keys.current());
  EXPECT_EQ(keys.Find(KeyOf('b').id()), nullptr);
  EXPECT_EQ(keys.Find(""), nullptr);
  EXPECT_EQ(keys.next(), nullptr);
  EXPECT_EQ(&keys.newest(), &keys.current());
  EXPECT_EQ(keys.Description(), "master.key holds " + KeyOf('a').id());
}

TEST(StoreKeysTest, OfTwoTheNextIsTheNewest) {
  StoreKeys keys(KeyOf('a'));
  keys.SetNext(KeyOf('b'));
  EXPECT_EQ(keys.Find(KeyOf('a').id()), &keys.current());
  EXPECT_EQ(keys.Find(KeyOf('b').id()), keys.next());
  EXPECT_EQ(&keys.newest(), keys.next());
  EXPECT_EQ(keys.Description(),
            "master.key holds " + KeyOf('a').id() + ", master.key.next " + KeyOf('b').id());
}

TEST(StoreKeysTest, SaysWhyTheNextIsNotAtHand) {
  StoreKeys keys(KeyOf('a'));
  keys.SetNextError(absl::DataLossError("it is gone"));
  EXPECT_EQ(keys.next(), nullptr);
  EXPECT_THAT(keys.Description(), testing::EndsWith("cannot be had: it is gone"));
}

}  // namespace
}  // namespace jet::keystore

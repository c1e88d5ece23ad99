#include "base/hex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using absl::StatusCode;
using test::IsOkAndHolds;
using test::StatusIs;

TEST(HexTest, EveryByteSurvivesTheRoundTrip) {
  Bytes all(256);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint8_t>(i);
  EXPECT_THAT(HexDecode(HexEncode(all)), IsOkAndHolds(all));
}

TEST(HexTest, EncodesLowerCaseWithLeadingZeros) {
  EXPECT_EQ(HexEncode(Bytes{0x00, 0x0a, 0xB9, 0xff}), "000ab9ff");
  EXPECT_EQ(HexEncode({}), "");
}

TEST(HexTest, DecodesBothCases) {
  EXPECT_THAT(HexDecode("aAbBfF09"), IsOkAndHolds(Bytes{0xaa, 0xbb, 0xff, 0x09}));
  EXPECT_THAT(HexDecode(""), IsOkAndHolds(Bytes{}));
}

TEST(HexTest, AnOddNumberOfDigitsIsRefused) {
  EXPECT_THAT(HexDecode("abc"),
              StatusIs(StatusCode::kInvalidArgument, "odd number of hexadecimal digits"));
}

TEST(HexTest, EveryCharacterThatIsNoDigitIsRefusedInBothPlaces) {
  const std::string digits = "0123456789abcdefABCDEF";
  for (int c = 0; c < 256; ++c) {
    const char character = static_cast<char>(c);
    if (c != 0 && digits.find(character) != std::string::npos) continue;
    for (const std::string& text : {std::string{character, '0'}, std::string{'0', character}}) {
      EXPECT_THAT(HexDecode(text),
                  StatusIs(StatusCode::kInvalidArgument, "not a hexadecimal digit"))
          << c;
    }
  }
}

}  // namespace
}  // namespace jet::base

#include "base/utf8.h"

#include <gtest/gtest.h>

#include <iterator>
#include <string>

namespace jet::base {
namespace {

// The encoding by the definition in RFC 3629, section 3, of any value up to four bytes.
std::string Encode(uint32_t value) {
  const auto byte = [](uint32_t bits) {
    return static_cast<char>(static_cast<unsigned char>(bits));
  };
  if (value < 0x80) return {byte(value)};
  if (value < 0x800) return {byte(0xC0 | value >> 6), byte(0x80 | (value & 0x3F))};
  if (value < 0x10000) {
    return {byte(0xE0 | value >> 12), byte(0x80 | (value >> 6 & 0x3F)),
            byte(0x80 | (value & 0x3F))};
  }
  return {byte(0xF0 | value >> 18), byte(0x80 | (value >> 12 & 0x3F)),
          byte(0x80 | (value >> 6 & 0x3F)), byte(0x80 | (value & 0x3F))};
}

TEST(Utf8Test, EveryCodePointDecodesToItself) {
  for (uint32_t value = 0; value <= 0x10FFFF; ++value) {
    if (value >= 0xD800 && value <= 0xDFFF) continue;
    const std::string text = Encode(value);
    const CodePoint point = DecodeFront(text + "x");
    ASSERT_EQ(point.value, value);
    ASSERT_EQ(point.size, text.size()) << value;
  }
}

TEST(Utf8Test, SurrogatesAndWhatIsAboveUnicodeAreNotUtf8) {
  for (uint32_t value = 0xD800; value <= 0xDFFF; ++value) ASSERT_FALSE(IsUtf8(Encode(value)));
  EXPECT_TRUE(IsUtf8(Encode(0xD7FF)));
  EXPECT_TRUE(IsUtf8(Encode(0xE000)));
  EXPECT_TRUE(IsUtf8(Encode(0x10FFFF)));
  EXPECT_FALSE(IsUtf8(Encode(0x110000)));
  EXPECT_FALSE(IsUtf8("\xf7\xbf\xbf\xbf"));
}

TEST(Utf8Test, LongerFormsThanNeededAreNotUtf8) {
  for (const char* text : {"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
                           "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf"}) {
    EXPECT_FALSE(IsUtf8(text)) << testing::PrintToString(text);
  }
  for (const char* text : {"\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"}) {
    EXPECT_TRUE(IsUtf8(text)) << testing::PrintToString(text);
  }
}

TEST(Utf8Test, EveryCutOrStrayByteIsNotUtf8) {
  for (const uint32_t value : {0xE4U, 0x20ACU, 0x1F511U}) {
    const std::string text = Encode(value);
    for (size_t size = 1; size < text.size(); ++size) {
      EXPECT_FALSE(IsUtf8("a" + text.substr(0, size))) << value << " cut to " << size;
      EXPECT_FALSE(IsUtf8(text.substr(0, size) + "a")) << value << " cut to " << size;
    }
  }
  for (int byte = 0x80; byte < 0x100; ++byte) {
    EXPECT_FALSE(IsUtf8(std::string(1, static_cast<char>(byte)))) << byte;
  }
}

TEST(Utf8Test, EmptyAndPlainTextIsUtf8) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("plain"));
  EXPECT_TRUE(IsUtf8(std::string("a\0b", 3)));
  EXPECT_FALSE(IsUtf8("good \xff good"));
}

TEST(Utf8Test, CharactersAreCountedNotBytes) {
  EXPECT_EQ(CountCharacters(""), 0u);
  EXPECT_EQ(CountCharacters("abc"), 3u);
  EXPECT_EQ(CountCharacters("\xc3\xa4"), 1u);
  EXPECT_EQ(CountCharacters("a\xe2\x82\xac\xf0\x9f\x94\x91z"), 4u);
}

bool IsExpectedToBeInvisible(uint32_t value) {
  struct Range {
    uint32_t first, last;
  };
  constexpr Range kRanges[] = {{0, 0x1F},        {0x7F, 0x9F},     {0xAD, 0xAD},
                               {0x61C, 0x61C},   {0x200B, 0x200F}, {0x2028, 0x202E},
                               {0x2060, 0x206F}, {0xFEFF, 0xFEFF}};
  for (const Range& range : kRanges) {
    if (value >= range.first && value <= range.last) return true;
  }
  return false;
}

TEST(Utf8Test, ControlsSeparatorsDirectionsAndWidthlessCharactersAreInvisible) {
  for (uint32_t value = 0; value <= 0x10FFFF; ++value) {
    ASSERT_EQ(IsInvisible(value), IsExpectedToBeInvisible(value)) << std::hex << value;
  }
}

TEST(Utf8Test, AnInvisibleCharacterIsFoundAnywhere) {
  for (const uint32_t value :
       {0x00U, 0x0AU, 0x1BU, 0x7FU, 0x85U, 0xADU, 0x200BU, 0x200FU, 0x2028U, 0x2029U, 0x202AU,
        0x202EU, 0x2060U, 0x2064U, 0x2066U, 0x2069U, 0xFEFFU}) {
    const std::string hidden = Encode(value);
    EXPECT_TRUE(HasInvisibleCharacters(hidden)) << std::hex << value;
    EXPECT_TRUE(HasInvisibleCharacters("a" + hidden)) << std::hex << value;
    EXPECT_TRUE(HasInvisibleCharacters(hidden + "\xc3\xa4")) << std::hex << value;
  }
  EXPECT_FALSE(HasInvisibleCharacters(""));
  EXPECT_FALSE(HasInvisibleCharacters("Acme, Inc. \xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91 /R&D"));
}

}  // namespace
}  // namespace jet::base

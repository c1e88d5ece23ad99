#include "ima/ecdsa_signature.h"

#include <gtest/gtest.h>

#include <string>

#include "base/hex.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

constexpr size_t kP256 = 32;

base::Bytes FromHex(const std::string& hex) { return base::HexDecode(hex).value(); }

std::string Repeat(const std::string& byte, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += byte;
  return text;
}

std::string Strict(const std::string& hex, size_t scalar_size = kP256) {
  const auto strict = StrictEcdsaSignature(FromHex(hex), scalar_size);
  return strict.ok() ? base::HexEncode(*strict) : std::string(strict.status().message());
}

constexpr char kRefused[] = "not an ECDSA signature that the kernel can parse";

TEST(EcdsaSignatureTest, LeavesStrictDerAsItIs) {
  EXPECT_EQ(Strict("3006020101020102"), "3006020101020102");
  EXPECT_EQ(Strict("3008020200ff020200fe"), "3008020200ff020200fe");
}

TEST(EcdsaSignatureTest, TakesWhatTheKernelTakes) {
  const std::string full = Repeat("ff", 32);
  struct {
    const char* why;
    std::string encoded;
    std::string strict;
  } const kCases[] = {
      {"bytes after the SEQUENCE", "3006020101020102aabbcc", "3006020101020102"},
      {"length in one long byte", "308106020101020102", "3006020101020102"},
      {"length in two long bytes", "30820006020101020102", "3006020101020102"},
      {"long length of a number", "300702810101020102", "3006020101020102"},
      {"indefinite length", "30800201010201020000", "3006020101020102"},
      {"indefinite length and bytes after it", "308002010102010200009f", "3006020101020102"},
      {"number without its sign byte", "30060201ff020102", "3007020200ff020102"},
      {"number with needless zeros",
       "3008020300000102"
       "0102",
       "3006020101020102"},
      {"one zero before a full number", "3026022100" + full + "020102",
       "3026022100" + full + "020102"},
      {"a full number without its sign byte", "30250220" + full + "020102",
       "3026022100" + full + "020102"},
      {"zero", "3006020100020102", "3006020100020102"},
  };
  for (const auto& test : kCases) EXPECT_EQ(Strict(test.encoded), test.strict) << test.why;
}

TEST(EcdsaSignatureTest, RefusesWhatTheKernelRefuses) {
  struct {
    const char* why;
    std::string encoded;
  } const kCases[] = {
      {"nothing", ""},
      {"no SEQUENCE", "3106020101020102"},
      {"SEQUENCE longer than the bytes", "3007020101020102"},
      {"SEQUENCE that ends within s", "3005020101020102"},
      {"a third element", "3009020101020102020103"},
      {"only one number", "3003020101"},
      {"a number without bytes",
       "300502000201"
       "02"},
      {"length in three bytes", "3083000006020101020102"},
      {"length byte missing", "3081"},
      {"indefinite length without its end", "3080020101020102"},
      {"indefinite length with a wrong end", "30800201010201020001"},
      {"number of indefinite length",
       "3080028001000002010200"
       "00"},
      {"two zeros before a full number", "302702220000" + Repeat("ff", 32) + "020102"},
      {"a number that is too large", "3026022101" + Repeat("ff", 32) + "020102"},
      {"another tag for a number", "3006030101020102"},
  };
  for (const auto& test : kCases) EXPECT_EQ(Strict(test.encoded), kRefused) << test.why;
}

TEST(EcdsaSignatureTest, TakesNumbersUpToTheSizeOfTheCurve) {
  const std::string p384 = Repeat("7f", 48);
  EXPECT_EQ(Strict("30350230" + p384 + "020102", 48), "30350230" + p384 + "020102");
  EXPECT_EQ(Strict("30350230" + p384 + "020102", kP256), kRefused);
}

}  // namespace
}  // namespace jet::ima

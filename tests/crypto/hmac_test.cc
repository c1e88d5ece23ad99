#include "crypto/hmac.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hex.h"
#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using base::Bytes;

Bytes Counting(uint8_t first, uint8_t last) {
  Bytes bytes;
  for (int value = first; value <= last; ++value) bytes.push_back(static_cast<uint8_t>(value));
  return bytes;
}

Bytes Text(absl::string_view text) { return base::ToBytes(base::AsBytes(text)); }

struct KnownAnswer {
  Bytes key;
  Bytes message;
  std::string mac;  // its beginning, where the vector is truncated
};

// RFC 4231, section 4, in its order; the last one has no key at all.
const std::vector<KnownAnswer>& KnownAnswers() {
  static const std::vector<KnownAnswer> kRows = {
      {Bytes(20, 0x0b), Text("Hi There"),
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {Text("Jefe"), Text("what do ya want for nothing?"),
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {Bytes(20, 0xaa), Bytes(50, 0xdd),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {Counting(0x01, 0x19), Bytes(50, 0xcd),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {Bytes(20, 0x0c), Text("Test With Truncation"), "a3b6167473100ee06e0c796c2955552b"},
      {Bytes(131, 0xaa), Text("Test Using Larger Than Block-Size Key - Hash Key First"),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {Bytes(131, 0xaa),
       Text("This is a test using a larger than block-size key and a larger than block-size data. "
            "The key needs to be hashed before being used by the HMAC algorithm."),
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
      {{}, {}, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
  };
  return kRows;
}

TEST(HmacTest, KnownAnswers) {
  for (const KnownAnswer& row : KnownAnswers()) {
    ASSERT_OK_AND_ASSIGN(const Bytes mac, HmacSha256(Secret::CopyOf(row.key), row.message));
    EXPECT_EQ(mac.size(), 32u);
    EXPECT_EQ(base::HexEncode(mac).substr(0, row.mac.size()), row.mac);
  }
}

TEST(EqualInConstantTimeTest, ComparesSizeAndEveryByte) {
  const Bytes bytes = Counting(1, 32);
  EXPECT_TRUE(EqualInConstantTime(bytes, Counting(1, 32)));
  EXPECT_TRUE(EqualInConstantTime({}, {}));
  EXPECT_FALSE(EqualInConstantTime(bytes, Counting(1, 31)));
  EXPECT_FALSE(EqualInConstantTime(bytes, Counting(1, 33)));
  EXPECT_FALSE(EqualInConstantTime(bytes, {}));
  for (size_t i = 0; i < bytes.size(); ++i) {
    Bytes other = bytes;
    other[i] ^= 0x80;
    EXPECT_FALSE(EqualInConstantTime(bytes, other)) << i;
  }
}

}  // namespace
}  // namespace jet::crypto

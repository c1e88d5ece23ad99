#include "base/bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jet::base {
namespace {

using testing::ElementsAre;

TEST(BytesTest, TextAndBytesAreTheSameMemory) {
  const std::string text("a\0\xff", 3);
  EXPECT_THAT(AsBytes(text), ElementsAre('a', 0, 0xff));
  EXPECT_EQ(AsText(AsBytes(text)).data(), text.data());
  EXPECT_EQ(AsText(AsBytes(text)), absl::string_view(text));
  EXPECT_EQ(ToBytes(AsBytes(text)), (Bytes{'a', 0, 0xff}));
}

TEST(BytesTest, TailIsTheEndOrAllOfIt) {
  const Bytes bytes = {1, 2, 3};
  EXPECT_THAT(Tail(bytes, 0), ElementsAre());
  EXPECT_THAT(Tail(bytes, 2), ElementsAre(2, 3));
  EXPECT_THAT(Tail(bytes, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(Tail(bytes, 4), ElementsAre(1, 2, 3));
  EXPECT_THAT(Tail(ByteSpan(), 4), ElementsAre());
}

}  // namespace
}  // namespace jet::base

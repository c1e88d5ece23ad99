#include "base/byte_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jet::base {
namespace {

using testing::ElementsAre;

TEST(ByteReaderTest, ReadsBigEndianFromTheFront) {
  const Bytes bytes = {0x01, 0xff, 0x02, 0xaa, 0xbb, 0xcc};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.remaining(), 6u);
  EXPECT_EQ(reader.ReadU8(), 0x01);
  EXPECT_EQ(reader.ReadU16(), 0xff02);
  EXPECT_EQ(reader.remaining(), 3u);
  EXPECT_THAT(*reader.ReadSpan(2), ElementsAre(0xaa, 0xbb));
  EXPECT_THAT(reader.ReadRest(), ElementsAre(0xcc));
  EXPECT_EQ(reader.remaining(), 0u);
  EXPECT_THAT(reader.ReadRest(), ElementsAre());
}

TEST(ByteReaderTest, ReadsNothingFromAnEmptyView) {
  ByteReader reader{ByteSpan()};
  EXPECT_EQ(reader.ReadU8(), absl::nullopt);
  EXPECT_EQ(reader.ReadU16(), absl::nullopt);
  EXPECT_EQ(reader.ReadSpan(1), absl::nullopt);
  ASSERT_NE(reader.ReadSpan(0), absl::nullopt);
}

TEST(ByteReaderTest, AReadThatDoesNotFitLeavesThePosition) {
  const Bytes bytes = {7, 8, 9};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.ReadSpan(4), absl::nullopt);
  EXPECT_EQ(reader.ReadU16(), 0x0708);
  EXPECT_EQ(reader.ReadU16(), absl::nullopt);
  EXPECT_EQ(reader.ReadSpan(SIZE_MAX), absl::nullopt);
  EXPECT_EQ(reader.ReadU8(), 9);
}

TEST(ByteReaderTest, AReadOfExactlyTheRestFits) {
  const Bytes bytes = {1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_THAT(*reader.ReadSpan(3), ElementsAre(1, 2, 3));
  EXPECT_EQ(reader.remaining(), 0u);
}

}  // namespace
}  // namespace jet::base

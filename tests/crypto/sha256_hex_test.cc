#include "crypto/sha256_hex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using test::IsOkAndHolds;

// The examples of FIPS 180-4.
TEST(Sha256HexTest, IsTheDigestInLowerCase) {
  EXPECT_THAT(Sha256Hex(base::AsBytes("abc")),
              IsOkAndHolds("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  EXPECT_THAT(Sha256Hex({}),
              IsOkAndHolds("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
}

}  // namespace
}  // namespace jet::crypto

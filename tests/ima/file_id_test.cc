#include "ima/file_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hex.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

using crypto::Digest;
using crypto::HashAlgorithm;

TEST(SignedDigestTest, OfContentIsTheDigestItself) {
  const Digest digest =
      test::ValueOf(crypto::ComputeDigest(HashAlgorithm::kSha256, base::AsBytes("x")));
  EXPECT_THAT(SignedDigest(SignatureKind::kContent, digest), test::IsOkAndHolds(digest));
}

// (printf '\6\4'; head -c 32 /dev/zero) | sha256sum; (printf '\6\6'; head -c 64 /dev/zero) |
// sha512sum
TEST(SignedDigestTest, OfVerityIsTheHashOfTheFileId) {
  const auto of_zeros = [](HashAlgorithm hash) {
    const base::Bytes zeros(crypto::RowOf(hash).digest_size);
    const Digest digest = test::ValueOf(Digest::Make(hash, zeros));
    return base::HexEncode(test::ValueOf(SignedDigest(SignatureKind::kVerity, digest)).value());
  };
  EXPECT_EQ(of_zeros(HashAlgorithm::kSha256),
            "f2cdc2d03ed7d4d3e4d76d77d19e0622b1687aa4f78ef6917cee30f29c0a7675");
  EXPECT_EQ(of_zeros(HashAlgorithm::kSha512),
            "e87110e308ad11d28193bba2ee9617bfb7fae6407ea5375283ac600a6a7f0743"
            "496699fe11c34eac3b960941ef856373253a0aa75765deed1683f21e93471ed0");
}

}  // namespace
}  // namespace jet::ima

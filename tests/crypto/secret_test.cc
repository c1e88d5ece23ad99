#include "crypto/secret.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <type_traits>

#include "base/file.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::SecretText;
using test::StatusIs;
using testing::Each;

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);

Bytes Shown(const Secret& secret) { return base::ToBytes(secret.Expose()); }

TEST(SecretTest, ANewSecretIsZero) {
  for (const size_t size : {1, 32, 100000}) {
    const Secret secret = Secret::OfSize(size);
    EXPECT_EQ(secret.size(), size);
    EXPECT_THAT(Shown(secret), Each(0));
  }
}

TEST(SecretTest, ASecretMayBeEmpty) {
  EXPECT_TRUE(Secret().empty());
  EXPECT_TRUE(Secret::OfSize(0).empty());
  EXPECT_TRUE(Secret::CopyOf({}).empty());
  EXPECT_TRUE(Secret().Expose().empty());
}

TEST(SecretTest, HoldsWhatItWasGiven) {
  const Secret secret = SecretText("abc");
  EXPECT_EQ(base::AsText(secret.Expose()), "abc");
}

TEST(SecretTest, MovingTakesItAway) {
  Secret first = SecretText("abc");
  Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(base::AsText(second.Expose()), "abc");
  Secret third = SecretText("something longer");
  third = std::move(second);
  EXPECT_EQ(base::AsText(third.Expose()), "abc");
}

TEST(SecretTest, TruncatingWipesTheRest) {
  Secret secret = SecretText("abcdef");
  const uint8_t* const memory = secret.Expose().data();
  secret.Truncate(2);
  EXPECT_EQ(base::AsText(secret.Expose()), "ab");
  // The rest is still this object's memory.
  EXPECT_THAT(base::ByteSpan(memory + 2, 4), Each(0));
  secret.Truncate(10);
  EXPECT_EQ(secret.size(), 2u);
  secret.Truncate(0);
  EXPECT_TRUE(secret.empty());
}

TEST(SecretTest, LivesInTheSecureHeapAndElsewhereWhenThatIsFull) {
  EXPECT_EQ(test::InChild([]() -> std::string {
              if (CRYPTO_secure_malloc_init(65536, 32) != 1) return "no secure heap";
              const Secret small = SecretText("small");
              if (CRYPTO_secure_allocated(small.Expose().data()) != 1) return "not in the heap";
              Secret large = Secret::OfSize(200000);
              if (CRYPTO_secure_allocated(large.Expose().data()) != 0) return "it cannot be there";
              large.MutableBytes()[199999] = 1;
              large = Secret();
              return "good";
            }),
            "good");
}

TEST(ReadSecretTest, ReadsUpToTheLimitAndNotOneByteMore) {
  const test::ScratchFolder folder;
  constexpr size_t kLimit = 5000;
  for (const size_t size : {size_t{0}, size_t{1}, kLimit - 1, kLimit}) {
    const Bytes content(size, 0x5a);
    const base::UniqueFd fd = test::Open(folder.Write("f", base::ByteSpan(content)), O_RDONLY);
    ASSERT_OK_AND_ASSIGN(const Secret secret, ReadSecret(fd.get(), kLimit, "f"));
    EXPECT_EQ(Shown(secret), content);
  }
  for (const size_t size : {kLimit + 1, kLimit + 2, 3 * kLimit}) {
    const base::UniqueFd fd = test::Open(folder.Write("f", base::ByteSpan(Bytes(size))), O_RDONLY);
    EXPECT_THAT(ReadSecret(fd.get(), kLimit, "f"),
                StatusIs(StatusCode::kResourceExhausted, "'f' is larger than 5000 bytes"));
  }
}

TEST(ReadSecretTest, AssemblesWhatAPipeGivesInPieces) {
  std::array<int, 2> ends = {};
  ASSERT_EQ(pipe(ends.data()), 0);
  const base::UniqueFd reader(ends[0]);
  base::UniqueFd writer(ends[1]);
  for (const char* piece : {"pass", "phrase"}) {
    ASSERT_THAT(base::WriteAll(writer.get(), base::AsBytes(piece), "pipe"), test::IsOk());
  }
  writer.Reset();
  ASSERT_OK_AND_ASSIGN(const Secret secret, ReadSecret(reader.get(), 100, "pipe"));
  EXPECT_EQ(base::AsText(secret.Expose()), "passphrase");
}

TEST(ReadSecretTest, WaitsForADescriptorThatDoesNotBlock) {
  std::array<int, 2> ends = {};
  ASSERT_EQ(pipe2(ends.data(), O_NONBLOCK), 0);
  const base::UniqueFd reader(ends[0]);
  base::UniqueFd writer(ends[1]);
  std::thread late([&writer] {
    for (const char* piece : {"pass", "phrase"}) {
      (void)usleep(20 * 1000);
      EXPECT_THAT(base::WriteAll(writer.get(), base::AsBytes(piece), "pipe"), test::IsOk());
    }
    writer.Reset();
  });
  const absl::StatusOr<Secret> secret = ReadSecret(reader.get(), 100, "pipe");
  late.join();
  ASSERT_THAT(secret, test::IsOk());
  EXPECT_EQ(base::AsText(secret->Expose()), "passphrase");
}

TEST(ReadSecretTest, AFailedReadNamesTheFile) {
  EXPECT_THAT(
      ReadSecret(-1, 10, "the key"),
      StatusIs(StatusCode::kFailedPrecondition, "cannot read 'the key': Bad file descriptor"));
}

TEST(RandomSecretTest, NoTwoAreAlike) {
  ASSERT_OK_AND_ASSIGN(const Secret a, RandomSecret(32));
  ASSERT_OK_AND_ASSIGN(const Secret b, RandomSecret(32));
  EXPECT_EQ(a.size(), 32u);
  EXPECT_NE(Shown(a), Shown(b));
  EXPECT_THAT(RandomSecret(0), test::IsOk());
}

TEST(WipeTest, OverwritesEveryCharacter) {
  std::string text = "secret";
  Wipe(absl::MakeSpan(text));
  EXPECT_THAT(text, Each('\0'));
}

}  // namespace
}  // namespace jet::crypto

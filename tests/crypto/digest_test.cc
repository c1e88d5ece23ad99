#include "crypto/digest.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/hex.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using absl::StatusCode;
using base::Bytes;
using base::ByteSpan;
using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using testing::HasSubstr;

struct KnownAnswer {
  HashAlgorithm algorithm;
  const char* of_abc;  // RFC 1321 A.5, FIPS 180-4 examples
  const char* of_nothing;
};

constexpr KnownAnswer kKnownAnswers[] = {
    {HashAlgorithm::kMd5, "900150983cd24fb0d6963f7d28e17f72", "d41d8cd98f00b204e9800998ecf8427e"},
    {HashAlgorithm::kSha1, "a9993e364706816aba3e25717850c26c9cd0d89d",
     "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {HashAlgorithm::kSha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
     "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"},
    {HashAlgorithm::kSha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {HashAlgorithm::kSha384,
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
     "8086072ba1e7cc2358baeca134c825a7",
     "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
     "274edebfe76f65fbd51ad2f14898b95b"},
    {HashAlgorithm::kSha512,
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
};

std::string HexOf(const absl::StatusOr<Digest>& digest) {
  return digest.ok() ? base::HexEncode(digest->value()) : digest.status().ToString();
}

TEST(DigestTest, EveryRowHasItsKnownAnswers) {
  ASSERT_EQ(std::size(kKnownAnswers), HashAlgorithms().size());
  for (const KnownAnswer& row : kKnownAnswers) {
    EXPECT_EQ(HexOf(ComputeDigest(row.algorithm, base::AsBytes("abc"))), row.of_abc);
    EXPECT_EQ(HexOf(ComputeDigest(row.algorithm, {})), row.of_nothing);
  }
}

TEST(DigestTest, TheSizeMustBeThatOfTheAlgorithm) {
  for (const HashAlgorithmRow& row : HashAlgorithms()) {
    EXPECT_THAT(Digest::Make(row.algorithm, Bytes(row.digest_size)), IsOk());
    for (const size_t size : {size_t{0}, row.digest_size - 1, row.digest_size + 1}) {
      EXPECT_THAT(Digest::Make(row.algorithm, Bytes(size)),
                  StatusIs(StatusCode::kInvalidArgument,
                           absl::StrCat("a ", row.name, " digest has ", row.digest_size,
                                        " bytes, not ", size)));
    }
  }
}

TEST(DigestTest, DigestsAreEqualInAlgorithmAndValue) {
  const Digest zeros = *Digest::Make(HashAlgorithm::kSha256, Bytes(32));
  EXPECT_TRUE(zeros == *Digest::Make(HashAlgorithm::kSha256, Bytes(32)));
  Bytes last_differs(32);
  last_differs.back() = 1;
  EXPECT_FALSE(zeros == *Digest::Make(HashAlgorithm::kSha256, last_differs));
  EXPECT_FALSE(*Digest::Make(HashAlgorithm::kMd5, Bytes(16)) == zeros);
}

TEST(HasherTest, PiecesGiveTheDigestOfTheWhole) {
  Hasher hasher;
  ASSERT_THAT(hasher.Start(HashAlgorithm::kSha256), IsOk());
  for (const char* piece : {"a", "", "b", "c"}) {
    ASSERT_THAT(hasher.Update(base::AsBytes(piece)), IsOk());
  }
  EXPECT_EQ(HexOf(hasher.Finish()), kKnownAnswers[3].of_abc);
}

TEST(HasherTest, OneHasherServesForManyDigestsOfAnyAlgorithm) {
  Hasher hasher;
  for (int round = 0; round < 2; ++round) {
    for (const KnownAnswer& row : kKnownAnswers) {
      ASSERT_THAT(hasher.Start(row.algorithm), IsOk());
      ASSERT_THAT(hasher.Update(base::AsBytes("abc")), IsOk());
      EXPECT_EQ(HexOf(hasher.Finish()), row.of_abc);
    }
  }
}

TEST(HasherTest, StartingAgainDropsWhatWasBegun) {
  Hasher hasher;
  ASSERT_THAT(hasher.Start(HashAlgorithm::kSha512), IsOk());
  ASSERT_THAT(hasher.Update(base::AsBytes("something else")), IsOk());
  ASSERT_THAT(hasher.Start(HashAlgorithm::kSha256), IsOk());
  ASSERT_THAT(hasher.Update(base::AsBytes("abc")), IsOk());
  EXPECT_EQ(HexOf(hasher.Finish()), kKnownAnswers[3].of_abc);
}

TEST(HasherTest, AMovedHasherWorks) {
  Hasher first;
  ASSERT_THAT(first.Start(HashAlgorithm::kSha256), IsOk());
  Hasher second = std::move(first);
  ASSERT_THAT(second.Update(base::AsBytes("abc")), IsOk());
  EXPECT_EQ(HexOf(second.Finish()), kKnownAnswers[3].of_abc);
}

TEST(HasherTest, WithoutAStartThereIsNoDigest) {
  const auto refused =
      StatusIs(StatusCode::kFailedPrecondition, "no digest was begun: call Start first");
  Hasher hasher;
  EXPECT_THAT(hasher.Update(base::AsBytes("abc")), refused);
  EXPECT_THAT(hasher.Finish(), refused);
  ASSERT_THAT(hasher.Start(HashAlgorithm::kSha256), IsOk());
  ASSERT_THAT(hasher.Finish(), IsOk());
  EXPECT_THAT(hasher.Update(base::AsBytes("abc")), refused);
  EXPECT_THAT(hasher.Finish(), refused);
}

TEST(HasherTest, AHasherThatWasMovedFromIsLikeANewOne) {
  Hasher first;
  ASSERT_THAT(first.Start(HashAlgorithm::kSha256), IsOk());
  const Hasher second = std::move(first);
  // NOLINTBEGIN(bugprone-use-after-move): that is what is tested
  EXPECT_THAT(first.Update(base::AsBytes("abc")),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("no digest was begun")));
  ASSERT_THAT(first.Start(HashAlgorithm::kSha256), IsOk());
  ASSERT_THAT(first.Update(base::AsBytes("abc")), IsOk());
  EXPECT_EQ(HexOf(first.Finish()), kKnownAnswers[3].of_abc);
  // NOLINTEND(bugprone-use-after-move)
}

class HashFileTest : public testing::Test {
 protected:
  base::UniqueFd FileOf(const Bytes& content) const {
    return test::Open(folder_.Write("file", ByteSpan(content)), O_RDONLY);
  }

  static Bytes Content(size_t size) {
    Bytes content(size);
    for (size_t i = 0; i < size; ++i) content[i] = static_cast<uint8_t>(i * 31 + i / 251);
    return content;
  }

  const test::ScratchFolder folder_;
  Hasher hasher_;
};

TEST_F(HashFileTest, FilesAroundTheReadSizeHashLikeTheirContent) {
  constexpr size_t kReadSize = 256 * 1024;
  for (const size_t size : {size_t{0}, size_t{1}, kReadSize - 1, kReadSize, kReadSize + 1,
                            2 * kReadSize, 3 * kReadSize + 5}) {
    const Bytes content = Content(size);
    const base::UniqueFd fd = FileOf(content);
    for (const HashAlgorithm algorithm : {HashAlgorithm::kSha256, HashAlgorithm::kSha512}) {
      EXPECT_THAT(hasher_.HashFile(fd.get(), algorithm, size),
                  IsOkAndHolds(*ComputeDigest(algorithm, content)))
          << size;
    }
  }
}

TEST_F(HashFileTest, ThePositionIsNeitherUsedNorMoved) {
  const Bytes content = Content(1000);
  const base::UniqueFd fd = FileOf(content);
  ASSERT_EQ(lseek(fd.get(), 500, SEEK_SET), 500);
  EXPECT_THAT(hasher_.HashFile(fd.get(), HashAlgorithm::kSha256, 1000),
              IsOkAndHolds(*ComputeDigest(HashAlgorithm::kSha256, content)));
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_CUR), 500);
}

TEST_F(HashFileTest, AnotherSizeThanExpectedIsAborted) {
  const base::UniqueFd fd = FileOf(Content(1000));
  for (const uint64_t expected : {0, 999, 1001}) {
    EXPECT_THAT(hasher_.HashFile(fd.get(), HashAlgorithm::kSha256, expected),
                StatusIs(StatusCode::kAborted, "the file changed its size while it was being read"))
        << expected;
  }
}

TEST_F(HashFileTest, WhatCannotBeReadIsAnError) {
  const base::UniqueFd fd = test::Open(folder_.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_THAT(hasher_.HashFile(fd.get(), HashAlgorithm::kSha256, 0),
              StatusIs(StatusCode::kFailedPrecondition, "cannot read the file: Is a directory"));
}

TEST_F(HashFileTest, LeavesNothingBegun) {
  const base::UniqueFd fd = FileOf(Content(10));
  for (const uint64_t expected : {10, 11}) {
    EXPECT_EQ(hasher_.HashFile(fd.get(), HashAlgorithm::kSha256, expected).ok(), expected == 10);
    EXPECT_THAT(hasher_.Finish(),
                StatusIs(StatusCode::kFailedPrecondition, HasSubstr("no digest was begun")));
  }
}

TEST_F(HashFileTest, AFailureLeavesTheHasherUsable) {
  EXPECT_FALSE(hasher_.HashFile(-1, HashAlgorithm::kSha256, 0).ok());
  const base::UniqueFd fd = FileOf(Content(10));
  EXPECT_THAT(hasher_.HashFile(fd.get(), HashAlgorithm::kSha256, 10),
              IsOkAndHolds(*ComputeDigest(HashAlgorithm::kSha256, Content(10))));
}

}  // namespace
}  // namespace jet::crypto

#include "crypto/verity_digest.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/hex.h"
#include "tests/base/child.h"
#include "tests/base/fake_verity.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using absl::StatusCode;
using test::StatusIs;
using testing::HasSubstr;

std::string Text(const Digest& digest) {
  return absl::StrCat(NameOf(digest.algorithm()), ":", base::HexEncode(digest.value()));
}

// What the program fsverity says; empty when it fails.
std::string FsverityDigest(const std::string& path, const char* hash) {
  const std::string command = absl::StrCat("fsverity digest --hash-alg=", hash, " ", path);
  FILE* pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) return "";
  std::array<char, 512> line = {};
  const bool read = std::fgets(line.data(), line.size(), pipe) != nullptr;
  if (pclose(pipe) != 0 || !read) return "";
  const std::vector<std::string> words = absl::StrSplit(line.data(), ' ');
  return words.front();
}

class VerityDigestTest : public testing::Test {
 protected:
  // Writes `size` bytes that differ from block to block.
  std::string Write(size_t size) const {
    base::Bytes content(size);
    for (size_t i = 0; i < size; ++i) content[i] = static_cast<uint8_t>(i * 7 + i / 4096);
    return folder_.Write("f", content);
  }

  test::ScratchFolder folder_;
};

TEST_F(VerityDigestTest, TheDigestOfAnEmptyFileIsTheKnownOne) {
  const base::UniqueFd fd = test::Open(folder_.Write("empty", ""), O_RDONLY);
  ASSERT_OK_AND_ASSIGN(const Digest digest,
                       ComputeVerityDigest(fd.get(), HashAlgorithm::kSha256, 0));
  EXPECT_EQ(Text(digest),
            "sha256:3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95");
  EXPECT_THAT(ComputeVerityDigest({}, HashAlgorithm::kSha256), test::IsOkAndHolds(digest));
}

// One block, a full tree of one level, two levels, and more than is read at once.
TEST_F(VerityDigestTest, AgreesWithFsverityOnEverySize) {
  for (const size_t size :
       {1UL, 4095UL, 4096UL, 4097UL, 128 * 4096UL, 128 * 4096 + 1UL, 256 * 1024 + 5UL, 5000000UL}) {
    const std::string path = Write(size);
    const base::UniqueFd fd = test::Open(path, O_RDONLY);
    for (const HashAlgorithm hash : {HashAlgorithm::kSha256, HashAlgorithm::kSha512}) {
      ASSERT_OK_AND_ASSIGN(const Digest digest, ComputeVerityDigest(fd.get(), hash, size));
      EXPECT_EQ(Text(digest), FsverityDigest(path, NameOf(hash))) << size;
      ASSERT_OK_AND_ASSIGN(const base::Bytes content, base::ReadFile(path, size));
      EXPECT_THAT(ComputeVerityDigest(content, hash), test::IsOkAndHolds(digest)) << size;
    }
    EXPECT_EQ(lseek(fd.get(), 0, SEEK_CUR), 0);
  }
}

TEST_F(VerityDigestTest, AFileOfAnotherSizeHasChanged) {
  for (const size_t real : {0UL, 10UL, 4096UL, 300000UL}) {
    const base::UniqueFd fd = test::Open(Write(real), O_RDONLY);
    EXPECT_THAT(ComputeVerityDigest(fd.get(), HashAlgorithm::kSha256, real + 1),
                StatusIs(StatusCode::kAborted, HasSubstr("changed its size")));
    if (real == 0) continue;
    EXPECT_THAT(ComputeVerityDigest(fd.get(), HashAlgorithm::kSha256, real - 1),
                StatusIs(StatusCode::kAborted, HasSubstr("changed its size")));
  }
}

TEST_F(VerityDigestTest, AFileThatCannotBeReadIsAnError) {
  EXPECT_THAT(ComputeVerityDigest(-1, HashAlgorithm::kSha256, 1),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("Bad file descriptor")));
}

TEST_F(VerityDigestTest, HasTwoHashesOnly) {
  const base::UniqueFd fd = test::Open(Write(1), O_RDONLY);
  for (const HashAlgorithmRow& row : HashAlgorithms()) {
    const std::string name = row.name;
    const bool has = name == "sha256" || name == "sha512";
    EXPECT_EQ(IsVerityHash(row.algorithm), has) << name;
    if (has) continue;
    EXPECT_THAT(ComputeVerityDigest(fd.get(), row.algorithm, 1),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(name)));
    EXPECT_THAT(ComputeVerityDigest(base::AsBytes("x"), row.algorithm),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(name)));
    EXPECT_THAT(EnableVerity(fd.get(), row.algorithm),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(name)));
  }
}

TEST_F(VerityDigestTest, WhatIsComputedIsWhatEnablingGives) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const test::FakeVerity fake;
  const size_t size = 10000;
  const base::UniqueFd fd = test::Open(Write(size), O_RDONLY);
  EXPECT_THAT(MeasureVerityDigest(fd.get()), test::IsOkAndHolds(absl::nullopt));
  ASSERT_OK_AND_ASSIGN(const Digest computed,
                       ComputeVerityDigest(fd.get(), HashAlgorithm::kSha512, size));
  EXPECT_THAT(EnableVerity(fd.get(), HashAlgorithm::kSha512), test::IsOkAndHolds(true));
  EXPECT_THAT(MeasureVerityDigest(fd.get()), test::IsOkAndHolds(computed));
}

}  // namespace
}  // namespace jet::crypto

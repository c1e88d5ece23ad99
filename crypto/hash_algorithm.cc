#include "crypto/hash_algorithm.h"

#include <array>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace jet::crypto {
namespace {

constexpr std::array<HashAlgorithmRow, 6> kRows = {{
    {HashAlgorithm::kMd5, "md5", 16, HashStrength::kJudge},
    {HashAlgorithm::kSha1, "sha1", 20, HashStrength::kJudge},
    {HashAlgorithm::kSha224, "sha224", 28, HashStrength::kJudge},
    {HashAlgorithm::kSha256, "sha256", 32, HashStrength::kSign},
    {HashAlgorithm::kSha384, "sha384", 48, HashStrength::kSign},
    {HashAlgorithm::kSha512, "sha512", 64, HashStrength::kSign},
}};

constexpr bool EveryDigestFits() {
  for (const HashAlgorithmRow& row : kRows) {
    if (row.digest_size > kMaxDigestSize) return false;
  }
  return true;
}
static_assert(EveryDigestFits());

constexpr bool RowsFollowTheEnum() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].algorithm) != i) return false;
  }
  return true;
}
static_assert(RowsFollowTheEnum());

}  // namespace

absl::Span<const HashAlgorithmRow> HashAlgorithms() { return kRows; }

const HashAlgorithmRow& RowOf(HashAlgorithm algorithm) {
  return kRows[static_cast<size_t>(algorithm)];
}

absl::StatusOr<HashAlgorithm> ParseSigningHash(absl::string_view name) {
  std::vector<absl::string_view> usable;
  bool judged_only = false;
  for (const HashAlgorithmRow& row : kRows) {
    if (row.strength == HashStrength::kSign) {
      if (name == row.name) return row.algorithm;
      usable.push_back(row.name);
    } else if (name == row.name) {
      judged_only = true;
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      judged_only ? "hash algorithm too weak to sign with: '" : "unknown hash algorithm '", name,
      "' (use ", absl::StrJoin(usable, ", "), ")"));
}

}  // namespace jet::crypto

#include "crypto/key_type.h"

#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace jet::crypto {
namespace {

struct KeyTypeRow {
  const char* name;
  KeyAlgorithm algorithm;
  int bits;
  KeyUse use;
};

constexpr std::array<KeyTypeRow, 8> kRows = {{
    {"rsa:2048", KeyAlgorithm::kRsa, 2048, KeyUse::kSign},
    {"rsa:3072", KeyAlgorithm::kRsa, 3072, KeyUse::kSign},
    {"rsa:4096", KeyAlgorithm::kRsa, 4096, KeyUse::kSign},
    {"ec:p256", KeyAlgorithm::kEc, 256, KeyUse::kSign},
    {"ec:p384", KeyAlgorithm::kEc, 384, KeyUse::kSign},
    {"rsa:512", KeyAlgorithm::kRsa, 512, KeyUse::kJudge},
    {"rsa:1024", KeyAlgorithm::kRsa, 1024, KeyUse::kJudge},
    {"rsa:1536", KeyAlgorithm::kRsa, 1536, KeyUse::kJudge},
}};

const KeyTypeRow* FindRow(absl::string_view name) {
  for (const KeyTypeRow& row : kRows) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

}  // namespace

KeyUse UseOf(const KeyType& type) {
  const KeyTypeRow* row = FindRow(type.name);
  return row == nullptr ? KeyUse::kNone : row->use;
}

absl::Status CheckMaySign(const KeyType& type) {
  switch (UseOf(type)) {
    case KeyUse::kSign:
      return absl::OkStatus();
    case KeyUse::kJudge:
      return absl::FailedPreconditionError(absl::StrCat(
          "key type ", type.name, " is too weak to sign with (use ", SigningKeyTypeNames(), ")"));
    case KeyUse::kNone:
      break;
  }
  return absl::FailedPreconditionError(absl::StrCat("key type ", type.name,
                                                    " is unsupported: the kernel's IMA cannot use "
                                                    "it (use ",
                                                    SigningKeyTypeNames(), ")"));
}

absl::StatusOr<KeyType> ParseSigningKeyType(absl::string_view name) {
  const KeyTypeRow* row = FindRow(name);
  if (row == nullptr || row->use != KeyUse::kSign) {
    return absl::InvalidArgumentError(
        absl::StrCat("key type '", name, "' cannot be used (use ", SigningKeyTypeNames(), ")"));
  }
  return KeyType{row->algorithm, row->bits, row->name};
}

std::string SigningKeyTypeNames() {
  std::vector<absl::string_view> names;
  for (const KeyTypeRow& row : kRows) {
    if (row.use == KeyUse::kSign) names.push_back(row.name);
  }
  return absl::StrJoin(names, ", ");
}

}  // namespace jet::crypto

#include "tests/kernel/mutations.h"

namespace jet::kernel {
namespace {

constexpr char kInvalidSignature[] = "invalid-signature";

void ChangeSignatureSize(std::string& attribute, int change) {
  const int size = static_cast<unsigned char>(attribute[kSignatureSize]) * 256 +
                   static_cast<unsigned char>(attribute[kSignatureSize + 1]) + change;
  attribute[kSignatureSize] = static_cast<char>(size / 256);
  attribute[kSignatureSize + 1] = static_cast<char>(size % 256);
}

void FlipBit(char& byte) { byte = static_cast<char>(byte ^ 1); }

Mutation Truncated(size_t size) {
  return {"truncated-" + std::to_string(size), "malformed", kInvalidSignature,
          [size](std::string& a) { a.resize(size); }};
}

Mutation Replaced(const std::string& name, const std::string& verdict, const std::string& cause,
                  size_t offset, char value) {
  return {name, verdict, cause, [=](std::string& a) { a[offset] = value; }};
}

}  // namespace

std::vector<Mutation> Mutations() {
  return {
      {"size-too-small", "malformed", kInvalidSignature,
       [](std::string& a) { ChangeSignatureSize(a, -1); }},
      {"size-too-large", "malformed", kInvalidSignature,
       [](std::string& a) { ChangeSignatureSize(a, +1); }},
      {"trailing-byte", "malformed", kInvalidSignature, [](std::string& a) { a.push_back('\0'); }},
      Truncated(1),
      Truncated(2),
      Truncated(8),
      Truncated(9),
      Replaced("version-0", "unsupported", "unknown", kVersion, 0),
      Replaced("version-1", "unsupported", kInvalidSignature, kVersion, 1),
      Replaced("version-3", "unsupported", "invalid-signature-version", kVersion, 3),
      Replaced("version-4", "unsupported", "invalid-signature-version", kVersion, 4),
      Replaced("hash-id-99", "unsupported", kInvalidSignature, kHash, 99),
      // sha512's number on a sha256 signature.
      Replaced("hash-id-changed", "mismatch", kInvalidSignature, kHash, 6),
      // sm3, which this kernel does not have: it gives up before it looks at anything else.
      Replaced("hash-id-17", "unsupported", "failed", kHash, 17),
      Replaced("type-01", "hash-only", "IMA-signature-required", kType, 1),
      Replaced("type-02", "malformed", "unknown-ima-data", kType, 2),
      Replaced("type-05", "malformed", "unknown-ima-data", kType, 5),
      Replaced("type-06", "unsupported", "IMA-signature-required", kType, 6),
      Replaced("type-07", "malformed", "unknown-ima-data", kType, 7),
      {"key-id-flipped", "unknown-key", kInvalidSignature,
       [](std::string& a) { FlipBit(a[kKeyId]); }},
      {"signature-flipped", "mismatch", kInvalidSignature,
       [](std::string& a) { FlipBit(a.back()); }},
  };
}

void SetKeyId(std::string& attribute, const std::string& key_id) {
  attribute.replace(kKeyId, 4, key_id);
}

}  // namespace jet::kernel

// Fuzzes the decoder of manifests: what it takes is, byte for byte, what it would write.
//   build/fuzz/tests/fuzz/manifest_fuzzer -max_len=4096 -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "crypto/digest.h"
#include "sign/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // With a last line that fits, or nothing would get past it.
  const std::string lines =
      absl::StrCat("jet-manifest 1\n", jet::base::AsText(jet::base::ByteSpan(data, size)));
  size_t entries = 0;
  for (size_t i = 15; i < lines.size(); ++i) entries += lines[i] == '\n' ? 1 : 0;
  const auto digest =
      jet::crypto::ComputeDigest(jet::crypto::HashAlgorithm::kSha256, jet::base::AsBytes(lines));
  const std::string text =
      absl::StrCat(lines, "end ", entries, " sha256:", jet::base::HexEncode(digest->value()), "\n");
  const auto decoded = jet::sign::DecodeManifest(text);
  if (decoded.ok() && *jet::sign::EncodeManifest(*decoded) != text) abort();
  return 0;
}

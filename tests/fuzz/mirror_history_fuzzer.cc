// Fuzzes the decoder of mirror-history: what it takes is, byte for byte, what it would write.
//   build/fuzz/tests/fuzz/mirror_history_fuzzer -max_len=2048 -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "keystore/mirror_history.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const jet::base::ByteSpan content(data, size);
  const auto file = jet::keystore::DecodeMirrorHistory(content);
  if (!file.ok()) return 0;
  const std::string lines = jet::keystore::EncodeMirrorHistory(file->history, file->store_key_id);
  if (lines != file->lines) abort();
  if (absl::StrCat(lines, jet::keystore::EncodeMirrorHistoryHmac(file->hmac)) !=
      jet::base::AsText(content)) {
    abort();
  }
  return 0;
}

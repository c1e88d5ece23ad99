// Fuzzes the decoder of record.json: what it takes is, byte for byte, what it would write.
//   build/fuzz/tests/fuzz/record_fuzzer -max_len=2048 -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "keystore/record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const jet::base::ByteSpan content(data, size);
  const auto file = jet::keystore::DecodeRecordFile(content);
  if (!file.ok()) return 0;
  const std::string line = jet::keystore::EncodeRecord(file->record);
  if (jet::keystore::EncodeRecordFile(line, file->hmac) != jet::base::AsText(content)) abort();
  return 0;
}

// Fuzzes the decoders of what two keystores say to each other: what they take is, byte for byte,
// what they would write. The first byte says whether the checksum is made right first, as no fuzzer
// would find one.
//   build/fuzz/tests/fuzz/transfer_fuzzer -max_len=4096 -max_total_time=60
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "keystore/pending_work.h"
#include "keystore/transfer.h"

namespace {

constexpr size_t kChecksum = 32;

void Seal(jet::base::Bytes& record) {
  if (record.size() < kChecksum) return;
  const size_t content = record.size() - kChecksum;
  const auto digest = jet::crypto::ComputeDigest(jet::crypto::HashAlgorithm::kSha256,
                                                 jet::base::ByteSpan(record).first(content));
  if (!digest.ok()) abort();
  std::copy(digest->value().begin(), digest->value().end(),
            record.begin() + static_cast<ptrdiff_t>(content));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  jet::base::Bytes record(data + 1, data + size);
  const auto entry = jet::keystore::DecodePendingEntry(record);
  if (entry.ok() && jet::keystore::EncodePendingEntry(*entry) != jet::base::AsText(record)) {
    abort();
  }
  if ((data[0] & 1) != 0) Seal(record);
  const auto request = jet::keystore::DecodeTransferRequest(record);
  if (request.ok()) {
    const auto encoded = jet::keystore::EncodeTransferRequest(*request);
    if (!encoded.ok() || encoded->Expose() != jet::base::ByteSpan(record)) abort();
  }
  const auto reply = jet::keystore::DecodeTransferReply(record);
  if (reply.ok()) {
    const auto encoded = jet::keystore::EncodeTransferReply(*reply);
    if (!encoded.ok() || *encoded != record) abort();
  }
  return 0;
}

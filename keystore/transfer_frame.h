// The frame around what two keystores say to each other: where its parts begin and end, and a
// checksum over all of it.
#ifndef JET_KEYSTORE_TRANSFER_FRAME_H_
#define JET_KEYSTORE_TRANSFER_FRAME_H_

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/secret.h"

namespace jet::keystore {

// What a frame holds, by its number in the frame.
enum class FrameKind : uint8_t { kPut = 1, kDelete = 2, kList = 3, kReply = 4, kRename = 5 };

// The parts of a frame; views of what they were made or decoded from.
struct TransferFrame {
  FrameKind kind = FrameKind::kReply;
  base::ByteSpan header;  // JSON
  base::ByteSpan certificate;
  base::ByteSpan private_key;
};

// The largest parts, in bytes.
inline constexpr size_t kMaxRequestHeader = 16 * 1024;
inline constexpr size_t kMaxReplyHeader = 4 * 1024 * 1024;
inline constexpr size_t kMaxFrameCertificate = 1024 * 1024;
inline constexpr size_t kMaxFramePrivateKey = 64 * 1024;

// Returns the bytes of the frame. RESOURCE_EXHAUSTED when a part is too large.
absl::StatusOr<crypto::Secret> EncodeFrame(const TransferFrame& frame);

// Finds the parts of the one frame that `record` must be, and checks its checksum. The parts are
// views of `record`. Errors as DecodeTransferRequest.
absl::StatusOr<TransferFrame> DecodeFrame(base::ByteSpan record);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_TRANSFER_FRAME_H_

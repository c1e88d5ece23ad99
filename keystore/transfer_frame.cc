#include "keystore/transfer_frame.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/byte_reader.h"
#include "base/status_macros.h"
#include "crypto/digest.h"
#include "keystore/transfer.h"

namespace jet::keystore {
namespace {

constexpr std::array<uint8_t, 8> kMagic = {'j', 'e', 't', ' ', 'p', 'e', 'e', 'r'};
constexpr uint8_t kVersion = 1;
constexpr size_t kSizeField = 4;
constexpr size_t kPrefix = kMagic.size() + 2 + 3 * kSizeField;  // what comes before the parts
constexpr size_t kChecksum = 32;

// The sizes of the parts, as the prefix gives them.
struct PartSizes {
  size_t header = 0;
  size_t certificate = 0;
  size_t private_key = 0;

  size_t Total() const { return kPrefix + header + certificate + private_key + kChecksum; }
};

absl::StatusOr<FrameKind> KindOf(uint8_t number) {
  const FrameKind kind = static_cast<FrameKind>(number);
  switch (kind) {
    case FrameKind::kPut:
    case FrameKind::kDelete:
    case FrameKind::kList:
    case FrameKind::kReply:
    case FrameKind::kRename:
      return kind;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(kUnknownOperation, ", ", static_cast<int>(number)));
}

absl::Status CheckSize(const char* part, size_t size, size_t limit) {
  if (size <= limit) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the record's ", part, " has ", size, " bytes, and ", limit, " are allowed"));
}

absl::Status CheckSizes(FrameKind kind, const PartSizes& sizes) {
  const bool reply = kind == FrameKind::kReply;
  JET_RETURN_IF_ERROR(
      CheckSize("header", sizes.header, reply ? kMaxReplyHeader : kMaxRequestHeader));
  const bool put = kind == FrameKind::kPut;
  JET_RETURN_IF_ERROR(CheckSize("certificate", sizes.certificate, put ? kMaxFrameCertificate : 0));
  return CheckSize("private key", sizes.private_key, put ? kMaxFramePrivateKey : 0);
}

absl::StatusOr<crypto::Digest> ChecksumOf(base::ByteSpan bytes) {
  return crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, bytes);
}

// Writes one piece after the other into a buffer that is large enough.
class Writer {
 public:
  explicit Writer(absl::Span<uint8_t> out) : out_(out) {}

  void Write(base::ByteSpan bytes) {
    std::copy(bytes.begin(), bytes.end(), out_.begin());
    out_.remove_prefix(bytes.size());
  }

  void WriteSize(size_t size) {
    const std::array<uint8_t, kSizeField> field = {
        static_cast<uint8_t>(size >> 24), static_cast<uint8_t>(size >> 16),
        static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)};
    Write(field);
  }

 private:
  absl::Span<uint8_t> out_;
};

absl::optional<size_t> ReadSize(base::ByteReader& reader) {
  const absl::optional<uint16_t> high = reader.ReadU16();
  const absl::optional<uint16_t> low = reader.ReadU16();
  if (!high.has_value() || !low.has_value()) return absl::nullopt;
  return static_cast<size_t>(*high) << 16 | *low;
}

absl::Status Truncated(size_t size) {
  return absl::InvalidArgumentError(
      absl::StrCat("the record is truncated: it ends after ", size, " bytes"));
}

// Reads what comes before the parts.
absl::StatusOr<PartSizes> ReadPrefix(base::ByteReader& reader, size_t record_size,
                                     FrameKind& kind) {
  const base::ByteSpan magic = *reader.ReadSpan(std::min(kMagic.size(), reader.remaining()));
  if (!std::equal(magic.begin(), magic.end(), kMagic.begin())) {
    return absl::InvalidArgumentError("this is no record of a keystore: it begins otherwise");
  }
  const absl::optional<uint8_t> version = reader.ReadU8();
  if (!version.has_value()) return Truncated(record_size);
  if (*version != kVersion) {
    return absl::UnimplementedError(
        absl::StrCat("the record is of format version ", static_cast<int>(*version),
                     "; this program knows version ", static_cast<int>(kVersion)));
  }
  const absl::optional<uint8_t> number = reader.ReadU8();
  if (!number.has_value()) return Truncated(record_size);
  JET_ASSIGN_OR_RETURN(kind, KindOf(*number));
  const absl::optional<size_t> header = ReadSize(reader);
  const absl::optional<size_t> certificate = ReadSize(reader);
  const absl::optional<size_t> private_key = ReadSize(reader);
  if (!header.has_value() || !certificate.has_value() || !private_key.has_value()) {
    return Truncated(record_size);
  }
  return PartSizes{*header, *certificate, *private_key};
}

}  // namespace

absl::StatusOr<crypto::Secret> EncodeFrame(const TransferFrame& frame) {
  const PartSizes sizes = {frame.header.size(), frame.certificate.size(), frame.private_key.size()};
  JET_RETURN_IF_ERROR(CheckSizes(frame.kind, sizes));
  crypto::Secret record = crypto::Secret::OfSize(sizes.Total());
  Writer writer(record.MutableBytes());
  writer.Write(kMagic);
  writer.Write({kVersion, static_cast<uint8_t>(frame.kind)});
  writer.WriteSize(sizes.header);
  writer.WriteSize(sizes.certificate);
  writer.WriteSize(sizes.private_key);
  writer.Write(frame.header);
  writer.Write(frame.certificate);
  writer.Write(frame.private_key);
  JET_ASSIGN_OR_RETURN(const crypto::Digest checksum,
                       ChecksumOf(record.Expose().first(sizes.Total() - kChecksum)));
  writer.Write(checksum.value());
  return record;
}

absl::StatusOr<TransferFrame> DecodeFrame(base::ByteSpan record) {
  base::ByteReader reader(record);
  TransferFrame frame;
  JET_ASSIGN_OR_RETURN(const PartSizes sizes, ReadPrefix(reader, record.size(), frame.kind));
  JET_RETURN_IF_ERROR(CheckSizes(frame.kind, sizes));
  if (record.size() < sizes.Total()) return Truncated(record.size());
  if (record.size() > sizes.Total()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are ", record.size() - sizes.Total(), " bytes after the record"));
  }
  frame.header = *reader.ReadSpan(sizes.header);
  frame.certificate = *reader.ReadSpan(sizes.certificate);
  frame.private_key = *reader.ReadSpan(sizes.private_key);
  JET_ASSIGN_OR_RETURN(const crypto::Digest checksum,
                       ChecksumOf(record.first(record.size() - kChecksum)));
  const base::ByteSpan stated = reader.ReadRest();
  if (!std::equal(stated.begin(), stated.end(), checksum.value().begin())) {
    return absl::InvalidArgumentError("the record's checksum is wrong: it was changed on its way");
  }
  return frame;
}

}  // namespace jet::keystore

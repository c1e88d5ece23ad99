// A reader of bytes that cannot run past their end.
#ifndef JET_BASE_BYTE_READER_H_
#define JET_BASE_BYTE_READER_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/optional.h"
#include "base/bytes.h"

namespace jet::base {

// Reads big-endian values from the front of a view. Every read either yields a value or, when too
// few bytes are left, nothing and leaves the position where it was.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan data) : left_(data) {}

  size_t remaining() const { return left_.size(); }

  absl::optional<uint8_t> ReadU8() {
    if (left_.empty()) return absl::nullopt;
    const uint8_t value = left_[0];
    left_.remove_prefix(1);
    return value;
  }

  absl::optional<uint16_t> ReadU16() {
    if (left_.size() < 2) return absl::nullopt;
    const uint16_t value = static_cast<uint16_t>(left_[0] << 8 | left_[1]);
    left_.remove_prefix(2);
    return value;
  }

  absl::optional<ByteSpan> ReadSpan(size_t size) {
    if (left_.size() < size) return absl::nullopt;
    const ByteSpan value = left_.subspan(0, size);
    left_.remove_prefix(size);
    return value;
  }

  // Returns all that is left.
  ByteSpan ReadRest() {
    const ByteSpan value = left_;
    left_ = ByteSpan();
    return value;
  }

 private:
  ByteSpan left_;
};

}  // namespace jet::base

#endif  // JET_BASE_BYTE_READER_H_

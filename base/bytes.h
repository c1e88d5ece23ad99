// Bytes, views of them, and a reader that cannot run past their end.
#ifndef JET_BASE_BYTES_H_
#define JET_BASE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace jet::base {

using Bytes = std::vector<uint8_t>;
using ByteSpan = absl::Span<const uint8_t>;

// Views the characters of `text` as bytes; valid as long as `text` is.
inline ByteSpan AsBytes(absl::string_view text) {
  return ByteSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

// Views `bytes` as characters; valid as long as `bytes` is.
inline absl::string_view AsText(ByteSpan bytes) {
  return absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

inline Bytes ToBytes(ByteSpan span) { return Bytes(span.begin(), span.end()); }

// Returns the last `count` bytes of `span`, or all of it when it is shorter.
inline ByteSpan Tail(ByteSpan span, size_t count) {
  return span.size() <= count ? span : span.subspan(span.size() - count);
}

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

#endif  // JET_BASE_BYTES_H_

// Bytes and views of them.
#ifndef JET_BASE_BYTES_H_
#define JET_BASE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace jet::base {

// Owned bytes.
using Bytes = std::vector<uint8_t>;
// A view of bytes that somebody else owns.
using ByteSpan = absl::Span<const uint8_t>;

// Views the characters of `text` as bytes; valid as long as `text` is.
inline ByteSpan AsBytes(absl::string_view text) {
  return ByteSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

// Views `bytes` as characters; valid as long as `bytes` is.
inline absl::string_view AsText(ByteSpan bytes) {
  return absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// Copies what `span` views.
inline Bytes ToBytes(ByteSpan span) { return Bytes(span.begin(), span.end()); }

// Returns the last `count` bytes of `span`, or all of it when it is shorter.
inline ByteSpan Tail(ByteSpan span, size_t count) {
  return span.size() <= count ? span : span.subspan(span.size() - count);
}

}  // namespace jet::base

#endif  // JET_BASE_BYTES_H_

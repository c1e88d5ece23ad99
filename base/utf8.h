// Text in UTF-8 (RFC 3629).
#ifndef JET_BASE_UTF8_H_
#define JET_BASE_UTF8_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace jet::base {

// One character and the bytes it takes; size 0 when the front of the text is not UTF-8.
struct CodePoint {
  uint32_t value = 0;
  size_t size = 0;
};

// Decodes the first character of `text`, which is not empty.
CodePoint DecodeFront(absl::string_view text);

// True for a character that a person cannot see and that could forge what is shown: a control
// character (C0, DEL, C1), a line or paragraph separator, one without width, or one that changes
// the direction of writing.
bool IsInvisible(uint32_t code_point);

// True when `text` is well-formed UTF-8 (shortest form, no surrogates, to U+10FFFF).
bool IsUtf8(absl::string_view text);

// The number of characters (code points) in `text`, which is well-formed.
size_t CountCharacters(absl::string_view text);

// True when `text`, which is well-formed, holds a character that IsInvisible.
bool HasInvisibleCharacters(absl::string_view text);

}  // namespace jet::base

#endif  // JET_BASE_UTF8_H_

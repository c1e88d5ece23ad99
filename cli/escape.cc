#include "cli/escape.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace jet::cli {
namespace {

// One code point and the bytes it took; size 0 when the front of the text is not UTF-8.
struct CodePoint {
  uint32_t value = 0;
  size_t size = 0;
};

// The smallest value that a sequence of 2, 3 or 4 bytes may stand for.
constexpr uint32_t kShortest[] = {0, 0, 0x80, 0x800, 0x10000};

size_t SequenceSize(uint8_t lead) {
  if (lead < 0x80) return 1;
  if ((lead & 0xE0U) == 0xC0) return 2;
  if ((lead & 0xF0U) == 0xE0) return 3;
  if ((lead & 0xF8U) == 0xF0) return 4;
  return 0;
}

CodePoint DecodeFront(absl::string_view text) {
  const uint8_t lead = static_cast<uint8_t>(text[0]);
  const size_t size = SequenceSize(lead);
  if (size == 0 || size > text.size()) return {};
  if (size == 1) return {lead, 1};
  uint32_t value = lead & (0x7FU >> size);
  for (size_t i = 1; i < size; ++i) {
    const uint8_t next = static_cast<uint8_t>(text[i]);
    if ((next & 0xC0U) != 0x80) return {};
    value = value << 6 | (next & 0x3FU);
  }
  if (value < kShortest[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return {};
  }
  return {value, size};
}

// Controls of the upper half, zero-width characters, and those that change the writing direction.
bool IsDeceptive(uint32_t value) {
  return (value >= 0x80 && value <= 0x9F) || value == 0xAD || value == 0x61C ||
         (value >= 0x200B && value <= 0x200F) || (value >= 0x2028 && value <= 0x202E) ||
         (value >= 0x2060 && value <= 0x206F) || value == 0xFEFF;
}

std::string EscapeByte(uint8_t byte) {
  switch (byte) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\\':
      return "\\\\";
    default:
      return absl::StrFormat("\\x%02x", byte);
  }
}

}  // namespace

std::string Escape(absl::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = DecodeFront(text);
    const uint8_t byte = static_cast<uint8_t>(text[0]);
    const bool control = point.size == 1 && (byte < 0x20 || byte == 0x7F || byte == '\\');
    if (point.size == 0 || control) {
      absl::StrAppend(&escaped, EscapeByte(byte));
    } else if (IsDeceptive(point.value)) {
      absl::StrAppend(&escaped, absl::StrFormat("\\u{%04x}", point.value));
    } else {
      absl::StrAppend(&escaped, text.substr(0, point.size));
    }
    text.remove_prefix(point.size == 0 ? 1 : point.size);
  }
  return escaped;
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const CodePoint point = DecodeFront(text);
    if (point.size == 0) return false;
    text.remove_prefix(point.size);
  }
  return true;
}

}  // namespace jet::cli

#include "base/utf8.h"

namespace jet::base {
namespace {

// The smallest value that a sequence of 2, 3 or 4 bytes may stand for.
constexpr uint32_t kShortest[] = {0, 0, 0x80, 0x800, 0x10000};

struct CodePointRange {
  uint32_t first;
  uint32_t last;
};

constexpr CodePointRange kInvisible[] = {
    {0x00, 0x1F},      // C0 controls
    {0x7F, 0x9F},      // DEL and C1 controls
    {0xAD, 0xAD},      // soft hyphen
    {0x61C, 0x61C},    // Arabic letter mark
    {0x200B, 0x200F},  // zero-width characters, direction marks
    {0x2028, 0x202E},  // line and paragraph separators, direction embeddings and overrides
    {0x2060, 0x206F},  // word joiner, invisible operators, direction isolates
    {0xFEFF, 0xFEFF},  // byte order mark
};

size_t SequenceSize(uint8_t lead) {
  if (lead < 0x80) return 1;
  if ((lead & 0xE0U) == 0xC0) return 2;
  if ((lead & 0xF0U) == 0xE0) return 3;
  if ((lead & 0xF8U) == 0xF0) return 4;
  return 0;
}

// Calls `visit` with each character until it returns false; bytes that are not UTF-8 have size 0.
template <typename Visit>
void ForEachCharacter(absl::string_view text, Visit visit) {
  while (!text.empty()) {
    const CodePoint point = DecodeFront(text);
    if (!visit(point)) return;
    text.remove_prefix(point.size == 0 ? 1 : point.size);
  }
}

}  // namespace

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

bool IsInvisible(uint32_t code_point) {
  for (const CodePointRange& range : kInvisible) {
    if (code_point >= range.first && code_point <= range.last) return true;
  }
  return false;
}

bool IsUtf8(absl::string_view text) {
  bool good = true;
  ForEachCharacter(text, [&good](const CodePoint& point) { return good = point.size != 0; });
  return good;
}

size_t CountCharacters(absl::string_view text) {
  size_t count = 0;
  ForEachCharacter(text, [&count](const CodePoint& /*point*/) {
    ++count;
    return true;
  });
  return count;
}

bool HasInvisibleCharacters(absl::string_view text) {
  bool found = false;
  ForEachCharacter(text, [&found](const CodePoint& point) {
    found = point.size != 0 && IsInvisible(point.value);
    return !found;
  });
  return found;
}

}  // namespace jet::base

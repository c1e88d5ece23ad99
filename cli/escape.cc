#include "cli/escape.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "base/utf8.h"

namespace jet::cli {
namespace {

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
    const base::CodePoint point = base::DecodeFront(text);
    const bool invisible = base::IsInvisible(point.value);
    if (point.size == 0 || text[0] == '\\' || (point.size == 1 && invisible)) {
      absl::StrAppend(&escaped, EscapeByte(static_cast<uint8_t>(text[0])));
    } else if (invisible) {
      absl::StrAppend(&escaped, absl::StrFormat("\\u{%04x}", point.value));
    } else {
      absl::StrAppend(&escaped, text.substr(0, point.size));
    }
    text.remove_prefix(point.size == 0 ? 1 : point.size);
  }
  return escaped;
}

std::string ShellWord(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("_./:=@%+,-").find(c) != absl::string_view::npos;
  });
  // Without a backslash, which would be doubled when it is printed.
  const std::string quoted =
      plain ? word : absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\"'\"'"}}), "'");
  return word.find('-') == 0 ? absl::StrCat("./", quoted) : quoted;
}

}  // namespace jet::cli

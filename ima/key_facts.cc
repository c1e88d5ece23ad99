#include "ima/key_facts.h"

#include <keyutils.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/system_error.h"

namespace jet::ima {
namespace {

// "type;uid;gid;permissions;description", in which only the description may hold more semicolons.
absl::StatusOr<KeyFacts> ParseFacts(absl::string_view text) {
  std::vector<std::string> fields = absl::StrSplit(text, absl::MaxSplits(';', 4));
  int64_t owner = 0;
  if (fields.size() != 5 || !absl::SimpleAtoi(fields[1], &owner)) {
    return absl::InternalError(absl::StrCat("the kernel describes a key as '", text, "'"));
  }
  // The kernel prints the number with a sign.
  return KeyFacts{std::move(fields[0]), static_cast<uid_t>(owner), std::move(fields[4])};
}

}  // namespace

absl::StatusOr<KeyFacts> DescribeKey(KeySerial serial) {
  char* text = nullptr;
  if (keyctl_describe_alloc(serial, &text) < 0) {
    return base::SystemError(errno, absl::StrCat("cannot describe key ", serial));
  }
  const std::unique_ptr<char, FreeMemory> owned(text);
  return ParseFacts(text);
}

bool IsKernelKeyring(const KeyFacts& facts, absl::string_view name) {
  return facts.type == kKeyringType && facts.owner == 0 && facts.description == name;
}

std::string KeyFactsText(KeySerial serial, const KeyFacts& facts) {
  return absl::StrCat("key ", serial, ", of type ", facts.type, ", owned by user ", facts.owner,
                      " and described '", facts.description, "'");
}

}  // namespace jet::ima

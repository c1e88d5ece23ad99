#include "cli/toml_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/exit_status.h"

namespace jet::cli {

absl::StatusOr<toml::table> ParseToml(absl::string_view text, const std::string& name) {
  toml::parse_result parsed = toml::parse(std::string_view(text.data(), text.size()));
  if (parsed) return std::move(parsed).table();
  const toml::parse_error& error = parsed.error();
  return UsageError(absl::StrCat(name, ", line ", error.source().begin.line, ": ",
                                 std::string(error.description())));
}

absl::Status ForEachTomlEntry(
    const toml::table& table, const std::string& name,
    absl::FunctionRef<absl::Status(const std::string& key, const toml::node& node)> take) {
  for (const auto& [toml_key, node] : table) {
    const std::string key(toml_key.str());
    const absl::Status taken = take(key, node);
    if (taken.ok()) continue;
    return UsageError(
        absl::StrCat(name, ", line ", node.source().begin.line, ": '", key, "' ", taken.message()));
  }
  return absl::OkStatus();
}

absl::Status WrongTomlType(absl::string_view wanted) {
  return UsageError(absl::StrCat("has the wrong type: ", wanted, " is wanted"));
}

}  // namespace jet::cli

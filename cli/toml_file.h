// Reads TOML files for configuration.cc and answers_file.cc.
#ifndef JET_CLI_TOML_FILE_H_
#define JET_CLI_TOML_FILE_H_

#include <string>

// The parser is used without exceptions: errors are values here as everywhere.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace jet::cli {

// Parses `text`. Bad syntax is a usage error with `name` ("answers file 'a'") and the line.
absl::StatusOr<toml::table> ParseToml(absl::string_view text, const std::string& name);

// Calls `take` with every key of `table` and what it is set to, until that fails: the error becomes a
// usage error that begins with `name`, the line and the key.
absl::Status ForEachTomlEntry(
    const toml::table& table, const std::string& name,
    absl::FunctionRef<absl::Status(const std::string& key, const toml::node& node)> take);

// The error for a value of another type than `wanted` ("a string").
absl::Status WrongTomlType(absl::string_view wanted);

}  // namespace jet::cli

#endif  // JET_CLI_TOML_FILE_H_

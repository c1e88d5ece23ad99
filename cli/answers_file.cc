#include "cli/answers_file.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "cli/exit_status.h"
#include "cli/toml_file.h"

namespace jet::cli {
namespace {

using cert_request::Field;
using cert_request::FieldRow;

constexpr size_t kMaxAnswersFile = 64 * 1024;

const FieldRow* FindRow(const std::string& key) {
  for (const FieldRow& row : cert_request::Fields()) {
    if (key == row.key) return &row;
  }
  return nullptr;
}

std::string KnownKeys() {
  return absl::StrJoin(cert_request::Fields(), ", ", [](std::string* out, const FieldRow& row) {
    absl::StrAppend(out, row.key);
  });
}

absl::Status Take(const std::string& key, const toml::node& node, RawAnswers& answers) {
  const FieldRow* row = FindRow(key);
  if (row == nullptr) return UsageError(absl::StrCat("is unknown (known: ", KnownKeys(), ")"));
  absl::optional<std::string>& answer = answers.at(static_cast<size_t>(row->field));
  const auto text = node.value_exact<std::string>();
  if (text.has_value()) {
    answer = *text;
    return absl::OkStatus();
  }
  const auto number = node.value_exact<int64_t>();
  if (row->field != Field::kIndex) return WrongTomlType("a string");
  if (!number.has_value()) return WrongTomlType("a whole number");
  answer = absl::StrCat(*number);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RawAnswers> ReadAnswersFile(const std::string& path) {
  JET_ASSIGN_OR_RETURN(const base::Bytes content, base::ReadFile(path, kMaxAnswersFile));
  const std::string name = absl::StrCat("answers file '", path, "'");
  JET_ASSIGN_OR_RETURN(const toml::table table, ParseToml(base::AsText(content), name));
  RawAnswers answers;
  JET_RETURN_IF_ERROR(
      ForEachTomlEntry(table, name, [&answers](const std::string& key, const toml::node& node) {
        return Take(key, node, answers);
      }));
  return answers;
}

}  // namespace jet::cli

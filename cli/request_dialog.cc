#include "cli/request_dialog.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/optional.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/escape.h"
#include "cli/exit_status.h"

namespace jet::cli {
namespace {

using cert_request::CertificateName;
using cert_request::Field;
using cert_request::FieldRow;
using cert_request::Form;
using cert_request::RowOf;

constexpr char kIntroduction[] =
    "Your answers become a new signing key and the request for its certificate; ? explains a "
    "question, Ctrl-C leaves without a trace.";
constexpr char kConfirmation[] = "Make the key and the request? [yes, no, change] (yes) ";
constexpr char kDefaultCountry[] = "US";
constexpr size_t kWidth = 78;  // of help texts

// The parts of a name, each with the shortest text that it can have.
struct NamePart {
  Field field;
  const char* shortest;
};

constexpr std::array<NamePart, 4> kNameParts = {{
    {Field::kProviderPrefix, "a"},
    {Field::kUserString, "aa"},
    {Field::kDeploymentScope, ""},
    {Field::kIndex, "1"},
}};

bool IsNamePart(Field field) {
  return std::any_of(kNameParts.begin(), kNameParts.end(),
                     [field](const NamePart& part) { return part.field == field; });
}

enum class Decision { kYes, kNo, kChange };

struct DecisionWord {
  const char* word;
  const char* letter;
  Decision decision;
};

constexpr std::array<DecisionWord, 3> kDecisionWords = {{
    {"yes", "y", Decision::kYes},
    {"no", "n", Decision::kNo},
    {"change", "c", Decision::kChange},
}};

absl::optional<Decision> ParseDecision(absl::string_view text) {
  if (text.empty()) return Decision::kYes;
  const std::string word = absl::AsciiStrToLower(text);
  for (const DecisionWord& row : kDecisionWords) {
    if (word == row.word || word == row.letter) return row.decision;
  }
  return absl::nullopt;
}

// Breaks `text` between words into lines of at most kWidth characters, each after `indent`.
std::string Wrapped(absl::string_view text, const std::string& indent) {
  std::string lines = indent;
  size_t column = indent.size();
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    if (column > indent.size() && column + 1 + word.size() > kWidth) {
      absl::StrAppend(&lines, "\n", indent);
      column = indent.size();
    } else if (column > indent.size()) {
      lines += ' ';
      ++column;
    }
    absl::StrAppend(&lines, word);
    column += word.size();
  }
  return lines;
}

// An error's message, which may hold answers, as a sentence.
std::string Sentence(absl::string_view message) {
  std::string sentence = absl::StrCat(Escape(message), ".");
  sentence[0] = absl::ascii_toupper(static_cast<unsigned char>(sentence[0]));
  return sentence;
}

// "The user string must be ...".
std::string RuleSentence(const FieldRow& row) {
  return absl::StrCat("The ", absl::AsciiStrToLower(row.label), " must be ", row.rule, ".");
}

// Why `answer` was refused. A number can be too large as well, which the rule leaves out.
std::string Refusal(const FieldRow& row, absl::string_view answer) {
  if (row.field != Field::kIndex) return RuleSentence(row);
  return absl::StrCat("The index ", cert_request::ParseIndex(answer).status().message(), ".");
}

// One run of the dialog.
class Dialog {
 public:
  Dialog(LineEditor& editor, const RequestSuggestions& suggestions, Form& form)
      : editor_(editor), suggestions_(suggestions), form_(form) {
    for (const FieldRow& row : cert_request::Fields()) {
      if (!form.Get(row.field).has_value()) open_.push_back(row.field);
    }
  }

  absl::Status Run(const std::vector<std::pair<std::string, std::string>>& more);

 private:
  absl::Status CheckNameUpTo(Field last) const;
  bool IsOpen(Field field) const {
    return std::find(open_.begin(), open_.end(), field) != open_.end();
  }
  absl::Status AskOpenFields();
  absl::Status Ask(const FieldRow& row);
  absl::optional<std::string> Suggestion(Field field) const;
  absl::optional<std::string> SuggestedIndex() const;
  std::string Prompt(const FieldRow& row, const absl::optional<std::string>& suggestion) const;
  void ShowSummary(const std::vector<std::pair<std::string, std::string>>& more) const;
  absl::StatusOr<Decision> AskDecision();
  void Explain(absl::string_view text) const { editor_.Say(Wrapped(text, "  ")); }
  CertificateName NameBeforeIndex() const;

  LineEditor& editor_;
  const RequestSuggestions& suggestions_;
  Form& form_;
  std::vector<Field> open_;       // what is asked, in order
  CertificateName index_is_for_;  // the name that the index was answered for
};

absl::Status Dialog::Run(const std::vector<std::pair<std::string, std::string>>& more) {
  // The country comes before all parts: nothing of the name is answered yet.
  const absl::Status can_fit = CheckNameUpTo(Field::kCountry);
  if (!can_fit.ok()) {
    return UsageError(
        absl::StrCat("what was given leaves no room for a name: ", can_fit.message()));
  }
  editor_.Say(Wrapped(kIntroduction, ""));
  editor_.Say("");
  Decision decision = Decision::kChange;
  while (decision == Decision::kChange) {
    JET_RETURN_IF_ERROR(AskOpenFields());
    ShowSummary(more);
    JET_ASSIGN_OR_RETURN(decision, AskDecision());
  }
  return decision == Decision::kYes ? absl::OkStatus() : absl::CancelledError("not confirmed");
}

// The error of a name that is too long whatever is answered after `last`.
absl::Status Dialog::CheckNameUpTo(Field last) const {
  Form shortest = form_;
  for (const NamePart& part : kNameParts) {
    if (part.field <= last || !IsOpen(part.field)) continue;
    JET_RETURN_IF_ERROR(shortest.Set(part.field, part.shortest));
  }
  return shortest.Name().status();
}

absl::Status Dialog::AskOpenFields() {
  const auto first_part = std::find_if(open_.begin(), open_.end(), IsNamePart);
  for (auto field = open_.begin(); field != open_.end();) {
    JET_RETURN_IF_ERROR(Ask(RowOf(*field)));
    const absl::Status name = IsNamePart(*field) ? CheckNameUpTo(*field) : absl::OkStatus();
    if (name.ok()) {
      ++field;
      continue;
    }
    Explain(Sentence(name.message()));
    field = first_part;
  }
  return absl::OkStatus();
}

absl::Status Dialog::Ask(const FieldRow& row) {
  const absl::optional<std::string> suggestion = Suggestion(row.field);
  const std::string prompt = Prompt(row, suggestion);
  while (true) {
    JET_ASSIGN_OR_RETURN(const std::string line, editor_.Ask(prompt));
    absl::string_view answer = absl::StripAsciiWhitespace(line);
    if (answer == "?") {
      Explain(row.help);
      Explain(RuleSentence(row));
      continue;
    }
    if (answer.empty() && suggestion.has_value()) {
      answer = *suggestion;
    } else if (row.optional && suggestion.has_value() && answer == "-") {
      answer = "";
    }
    if (form_.Set(row.field, answer).ok()) break;
    Explain(Refusal(row, answer));
  }
  if (row.field == Field::kIndex) index_is_for_ = NameBeforeIndex();
  return absl::OkStatus();
}

absl::optional<std::string> Dialog::Suggestion(Field field) const {
  if (field == Field::kIndex) return SuggestedIndex();
  absl::optional<std::string> suggestion = form_.Get(field);
  if (!suggestion.has_value()) suggestion = suggestions_.form.Get(field);
  if (!suggestion.has_value() && field == Field::kCountry) return kDefaultCountry;
  // Enter means "none" anyway where nothing was answered before.
  if (suggestion.has_value() && suggestion->empty()) return absl::nullopt;
  return suggestion;
}

// The answer that was given for this very name, else what follows in the folder.
absl::optional<std::string> Dialog::SuggestedIndex() const {
  const CertificateName name = NameBeforeIndex();
  const absl::optional<std::string>& answered = form_.Get(Field::kIndex);
  if (answered.has_value() && index_is_for_.IsSameButIndex(name)) return answered;
  const absl::optional<uint64_t> next = suggestions_.next_index(name);
  if (!next.has_value()) return absl::nullopt;
  return absl::StrCat(*next);
}

CertificateName Dialog::NameBeforeIndex() const {
  CertificateName name;
  name.provider_prefix = form_.Get(Field::kProviderPrefix).value_or("");
  name.user_string = form_.Get(Field::kUserString).value_or("");
  name.deployment_scope = form_.Get(Field::kDeploymentScope).value_or("");
  return name;
}

std::string Dialog::Prompt(const FieldRow& row,
                           const absl::optional<std::string>& suggestion) const {
  std::string prompt = row.label;
  if (suggestion.has_value()) absl::StrAppend(&prompt, " [", Escape(*suggestion), "]");
  if (row.optional)
    absl::StrAppend(&prompt, suggestion.has_value() ? " (- for none)" : " (Enter to skip)");
  return absl::StrCat(prompt, ": ");
}

void Dialog::ShowSummary(const std::vector<std::pair<std::string, std::string>>& more) const {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const FieldRow& row : cert_request::Fields()) {
    const std::string answer = form_.Get(row.field).value_or("");
    lines.emplace_back(row.label, answer.empty() ? "(none)" : answer);
  }
  const absl::StatusOr<CertificateName> name = form_.Name();
  lines.emplace_back("Name", name.ok() ? name->Text() : "");
  lines.insert(lines.end(), more.begin(), more.end());
  size_t width = 0;
  for (const auto& [label, value] : lines) width = std::max(width, label.size());
  editor_.Say("");
  for (const auto& [label, value] : lines) {
    editor_.Say(absl::StrCat(label, ": ", std::string(width - label.size(), ' '), Escape(value)));
  }
  editor_.Say("");
}

absl::StatusOr<Decision> Dialog::AskDecision() {
  while (true) {
    JET_ASSIGN_OR_RETURN(const std::string line, editor_.Ask(kConfirmation));
    const absl::optional<Decision> decision = ParseDecision(absl::StripAsciiWhitespace(line));
    const bool nothing_to_change = decision == Decision::kChange && open_.empty();
    if (decision.has_value() && !nothing_to_change) return *decision;
    Explain(nothing_to_change
                ? "Everything was given beforehand: there is nothing to change."
                : "yes makes the files, no leaves without a trace, change asks again.");
  }
}

}  // namespace

absl::Status AskForForm(LineEditor& editor, const RequestSuggestions& suggestions,
                        const std::vector<std::pair<std::string, std::string>>& more,
                        cert_request::Form& form) {
  const absl::Status status = Dialog(editor, suggestions, form).Run(more);
  return absl::IsCancelled(status) ? base::Annotate(status, "nothing was made") : status;
}

}  // namespace jet::cli

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/answers_file.h"
#include "cli/certs_dir_option.h"
#include "cli/command.h"
#include "cli/line_editor.h"
#include "cli/option_parser.h"
#include "cli/request_dialog.h"
#include "cli/request_files.h"

namespace jet::cli {
namespace {

using cert_request::CertificateName;
using cert_request::CertsFolder;
using cert_request::Field;
using cert_request::FieldRow;
using cert_request::FolderAccess;
using cert_request::Form;

// What the CA's own script makes.
constexpr char kDefaultKeyType[] = "rsa:2048";

struct RequestOptions {
  RawAnswers answers;
  absl::optional<std::string> answers_file;
  bool yes = false;
  RequestFileOptions files;
};

// An answer that breaks its rule, and what is said about it.
struct WrongAnswer {
  Field field;
  std::string message;
};

// Puts the answers of the command line and of the answers file into `form`. Returns what is wrong
// with them.
absl::StatusOr<std::vector<WrongAnswer>> FillForm(const RequestOptions& options, Form& form) {
  RawAnswers answers;
  if (options.answers_file.has_value()) {
    JET_ASSIGN_OR_RETURN(answers, ReadAnswersFile(*options.answers_file));
  }
  std::vector<WrongAnswer> wrong;
  for (const FieldRow& row : cert_request::Fields()) {
    const size_t i = static_cast<size_t>(row.field);
    const absl::optional<std::string>& answer =
        options.answers.at(i).has_value() ? options.answers.at(i) : answers.at(i);
    if (!answer.has_value()) continue;
    const absl::Status set = form.Set(row.field, *answer);
    if (!set.ok()) wrong.push_back({row.field, std::string(set.message())});
  }
  return wrong;
}

bool IsWrong(const std::vector<WrongAnswer>& wrong, Field field) {
  return std::any_of(wrong.begin(), wrong.end(),
                     [field](const WrongAnswer& answer) { return answer.field == field; });
}

// One error for all that is missing or wrong; `why_not_asked` is empty when what is missing can be
// asked for.
absl::Status Incomplete(const std::vector<WrongAnswer>& wrong, const std::vector<Field>& missing,
                        const std::string& why_not_asked) {
  std::vector<std::string> names;
  for (const Field field : missing) {
    // What is wrong is missing in the form, too.
    if (!IsWrong(wrong, field)) {
      names.push_back(absl::StrCat("--", cert_request::RowOf(field).key));
    }
  }
  std::vector<std::string> parts;
  parts.reserve(wrong.size() + 1);
  for (const WrongAnswer& answer : wrong) parts.push_back(answer.message);
  if (!why_not_asked.empty() && !names.empty()) {
    parts.push_back(absl::StrCat(why_not_asked, ", and missing are: ", absl::StrJoin(names, ", ")));
  }
  return UsageError(absl::StrJoin(parts, "; "));
}

// What the earlier requests of the folder suggest; nothing where there is no folder yet.
absl::StatusOr<RequestSuggestions> SuggestionsOf(const std::string& certs_dir) {
  RequestSuggestions suggestions;
  suggestions.next_index = [certs_dir](const CertificateName& name) -> absl::optional<uint64_t> {
    const absl::StatusOr<CertsFolder> folder = CertsFolder::Open(certs_dir, FolderAccess::kRead);
    if (absl::IsNotFound(folder.status())) return 1;
    if (!folder.ok()) return absl::nullopt;
    const absl::StatusOr<uint64_t> next = folder->NextIndex(name);
    if (!next.ok()) return absl::nullopt;
    return *next;
  };
  const absl::StatusOr<CertsFolder> folder = CertsFolder::Open(certs_dir, FolderAccess::kRead);
  if (absl::IsNotFound(folder.status())) return suggestions;
  JET_RETURN_IF_ERROR(folder.status());
  JET_ASSIGN_OR_RETURN(const absl::optional<pki::CertificateRequest> latest,
                       folder->LatestRequest());
  if (!latest.has_value()) return suggestions;
  const absl::StatusOr<pki::Subject> subject = latest->GetSubject();
  if (subject.ok()) suggestions.form = cert_request::SuggestionsOf(*subject);
  return suggestions;
}

absl::Status Ask(Session& session, const RequestFileOptions& files, const crypto::KeyType& type,
                 Form& form) {
  const std::string certs_dir = CertsDir(session, files.certs_dir);
  JET_ASSIGN_OR_RETURN(const RequestSuggestions suggestions, SuggestionsOf(certs_dir));
  JET_ASSIGN_OR_RETURN(const std::unique_ptr<LineEditor> editor, LineEditor::Open());
  std::vector<std::pair<std::string, std::string>> more = {{"Key type", type.name},
                                                           {"Folder", certs_dir}};
  if (files.key_out.has_value()) more.emplace_back("Private key", *files.key_out);
  return AskForForm(*editor, suggestions, more, form);
}

// A name that is taken, and a place that the key cannot go to, are said before a passphrase is
// asked for and the folder is made.
absl::Status CheckNameIsFree(const std::string& certs_dir, const CertificateName& name,
                             const std::string& key_out) {
  const absl::StatusOr<CertsFolder> folder = CertsFolder::Open(certs_dir, FolderAccess::kRead);
  if (absl::IsNotFound(folder.status())) {
    return key_out.empty() ? absl::OkStatus() : cert_request::CheckKeyOut(key_out);
  }
  JET_RETURN_IF_ERROR(folder.status());
  return cert_request::CheckNameIsFree(*folder, name, key_out);
}

// Empty when there is somebody to ask.
std::string WhyNotAsked(const RequestOptions& options) {
  if (options.yes) return "--yes asks nothing";
  return HasTerminal() ? "" : "there is no terminal to ask on";
}

absl::StatusOr<ExitStatus> RunCertificateRequest(Session& session, const RequestOptions& options) {
  JET_ASSIGN_OR_RETURN(const crypto::KeyType default_type,
                       crypto::ParseSigningKeyType(kDefaultKeyType));
  JET_ASSIGN_OR_RETURN(const crypto::KeyType type, CheckRequestFiles(options.files, default_type));
  Form form;
  JET_ASSIGN_OR_RETURN(const std::vector<WrongAnswer> wrong, FillForm(options, form));
  const std::string why_not_asked = WhyNotAsked(options);
  const bool may_ask = why_not_asked.empty();
  const std::vector<Field> missing = form.Missing();
  if (!wrong.empty() || (!missing.empty() && !may_ask)) {
    return Incomplete(wrong, missing, why_not_asked);
  }
  // Also when all was given: nothing is made unconfirmed.
  if (may_ask) JET_RETURN_IF_ERROR(Ask(session, options.files, type, form));
  const absl::StatusOr<CertificateName> name = form.Name();
  if (!name.ok()) return UsageError(name.status().message());
  JET_ASSIGN_OR_RETURN(const pki::Subject subject, form.Subject());
  JET_RETURN_IF_ERROR(CheckNameIsFree(CertsDir(session, options.files.certs_dir), *name,
                                      options.files.key_out.value_or("")));
  cert_request::NewRequest wanted;
  wanted.name = *name;
  wanted.subject = subject;
  wanted.key_type = type;
  return MakeAndReport(session, options.files, std::move(wanted),
                       may_ask ? WithoutSource::kAskOptional : WithoutSource::kUnencrypted);
}

}  // namespace

RunFunction DeclareCertificateRequest(OptionParser& parser) {
  auto options = std::make_shared<RequestOptions>();
  for (const FieldRow& row : cert_request::Fields()) {
    parser
        .Value(absl::StrCat("--", row.key), options->answers.at(static_cast<size_t>(row.field)),
               "TEXT", absl::StrCat(row.label, ": ", row.rule))
        .MayBeEmpty();
  }
  parser.Value("--answers", options->answers_file, "FILE",
               "TOML file with answers; its keys are the options above without dashes in front");
  DeclareRequestFiles(parser, options->files, kDefaultKeyType);
  parser.Flag("--yes", options->yes, "Do not ask for confirmation; what is not given is an error");
  return [options](Session& session) { return RunCertificateRequest(session, *options); };
}

}  // namespace jet::cli

#include <unistd.h>

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
  std::string answers_file;
  RequestFileOptions files;
};

// Puts the answers of the command line and of the answers file into `form`. Returns what is wrong
// with them.
absl::StatusOr<std::vector<std::string>> FillForm(const RequestOptions& options, Form& form) {
  RawAnswers answers;
  if (!options.answers_file.empty()) {
    JET_ASSIGN_OR_RETURN(answers, ReadAnswersFile(options.answers_file));
  }
  std::vector<std::string> wrong;
  for (const FieldRow& row : cert_request::Fields()) {
    const size_t i = static_cast<size_t>(row.field);
    const absl::optional<std::string>& answer =
        options.answers.at(i).has_value() ? options.answers.at(i) : answers.at(i);
    if (!answer.has_value()) continue;
    const absl::Status set = form.Set(row.field, *answer);
    if (!set.ok()) wrong.emplace_back(set.message());
  }
  return wrong;
}

bool IsGivenWrong(const RequestOptions& options, Field field) {
  return options.answers.at(static_cast<size_t>(field)).has_value();
}

// One error for all that is missing or wrong.
absl::Status Incomplete(const RequestOptions& options, const std::vector<std::string>& wrong,
                        const std::vector<Field>& missing, bool may_ask) {
  std::vector<std::string> names;
  for (const Field field : missing) {
    // What is wrong is missing in the form, too.
    if (!IsGivenWrong(options, field)) {
      names.push_back(absl::StrCat("--", cert_request::RowOf(field).key));
    }
  }
  std::vector<std::string> parts = wrong;
  if (!may_ask && !names.empty()) {
    parts.push_back(absl::StrCat("there is no terminal to ask on, and missing are: ",
                                 absl::StrJoin(names, ", ")));
  }
  return UsageError(absl::StrJoin(parts, "; "));
}

// What the earlier requests of the folder suggest; nothing where there is no folder yet.
absl::StatusOr<RequestSuggestions> SuggestionsOf(const std::string& certs_dir) {
  RequestSuggestions suggestions;
  suggestions.next_index = [certs_dir](const CertificateName& name) -> uint64_t {
    const absl::StatusOr<CertsFolder> folder = CertsFolder::Open(certs_dir, FolderAccess::kRead);
    return folder.ok() ? folder->NextIndex(name).value_or(1) : 1;
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
  if (!files.key_out.empty()) more.emplace_back("Private key", files.key_out);
  return AskForForm(*editor, suggestions, more, form);
}

// A name that is taken is said before a passphrase is asked for.
absl::Status CheckNameIsFree(const std::string& certs_dir, const CertificateName& name,
                             const std::string& key_out) {
  const absl::StatusOr<CertsFolder> folder = CertsFolder::Open(certs_dir, FolderAccess::kRead);
  if (absl::IsNotFound(folder.status())) return absl::OkStatus();
  JET_RETURN_IF_ERROR(folder.status());
  return cert_request::CheckNameIsFree(*folder, name, key_out);
}

absl::StatusOr<ExitStatus> RunCertificateRequest(Session& session, const RequestOptions& options) {
  JET_ASSIGN_OR_RETURN(const crypto::KeyType default_type,
                       crypto::ParseSigningKeyType(kDefaultKeyType));
  JET_ASSIGN_OR_RETURN(const crypto::KeyType type, CheckRequestFiles(options.files, default_type));
  Form form;
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> wrong, FillForm(options, form));
  const bool may_ask = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  const std::vector<Field> missing = form.Missing();
  if (!wrong.empty() || (!missing.empty() && !may_ask)) {
    return Incomplete(options, wrong, missing, may_ask);
  }
  if (!missing.empty()) JET_RETURN_IF_ERROR(Ask(session, options.files, type, form));
  const absl::StatusOr<CertificateName> name = form.Name();
  if (!name.ok()) return UsageError(name.status().message());
  JET_ASSIGN_OR_RETURN(const pki::Subject subject, form.Subject());
  JET_RETURN_IF_ERROR(CheckNameIsFree(CertsDir(session, options.files.certs_dir), *name,
                                      options.files.key_out));
  cert_request::NewRequest wanted;
  wanted.name = *name;
  wanted.subject = subject;
  wanted.key_type = type;
  return MakeAndReport(session, options.files, std::move(wanted),
                       missing.empty() ? WithoutSource::kUnencrypted : WithoutSource::kAskOptional);
}

}  // namespace

RunFunction DeclareCertificateRequest(OptionParser& parser) {
  auto options = std::make_shared<RequestOptions>();
  for (const FieldRow& row : cert_request::Fields()) {
    parser.Value(absl::StrCat("--", row.key), options->answers.at(static_cast<size_t>(row.field)),
                 "TEXT", absl::StrCat(row.label, ": ", row.rule));
  }
  parser.Value("--answers", options->answers_file, "FILE",
               "TOML file with answers; its keys are the options above without dashes in front");
  DeclareRequestFiles(parser, options->files, kDefaultKeyType);
  return [options](Session& session) { return RunCertificateRequest(session, *options); };
}

}  // namespace jet::cli

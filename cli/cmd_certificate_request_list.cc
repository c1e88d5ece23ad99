#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "cli/certs_dir_option.h"
#include "cli/command.h"
#include "cli/key_report.h"
#include "cli/option_parser.h"
#include "jet-cert-request/certs_folder.h"

namespace jet::cli {
namespace {

using cert_request::CertsFolder;
using cert_request::NamedFiles;

// Of whichever file is there and can be read.
std::string KeyTypeOf(const NamedFiles& files) {
  if (files.request.has_value()) return files.request->public_key().type().name;
  if (files.certificate.has_value()) return files.certificate->public_key().type().name;
  if (files.key.has_value() && files.key->public_key.has_value()) {
    return files.key->public_key->type().name;
  }
  return "unknown";
}

constexpr char kUnreadable[] = "here, cannot be read";

// Of a request or certificate.
std::string FileText(bool is_there, bool is_read) {
  if (is_read) return "here";
  return is_there ? kUnreadable : "none";
}

std::string KeyText(const NamedFiles& files) {
  if (!files.key.has_value()) return "elsewhere";
  if (!files.key->encrypted && !files.key->public_key.has_value()) return kUnreadable;
  return files.key->encrypted ? "here, with a passphrase" : "here, without a passphrase";
}

Json ObjectOf(const NamedFiles& files, absl::Time now) {
  const bool has_certificate = files.certificate.has_value();
  Json object;
  object["type"] = "key";
  object["name"] = files.name.Text();
  object["private_key"] = files.key.has_value();
  object["encrypted"] = files.key.has_value() ? Json(files.key->encrypted) : Json(nullptr);
  object["request"] = files.request.has_value();
  object["certificate"] = has_certificate;
  object["key_type"] = KeyTypeOf(files);
  object["generation"] = files.name.index;
  object["not_after"] = has_certificate ? Json(TimeText(files.certificate->not_after())) : nullptr;
  object["days_left"] = has_certificate ? Json(DaysLeft(*files.certificate, now)) : nullptr;
  object["problems"] = files.problems;
  return object;
}

void Print(Session& session, const NamedFiles& files, absl::Time now) {
  session.output.Object(ObjectOf(files, now));
  session.output.Labelled(
      {{"Certificate Name", files.name.Text()},
       {"Private Key", KeyText(files)},
       {"Request", FileText(files.request_is_there, files.request.has_value())},
       {"Certificate", FileText(files.certificate_is_there, files.certificate.has_value())},
       {"Key Type", KeyTypeOf(files)},
       {"Generation", absl::StrCat(files.name.index)},
       {"Valid Until",
        files.certificate.has_value() ? ValidityText(*files.certificate, now) : "-"}});
  for (const std::string& problem : files.problems) session.output.Warning(problem);
}

absl::StatusOr<ExitStatus> RunList(Session& session, const std::string& certs_dir) {
  const absl::StatusOr<CertsFolder> folder =
      CertsFolder::Open(certs_dir, cert_request::FolderAccess::kRead);
  std::vector<cert_request::CertificateName> names;
  std::vector<std::string> folder_problems;
  if (absl::IsNotFound(folder.status())) {
    session.output.Note(absl::StrCat("there is no folder '", certs_dir, "' yet"));
  } else {
    JET_RETURN_IF_ERROR(folder.status());
    JET_ASSIGN_OR_RETURN(names, folder->Names());
    JET_ASSIGN_OR_RETURN(folder_problems, folder->Problems());
  }
  size_t problems = folder_problems.size();
  for (size_t i = 0; i < names.size(); ++i) {
    JET_ASSIGN_OR_RETURN(const NamedFiles files, folder->Look(names[i]));
    if (i > 0) session.output.Line("");
    Print(session, files, absl::Now());
    problems += files.problems.size();
  }
  for (const std::string& problem : folder_problems) session.output.Warning(problem);
  session.output.Object({{"type", "summary"}, {"names", names.size()}, {"problems", problems}});
  return problems == 0 ? ExitStatus::kGood : ExitStatus::kNo;
}

}  // namespace

RunFunction DeclareCertificateRequestList(OptionParser& parser) {
  auto certs_dir = std::make_shared<absl::optional<std::string>>();
  DeclareCertsDir(parser, *certs_dir);
  return [certs_dir](Session& session) { return RunList(session, CertsDir(session, *certs_dir)); };
}

}  // namespace jet::cli

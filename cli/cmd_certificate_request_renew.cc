#include <memory>

#include "base/status_macros.h"
#include "cli/certs_dir_option.h"
#include "cli/command.h"
#include "cli/option_parser.h"
#include "cli/request_files.h"

namespace jet::cli {
namespace {

using cert_request::CertsFolder;

struct RenewOptions {
  std::string name;
  RequestFileOptions files;
};

absl::StatusOr<ExitStatus> RunRenew(Session& session, const RenewOptions& options) {
  const absl::StatusOr<cert_request::CertificateName> name =
      cert_request::ParseCertificateName(options.name);
  if (!name.ok()) return UsageError(name.status().message());
  JET_ASSIGN_OR_RETURN(const CertsFolder folder,
                       CertsFolder::Open(CertsDir(session, options.files.certs_dir),
                                         cert_request::FolderAccess::kRead));
  JET_ASSIGN_OR_RETURN(cert_request::NewRequest wanted, RenewalOf(folder, *name));
  JET_ASSIGN_OR_RETURN(wanted.key_type, CheckRequestFiles(options.files, wanted.key_type));
  JET_RETURN_IF_ERROR(CheckNameIsFree(folder, wanted.name, options.files.key_out));
  JET_ASSIGN_OR_RETURN(const cert_request::NamedFiles old, folder.Look(*name));
  // A key that had a passphrase does not lose it unasked.
  const bool was_encrypted = old.key.has_value() && old.key->encrypted;
  return MakeAndReport(session, options.files, std::move(wanted),
                       was_encrypted ? WithoutSource::kAskRequired : WithoutSource::kUnencrypted);
}

}  // namespace

RunFunction DeclareCertificateRequestRenew(OptionParser& parser) {
  auto options = std::make_shared<RenewOptions>();
  parser.Value("NAME", options->name, "", "Name of the certificate to be followed").Required();
  DeclareRequestFiles(parser, options->files, "as the old key");
  return [options](Session& session) { return RunRenew(session, *options); };
}

}  // namespace jet::cli

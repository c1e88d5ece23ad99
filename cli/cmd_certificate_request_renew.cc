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

// What the key after that of `old` gets without a passphrase source.
WithoutSource WithoutSourceAfter(const cert_request::NamedFiles& old) {
  // A key that had a passphrase does not lose it unasked.
  if (old.key.has_value() && old.key->encrypted) return WithoutSource::kAskRequired;
  const bool is_known = old.key.has_value() && old.key->public_key.has_value();
  return !is_known && HasTerminal() ? WithoutSource::kAskOptional : WithoutSource::kUnencrypted;
}

absl::StatusOr<ExitStatus> RunRenew(Session& session, const RenewOptions& options) {
  const absl::StatusOr<cert_request::CertificateName> name =
      cert_request::ParseCertificateName(options.name);
  if (!name.ok()) return UsageError(name.status().message());
  JET_ASSIGN_OR_RETURN(const CertsFolder folder,
                       CertsFolder::Open(CertsDir(session, options.files.certs_dir),
                                         cert_request::FolderAccess::kRead));
  JET_ASSIGN_OR_RETURN(cert_request::NewRequest wanted, RenewalOf(folder, *name));
  JET_ASSIGN_OR_RETURN(wanted.key_type, CheckRequestFiles(options.files, wanted.key_type));
  JET_RETURN_IF_ERROR(CheckNameIsFree(folder, wanted.name, options.files.key_out.value_or("")));
  JET_ASSIGN_OR_RETURN(const cert_request::NamedFiles old, folder.Look(*name));
  return MakeAndReport(session, options.files, std::move(wanted), WithoutSourceAfter(old));
}

}  // namespace

RunFunction DeclareCertificateRequestRenew(OptionParser& parser) {
  auto options = std::make_shared<RenewOptions>();
  parser.Value("NAME", options->name, "", "Name of the certificate to be followed").Required();
  DeclareRequestFiles(parser, options->files, "as the old key");
  return [options](Session& session) { return RunRenew(session, *options); };
}

}  // namespace jet::cli

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "cli/certs_dir_option.h"
#include "cli/command.h"
#include "cli/escape.h"
#include "cli/key_report.h"
#include "cli/option_parser.h"
#include "cli/passphrase.h"
#include "ima/signing_certificate.h"
#include "jet-cert-request/installation.h"
#include "pki/certificate_bundle.h"

namespace jet::cli {
namespace {

using cert_request::CertsFolder;
using cert_request::Installed;
using cert_request::Match;
using cert_request::MatchedBy;

struct InstallOptions {
  std::string certificate;
  absl::optional<std::string> certs_dir;
  bool allow_weak = false;
  PassphraseOptions passphrase;
};

std::string MatchedByText(const CertsFolder& folder, const Match& match) {
  switch (match.matched_by) {
    case MatchedBy::kPrivateKey:
      return folder.KeyPath(match.name);
    case MatchedBy::kRequest:
      return absl::StrCat(folder.RequestPath(match.name), " (the private key is elsewhere)");
    case MatchedBy::kRequestKeyLocked:
      return absl::StrCat(folder.RequestPath(match.name),
                          " (the private key has a passphrase and was not opened)");
  }
  return std::string();
}

// The command line that takes the certificate into the keystore.
std::string ImportLine(const CertsFolder& folder, const Match& match, const Installed& installed) {
  const std::string line =
      absl::StrCat("jet-keystore import --key-name ", match.name.Text(), " --x509-cert ",
                   ShellWord(installed.certificate_path), " --private-key ");
  if (match.matched_by != MatchedBy::kRequest) {
    return absl::StrCat(line, ShellWord(folder.KeyPath(match.name)));
  }
  return absl::StrCat(line, match.name.Text(), "_key.pem");
}

// "yes", or why the kernel's IMA could not use the certificate.
std::string ImaVerdict(Session& session, const pki::Certificate& certificate, absl::Time now) {
  const absl::StatusOr<std::vector<std::string>> warnings =
      ima::CheckSigningCertificate(certificate, now, ima::ExpiredCertificates::kAllow);
  if (!warnings.ok()) return absl::StrCat("no: ", warnings.status().message());
  for (const std::string& warning : *warnings) session.output.Warning(warning);
  return "yes";
}

// Prints the command line, unless what is printed would be another one.
void PrintImportLine(Session& session, const std::string& line) {
  if (Escape(line) != line) {
    session.output.Note(
        "the path of the certs folder cannot be written as a command line: take the certificate "
        "into the keystore with jet-keystore import");
    return;
  }
  session.output.Line("");
  session.output.Line("Take it into the keystore, to sign with:");
  session.output.Line(absl::StrCat("  ", line));
}

void Report(Session& session, const CertsFolder& folder, const Match& match,
            const Installed& installed, absl::Time now) {
  for (const std::string& warning : match.warnings) session.output.Warning(warning);
  const pki::Certificate& certificate = match.certificate;
  const std::string ima = ImaVerdict(session, certificate, now);
  const std::string import = ImportLine(folder, match, installed);
  Json object = {{"type", "key"},
                 {"name", match.name.Text()},
                 {"x509_cert_path", installed.certificate_path},
                 {"chain_path", installed.chain_path},
                 {"chain_certificates", match.chain.size()},
                 {"matched_by", match.matched_by == MatchedBy::kPrivateKey ? "key" : "request"},
                 {"already_installed", installed.already_there},
                 {"ski", SubjectKeyIdentifierText(certificate)},
                 {"key_type", certificate.public_key().type().name},
                 {"issuer", certificate.issuer()},
                 {"not_after", TimeText(certificate.not_after())},
                 {"days_left", DaysLeft(certificate, now)},
                 {"usable_by_ima", ima == "yes"},
                 {"import_command", import}};
  if (installed.chain_path.empty()) object.erase("chain_path");
  // In JSON other bytes would be replaced.
  if (!base::IsUtf8(import)) object.erase("import_command");
  session.output.Object(object);
  Fields fields = {{"Certificate Name", match.name.Text()},
                   {"X509 Cert Path", installed.certificate_path}};
  if (!installed.chain_path.empty()) {
    fields.emplace_back("Chain Path", absl::StrCat(installed.chain_path, " (", match.chain.size(),
                                                   " of its issuers)"));
  }
  fields.insert(fields.end(), {{"Belongs To", MatchedByText(folder, match)},
                               {"Issuer", certificate.issuer()},
                               {"Valid Until", ValidityText(certificate, now)},
                               {"Key Type", certificate.public_key().type().name},
                               {"Key SKI", SubjectKeyIdentifierText(certificate)},
                               {"Usable By IMA", ima}});
  session.output.Labelled(fields);
  if (installed.already_there) session.output.Note("this very certificate was installed before");
  PrintImportLine(session, import);
}

absl::StatusOr<ExitStatus> RunInstall(Session& session, const InstallOptions& options) {
  JET_ASSIGN_OR_RETURN(const std::vector<pki::Certificate> certificates,
                       pki::ReadCertificates(options.certificate));
  cert_request::InstallRules rules;
  rules.now = absl::Now();
  rules.allow_weak = options.allow_weak;
  crypto::Secret passphrase;
  if (options.passphrase.given()) {
    JET_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(options.passphrase, "the private key"));
    rules.passphrase = &passphrase;
  }
  const std::string certs_dir = CertsDir(session, options.certs_dir);
  // Installing makes no folder: without one there is no request that the certificate could answer.
  JET_RETURN_IF_ERROR(CertsFolder::Open(certs_dir, cert_request::FolderAccess::kRead).status());
  JET_ASSIGN_OR_RETURN(const CertsFolder folder,
                       CertsFolder::Open(certs_dir, cert_request::FolderAccess::kWrite));
  JET_ASSIGN_OR_RETURN(const Match match, MatchCertificate(folder, certificates, rules));
  JET_ASSIGN_OR_RETURN(const Installed installed, InstallCertificate(folder, match));
  Report(session, folder, match, installed, rules.now);
  return ExitStatus::kGood;
}

}  // namespace

RunFunction DeclareCertificateRequestInstall(OptionParser& parser) {
  auto options = std::make_shared<InstallOptions>();
  parser
      .Value("CERT", options->certificate, "",
             "Certificate in PEM, DER or PKCS#7, with or without those of its issuers")
      .Required();
  DeclareCertsDir(parser, options->certs_dir);
  parser.Flag("--allow-weak", options->allow_weak,
              "Take a certificate that was signed with SHA-1 or MD5");
  DeclarePassphrase(parser, options->passphrase);
  return [options](Session& session) { return RunInstall(session, *options); };
}

}  // namespace jet::cli

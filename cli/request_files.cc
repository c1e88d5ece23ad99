#include "cli/request_files.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/certs_dir_option.h"

namespace jet::cli {
namespace {

constexpr char kNewKey[] = "the new private key";

// The passphrase for the key file; an empty one stands for none.
absl::StatusOr<crypto::Secret> PassphraseFor(const RequestFileOptions& options,
                                             WithoutSource without_source) {
  if (options.passphrase.given()) return ReadNewPassphrase(options.passphrase, kNewKey);
  if (options.no_encryption) return crypto::Secret();
  switch (without_source) {
    case WithoutSource::kAskOptional:
      return AskForOptionalPassphrase(kNewKey);
    case WithoutSource::kAskRequired:
      return ReadNewPassphrase(options.passphrase, kNewKey);
    case WithoutSource::kUnencrypted:
      break;
  }
  return crypto::Secret();
}

void Report(Session& session, const cert_request::RequestFiles& files, const std::string& name,
            const std::string& certificate_path, bool encrypted) {
  const std::string& type = files.request.public_key().type().name;
  session.output.Object({{"type", "key"},
                         {"name", name},
                         {"private_key_path", files.private_key_path},
                         {"request_path", files.request_path},
                         {"key_type", type},
                         {"encrypted", encrypted},
                         {"subject", files.request.subject_text()}});
  session.output.Labelled({{"Certificate Name", name},
                           {"Subject", files.request.subject_text()},
                           {"Key Type", absl::StrCat(type, encrypted ? ", with a passphrase"
                                                                     : ", without a passphrase")},
                           {"Private Key", files.private_key_path},
                           {"Request", files.request_path}});
  session.output.Line("");
  session.output.Line(absl::StrCat(
      "Keep the private key secret, and move it to a safe place outside this machine: whoever has "
      "it can sign what your routers run. Never send it to anyone, nor to the CA."));
  session.output.Line("Send only the request to the CA (JET Certificate Processing).");
  session.output.Line(absl::StrCat("The certificate that comes back is named ", name,
                                   ". `jet-certificate-request install FILE` "
                                   "checks it and puts it at ",
                                   certificate_path));
}

}  // namespace

bool HasTerminal() { return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1; }

void DeclareRequestFiles(OptionParser& parser, RequestFileOptions& options,
                         const std::string& default_type) {
  DeclareCertsDir(parser, options.certs_dir);
  parser.Value("--key-type", options.key_type, "TYPE",
               absl::StrCat(crypto::SigningKeyTypeNames(), " (", default_type, ")"));
  parser.Value("--key-out", options.key_out, "FILE",
               "Write the private key there, not into the certs folder");
  parser.Flag("--no-encryption", options.no_encryption,
              "Write the private key without a passphrase, and do not ask for one");
  DeclarePassphrase(parser, options.passphrase);
}

absl::StatusOr<crypto::KeyType> CheckRequestFiles(const RequestFileOptions& options,
                                                  const crypto::KeyType& otherwise) {
  if (options.no_encryption && options.passphrase.given()) {
    return UsageError("--no-encryption does not go with a passphrase");
  }
  if (!options.key_type.has_value()) return otherwise;
  const absl::StatusOr<crypto::KeyType> type = crypto::ParseSigningKeyType(*options.key_type);
  if (!type.ok()) return UsageError(type.status().message());
  return type;
}

absl::StatusOr<ExitStatus> MakeAndReport(Session& session, const RequestFileOptions& options,
                                         cert_request::NewRequest wanted,
                                         WithoutSource without_source) {
  // The folder is made and locked only now: nobody else waits while somebody types.
  JET_ASSIGN_OR_RETURN(const crypto::Secret passphrase, PassphraseFor(options, without_source));
  JET_ASSIGN_OR_RETURN(const cert_request::CertsFolder folder,
                       cert_request::CertsFolder::Open(CertsDir(session, options.certs_dir),
                                                       cert_request::FolderAccess::kWrite));
  const bool encrypted = !passphrase.empty();
  if (encrypted) wanted.passphrase = &passphrase;
  wanted.key_out = options.key_out.value_or("");
  JET_ASSIGN_OR_RETURN(const cert_request::RequestFiles files,
                       cert_request::MakeRequestFiles(folder, wanted));
  Report(session, files, wanted.name.Text(), folder.CertificatePath(wanted.name), encrypted);
  return ExitStatus::kGood;
}

}  // namespace jet::cli

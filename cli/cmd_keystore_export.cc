#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/staged_file.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/key_report.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/passphrase.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

constexpr mode_t kCertificateMode = 0644;
constexpr mode_t kPrivateKeyMode = 0600;
constexpr mode_t kRequestMode = 0644;
constexpr char kStandardOutput[] = "-";

struct ExportOptions {
  std::string name;
  std::string certificate;              // a path; "-" for standard output
  std::string private_key;              // a path
  absl::optional<std::string> request;  // a path; "-" for standard output
  PassphraseOptions passphrase;
};

absl::Status CheckOptions(const ExportOptions& options) {
  const absl::Status name = keystore::CheckKeyName(options.name);
  if (!name.ok()) return UsageError(name.message());
  if (options.request.has_value() &&
      (!options.certificate.empty() || !options.private_key.empty())) {
    return UsageError(
        "--request goes with neither --x509-cert nor --private-key: it is of a key that has no "
        "certificate yet");
  }
  if (options.private_key.empty() && options.passphrase.given()) {
    return UsageError("--passphrase-file, -fd and -env are for --private-key, which is not given");
  }
  return absl::OkStatus();
}

// DER, or PEM for a file that is called so and for people.
std::string Encoded(const pki::Certificate& certificate, const std::string& path) {
  const bool is_pem = path == kStandardOutput || absl::EndsWith(path, ".pem");
  return is_pem ? certificate.Pem() : std::string(base::AsText(certificate.der()));
}

absl::StatusOr<base::StagedFile> StagePrivateKey(const keystore::Keystore& store,
                                                 const ExportOptions& options,
                                                 const crypto::Secret& passphrase) {
  JET_ASSIGN_OR_RETURN(const crypto::PrivateKey key, store.OpenPrivateKey(options.name));
  JET_ASSIGN_OR_RETURN(const base::Bytes pem,
                       key.EncryptedPem(passphrase, crypto::kPassphraseIterations));
  return base::StagedFile::Write(options.private_key, kPrivateKeyMode, pem);
}

void Report(Session& session, const ExportOptions& options, const pki::Certificate& certificate) {
  Json object = {{"type", "key"}, {"name", options.name}};
  Fields fields = {{"Key Name", options.name}};
  if (!options.certificate.empty()) {
    object["x509_cert_path"] = options.certificate;
    fields.emplace_back("X509 Cert Path", options.certificate);
  }
  if (!options.private_key.empty()) {
    object["private_key_path"] = options.private_key;
    fields.emplace_back("Private Key Path", options.private_key);
  }
  object["ski"] = SubjectKeyIdentifierText(certificate);
  fields.emplace_back("Key SKI", SubjectKeyIdentifierText(certificate));
  session.output.Object(object);
  session.output.Labelled(fields);
}

absl::StatusOr<ExitStatus> ExportRequest(Session& session, const ExportOptions& options) {
  JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                       OpenKeystore(session, keystore::Access::kRead));
  JET_ASSIGN_OR_RETURN(const absl::optional<keystore::WaitingKey> key,
                       store.FindWaiting(options.name));
  if (!key.has_value()) {
    JET_RETURN_IF_ERROR(store.Find(options.name).status());
    return absl::FailedPreconditionError(absl::StrCat(
        "the key '", options.name, "' has its certificate: there is no request any more"));
  }
  NoteUnlessChecked(session, store);
  const std::string pem = key->request.Pem();
  const std::string& path = *options.request;
  if (path == kStandardOutput) {
    JET_RETURN_IF_ERROR(base::WriteAll(STDOUT_FILENO, base::AsBytes(pem), "stdout"));
    return ExitStatus::kGood;
  }
  std::vector<base::StagedFile> files;
  JET_ASSIGN_OR_RETURN(base::StagedFile file,
                       base::StagedFile::Write(path, kRequestMode, base::AsBytes(pem)));
  files.push_back(std::move(file));
  JET_RETURN_IF_ERROR(base::PublishTogether(files));
  session.output.Object({{"type", "key"}, {"name", options.name}, {"request_written_to", path}});
  session.output.Labelled({{"Key Name", options.name}, {"Request", path}});
  return ExitStatus::kGood;
}

absl::StatusOr<ExitStatus> RunExport(Session& session, ExportOptions options) {
  JET_RETURN_IF_ERROR(CheckOptions(options));
  if (options.request.has_value()) return ExportRequest(session, options);
  if (options.certificate.empty() && options.private_key.empty())
    options.certificate = kStandardOutput;
  crypto::Secret passphrase;
  if (!options.private_key.empty()) {
    // Nobody types passphrases for a key that is not there, or waits for its certificate.
    JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                         OpenKeystore(session, keystore::Access::kRead));
    JET_RETURN_IF_ERROR(store.Find(options.name).status());
  }
  if (!options.private_key.empty()) {
    JET_ASSIGN_OR_RETURN(passphrase,
                         ReadNewPassphrase(options.passphrase,
                                           absl::StrCat("the exported key '", options.name, "'")));
  }
  // The store key's passphrase is asked for before the store is locked.
  JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                       options.private_key.empty()
                           ? OpenKeystore(session, keystore::Access::kRead)
                           : OpenUnlockedKeystore(session, keystore::Access::kRead));
  JET_ASSIGN_OR_RETURN(const keystore::StoredKey key, store.Find(options.name));
  NoteUnlessChecked(session, store);
  std::vector<base::StagedFile> files;
  if (!options.private_key.empty()) {
    JET_ASSIGN_OR_RETURN(base::StagedFile file, StagePrivateKey(store, options, passphrase));
    files.push_back(std::move(file));
  }
  const std::string certificate = Encoded(key.certificate, options.certificate);
  if (!options.certificate.empty() && options.certificate != kStandardOutput) {
    JET_ASSIGN_OR_RETURN(
        base::StagedFile file,
        base::StagedFile::Write(options.certificate, kCertificateMode, base::AsBytes(certificate)));
    files.push_back(std::move(file));
  }
  JET_RETURN_IF_ERROR(base::PublishTogether(files));
  if (options.certificate != kStandardOutput) {
    Report(session, options, key.certificate);
    return ExitStatus::kGood;
  }
  JET_RETURN_IF_ERROR(base::WriteAll(STDOUT_FILENO, base::AsBytes(certificate), "stdout"));
  return ExitStatus::kGood;
}

}  // namespace

RunFunction DeclareKeystoreExport(OptionParser& parser) {
  auto options = std::make_shared<ExportOptions>();
  parser.Value("NAME", options->name, "", "Name of the key").Required();
  parser.Value("--x509-cert", options->certificate, "FILE",
               "Write the certificate there: PEM where the name ends in .pem, else DER; - (and "
               "without options) PEM to standard output");
  parser.Value("--private-key", options->private_key, "FILE",
               "Write the private key there, under a passphrase (PKCS#8)");
  parser.Value(
      "--request", options->request, "FILE",
      "Write the request of a key that waits for its certificate there (PKCS#10, PEM), - for "
      "standard output");
  DeclarePassphrase(parser, options->passphrase);
  return [options](Session& session) { return RunExport(session, *options); };
}

}  // namespace jet::cli

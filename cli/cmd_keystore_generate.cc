#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/staged_file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/utf8.h"
#include "cli/command.h"
#include "cli/key_report.h"
#include "cli/keyring_option.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/passphrase.h"
#include "cli/private_key_input.h"
#include "cli/store_key.h"
#include "crypto/key_type.h"
#include "crypto/signer.h"
#include "keystore/keystore.h"
#include "pki/issue.h"
#include "pki/request.h"

namespace jet::cli {
namespace {

// The names that the documents of the product give to the two files.
constexpr char kPrivateKeyFile[] = "ima-privkey.pem";
constexpr char kCertificateFile[] = "ima-cert.x509";

constexpr mode_t kRequestMode = 0644;
constexpr char kStandardOutput[] = "-";

// As long as Junos's own self-signed certificates are valid.
constexpr int kDefaultDays = 1825;

struct GenerateOptions {
  std::string key_name;
  std::string key_type = "rsa:3072";
  pki::Subject subject;
  absl::optional<int> days;
  absl::optional<std::string> keyring;
  std::string ca_certificate;
  PrivateKeyOptions ca_private_key;
  std::string out_dir;
  bool no_encryption = false;
  absl::optional<std::string> request;  // a path; "-" for standard output
  PassphraseOptions passphrase;
  PeerOptions peers;
};

absl::Status CheckOptions(const GenerateOptions& options) {
  const absl::Status name = keystore::CheckKeyName(options.key_name);
  if (!name.ok()) return UsageError(name.message());
  if (options.ca_certificate.empty() != options.ca_private_key.source.empty()) {
    return UsageError("--ca-x509-cert and --ca-private-key go together");
  }
  if (options.out_dir.empty() && options.no_encryption) {
    return UsageError("--no-encryption is for --out-dir: in the keystore every key is encrypted");
  }
  if (options.passphrase.given() && options.ca_certificate.empty() &&
      (options.out_dir.empty() || options.no_encryption)) {
    return UsageError(
        "--passphrase-file, -fd and -env are for the key file of --out-dir or of the CA (for the "
        "keystore's own passphrase: --store-passphrase-file, -fd, -env)");
  }
  if (options.request.has_value() &&
      (!options.out_dir.empty() || !options.ca_certificate.empty() || options.keyring.has_value() ||
       options.days.has_value() || options.peers.with_private_key)) {
    return UsageError(
        "--request goes with none of --out-dir, --ca-x509-cert, --days, --keyring and "
        "--with-private-key: there is no certificate before the one that answers the request is "
        "imported");
  }
  if (!options.out_dir.empty() && options.keyring.has_value()) {
    return UsageError("--keyring does not go with --out-dir: nothing is mirrored");
  }
  if (!options.out_dir.empty() && options.peers.with_private_key) {
    return UsageError("--with-private-key does not go with --out-dir: no peer is told");
  }
  for (const std::string* text :
       {&options.subject.organization, &options.subject.common_name, &options.subject.email}) {
    if (!base::IsUtf8(*text)) return UsageError(absl::StrCat("'", *text, "' is not UTF-8"));
  }
  const absl::Status subject = pki::CheckSubject(options.subject);
  return subject.ok() ? subject : UsageError(subject.message());
}

absl::StatusOr<pki::Certificate> Certify(const GenerateOptions& options,
                                         const crypto::PrivateKey& key) {
  const absl::Time now = absl::Now();
  const pki::Validity validity{now, now + absl::Hours(24) * options.days.value_or(kDefaultDays)};
  if (options.ca_certificate.empty()) {
    return pki::IssueSelfSigned(key, options.subject, validity);
  }
  JET_ASSIGN_OR_RETURN(const pki::Certificate ca,
                       pki::Certificate::ReadFile(options.ca_certificate));
  JET_ASSIGN_OR_RETURN(const crypto::PrivateKey ca_key, ReadPrivateKey(options.ca_private_key));
  return pki::IssueBy({ca, ca_key}, key.public_key(), options.subject, validity);
}

// Takes the key, which has left this process's memory when this returns: the child that
// publishes the file has no copy of it.
absl::StatusOr<base::StagedFile> StageKeyFile(const std::string& path,
                                              const GenerateOptions& options,
                                              crypto::PrivateKey taken) {
  const crypto::PrivateKey key = std::move(taken);
  if (options.no_encryption) {
    JET_ASSIGN_OR_RETURN(const crypto::Secret pem, key.UnencryptedPem());
    return base::StagedFile::Write(path, 0600, pem.Expose());
  }
  JET_ASSIGN_OR_RETURN(
      const crypto::Secret passphrase,
      ReadNewPassphrase(options.passphrase, absl::StrCat("the new private key '", path, "'")));
  JET_ASSIGN_OR_RETURN(const base::Bytes pem,
                       key.EncryptedPem(passphrase, crypto::kPassphraseIterations));
  return base::StagedFile::Write(path, 0600, pem);
}

// Writes both files or none.
absl::StatusOr<ExitStatus> WriteFiles(Session& session, const GenerateOptions& options,
                                      crypto::PrivateKey key, const pki::Certificate& certificate) {
  const std::string key_path = absl::StrCat(options.out_dir, "/", kPrivateKeyFile);
  const std::string certificate_path = absl::StrCat(options.out_dir, "/", kCertificateFile);
  std::vector<base::StagedFile> files;
  JET_ASSIGN_OR_RETURN(base::StagedFile key_file, StageKeyFile(key_path, options, std::move(key)));
  files.push_back(std::move(key_file));
  JET_ASSIGN_OR_RETURN(base::StagedFile certificate_file,
                       base::StagedFile::Write(certificate_path, 0644, certificate.der()));
  files.push_back(std::move(certificate_file));
  JET_RETURN_IF_ERROR(base::PublishTogether(files));
  const std::string identifier = SubjectKeyIdentifierText(certificate);
  session.output.Object({{"type", "key"},
                         {"name", options.key_name},
                         {"private_key_path", key_path},
                         {"x509_cert_path", certificate_path},
                         {"ski", identifier},
                         {"key_type", certificate.public_key().type().name}});
  session.output.Labelled({{"Key Name", options.key_name},
                           {"Private Key Path", key_path},
                           {"X509 Cert Path", certificate_path},
                           {"Key SKI", identifier}});
  return ExitStatus::kGood;
}

// A key that waits in the keystore, and its request where that is to be a file.
struct Requested {
  keystore::WaitingKey waiting;
  std::vector<base::StagedFile> files;
};

absl::StatusOr<std::vector<base::StagedFile>> StageRequest(const pki::CertificateRequest& request,
                                                           const std::string& path) {
  std::vector<base::StagedFile> files;
  if (path == kStandardOutput) return files;
  JET_RETURN_IF_ERROR(base::CheckNameIsFree(path, "name another file"));
  JET_ASSIGN_OR_RETURN(base::StagedFile file,
                       base::StagedFile::Write(path, kRequestMode, base::AsBytes(request.Pem())));
  files.push_back(std::move(file));
  return files;
}

absl::StatusOr<keystore::WaitingKey> AddWaiting(const Session& session,
                                                const keystore::NewWaitingKey& key) {
  JET_ASSIGN_OR_RETURN(keystore::Keystore store, OpenKeystore(session, keystore::Access::kCreate));
  return store.AddWaiting(key);
}

// Takes the key, which has left this process's memory when this returns: the child that
// publishes the request has no copy of it.
absl::StatusOr<Requested> StoreWithRequest(const Session& session, const GenerateOptions& options,
                                           crypto::PrivateKey taken) {
  const crypto::PrivateKey key = std::move(taken);
  JET_ASSIGN_OR_RETURN(const std::unique_ptr<crypto::Signer> signer,
                       crypto::MakeSigner(key.Share()));
  JET_ASSIGN_OR_RETURN(const pki::CertificateRequest request,
                       pki::MakeRequest(*signer, options.subject));
  // Before the key is stored, as a name that is taken would leave a key and no request.
  JET_ASSIGN_OR_RETURN(std::vector<base::StagedFile> files,
                       StageRequest(request, *options.request));
  JET_ASSIGN_OR_RETURN(keystore::WaitingKey waiting,
                       AddWaiting(session, {options.key_name, request, key}));
  return Requested{std::move(waiting), std::move(files)};
}

void ReportWaiting(Session& session, const keystore::WaitingKey& key, const std::string& path) {
  Json object = KeyObject(key);
  object["request_written_to"] = path;
  session.output.Object(object);
  session.output.Labelled({{"Key Name", key.name},
                           {"Subject", key.request.subject_text()},
                           {"Key Type", key.request.public_key().type().name},
                           {"Request", path}});
}

// The key waits in the keystore for the certificate that answers its request.
absl::StatusOr<ExitStatus> MakeRequest(Session& session, const GenerateOptions& options,
                                       crypto::PrivateKey key) {
  JET_ASSIGN_OR_RETURN(const Requested requested,
                       StoreWithRequest(session, options, std::move(key)));
  const std::string& path = *options.request;
  const absl::Status written =
      requested.files.empty()
          ? base::WriteAll(STDOUT_FILENO, base::AsBytes(requested.waiting.request.Pem()),
                           "standard output")
          : base::PublishTogether(requested.files);
  if (!written.ok()) {
    return base::Annotate(written,
                          absl::StrCat("the key waits in the keystore, its request was not written "
                                       "(`jet-keystore export ",
                                       options.key_name, " --request FILE` writes it)"));
  }
  if (!requested.files.empty()) ReportWaiting(session, requested.waiting, path);
  session.output.Note(absl::StrCat("`jet-keystore import --key-name ", options.key_name,
                                   " --x509-cert FILE` joins the certificate to the key"));
  return ExitStatus::kGood;
}

absl::StatusOr<ExitStatus> RunGenerate(Session& session, GenerateOptions options) {
  if (options.subject.common_name.empty()) options.subject.common_name = options.key_name;
  JET_RETURN_IF_ERROR(CheckOptions(options));
  // The passphrase options are about the key file of this command: the one written, or else the
  // CA's. Where there are both, the CA's is asked for.
  if (options.out_dir.empty()) options.ca_private_key.passphrase = options.passphrase;
  const absl::StatusOr<crypto::KeyType> type = crypto::ParseSigningKeyType(options.key_type);
  if (!type.ok()) return UsageError(type.status().message());
  JET_ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::Generate(*type));
  if (options.request.has_value()) return MakeRequest(session, options, std::move(key));
  JET_ASSIGN_OR_RETURN(const pki::Certificate certificate, Certify(options, key));
  if (!options.out_dir.empty()) {
    return WriteFiles(session, options, std::move(key), certificate);
  }
  StoreKeyOptions store;
  store.keyring = options.keyring;
  store.peers = options.peers;
  store.untrusted = UntrustedByKernel::kIsNoted;
  absl::StatusOr<ExitStatus> stored = StoreKey(
      session, {options.key_name, certificate, &key, keystore::KeyOrigin::kGenerated}, store);
  if (!stored.ok()) {
    return base::Annotate(stored.status(),
                          absl::StrCat("cannot store the new key '", options.key_name, "'"));
  }
  return stored;
}

}  // namespace

RunFunction DeclareKeystoreGenerate(OptionParser& parser) {
  auto options = std::make_shared<GenerateOptions>();
  parser.Value("--key-name", options->key_name, "NAME", "Name of the key, unique in the keystore")
      .Required();
  parser.Value("--key-type", options->key_type, "TYPE",
               absl::StrCat(crypto::SigningKeyTypeNames(), " (rsa:3072)"));
  parser.Value("--organization", options->subject.organization, "TEXT",
               "Organization in the subject");
  parser.Value("--common-name", options->subject.common_name, "TEXT",
               "Common name in the subject (the key's name)");
  parser.Value("--email", options->subject.email, "TEXT", "E-mail address in the subject");
  parser.Value("--days", options->days, "N", "Days that the certificate is valid (1825)")
      .InRange(1, 36500);
  parser.Value("--ca-x509-cert", options->ca_certificate, "FILE",
               "Certificate of the CA that issues the new one (it signs itself)");
  parser.Value("--ca-private-key", options->ca_private_key.source, "FILE",
               "Private key of that CA");
  parser.Flag("--insecure-key-mode", options->ca_private_key.insecure_mode,
              "Take a CA key file that group or others can read");
  parser.Value("--out-dir", options->out_dir, "DIR",
               "Write ima-privkey.pem and ima-cert.x509 there instead of storing the key");
  parser.Value("--request", options->request, "FILE",
               "Write a certificate request (PKCS#10, PEM) there, - for standard output; the key "
               "waits in the keystore for the certificate, which import joins to it");
  parser.Flag("--no-encryption", options->no_encryption,
              "With --out-dir: write the private key without a passphrase");
  DeclarePassphrase(parser, options->passphrase);
  DeclareKeyring(parser, options->keyring);
  DeclarePeerOptions(parser, options->peers);
  return [options](Session& session) { return RunGenerate(session, *options); };
}

}  // namespace jet::cli

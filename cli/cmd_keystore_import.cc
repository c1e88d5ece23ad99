#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/certs_dir_option.h"
#include "cli/command.h"
#include "cli/key_commands.h"
#include "cli/keyring_option.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "cli/store_key.h"
#include "jet-cert-request/certs_folder.h"
#include "keystore/keystore.h"
#include "pki/pkcs12.h"

namespace jet::cli {
namespace {

// What is to be stored.
struct KeyMaterial {
  pki::Certificate certificate;
  absl::optional<crypto::PrivateKey> private_key;
  std::string source;  // for messages
};

absl::Status CheckOptions(const ImportOptions& options) {
  const auto given = {!options.certificate.empty(), !options.pkcs12.empty(),
                      !options.request_name.empty()};
  if (std::count(given.begin(), given.end(), true) != 1) {
    return UsageError("one of --x509-cert, --pkcs12 and --from-request is needed");
  }
  if (options.key_name.empty() && options.request_name.empty()) {
    return UsageError("--key-name is required");
  }
  const bool has_key = !options.private_key.source.empty();
  if (has_key && !options.pkcs12.empty()) {
    return UsageError("--private-key does not go with --pkcs12, which holds the private key");
  }
  if (!has_key && !options.certificate.empty() && options.private_key.passphrase.given()) {
    return UsageError("--passphrase-file, -fd and -env are for --private-key, which is not given");
  }
  return absl::OkStatus();
}

absl::StatusOr<KeyMaterial> ReadFiles(const PrivateKeyOptions& private_key,
                                      const std::string& certificate_path) {
  JET_ASSIGN_OR_RETURN(pki::Certificate certificate, pki::Certificate::ReadFile(certificate_path));
  KeyMaterial material{std::move(certificate), absl::nullopt, certificate_path};
  if (!private_key.source.empty()) {
    JET_ASSIGN_OR_RETURN(material.private_key, ReadPrivateKey(private_key));
  }
  return material;
}

absl::StatusOr<KeyMaterial> ReadPkcs12(const ImportOptions& options) {
  PrivateKeyOptions file = options.private_key;
  file.source = options.pkcs12;
  JET_ASSIGN_OR_RETURN(const crypto::Secret encoded, ReadKeyFile(file));
  const std::string object = absl::StrCat("'", options.pkcs12, "'");
  absl::StatusOr<pki::Pkcs12> content = pki::DecodePkcs12(encoded, [&] {
    return ReadPassphrase(file.passphrase, absl::StrCat("the PKCS#12 file ", object));
  });
  if (!content.ok()) return base::Annotate(content.status(), object);
  return KeyMaterial{std::move(content->certificate), std::move(content->private_key),
                     options.pkcs12};
}

// Reads NAME.pem and NAME_key.pem of the certs folder. The key may have been moved elsewhere.
absl::StatusOr<KeyMaterial> ReadFromRequest(const Session& session, const ImportOptions& options) {
  const absl::StatusOr<cert_request::CertificateName> name =
      cert_request::ParseCertificateName(options.request_name);
  if (!name.ok()) return UsageError(name.status().message());
  JET_ASSIGN_OR_RETURN(const cert_request::CertsFolder folder,
                       cert_request::CertsFolder::Open(CertsDir(session, options.certs_dir),
                                                       cert_request::FolderAccess::kRead));
  JET_ASSIGN_OR_RETURN(const cert_request::NamedFiles files, folder.Look(*name));
  if (!files.certificate.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("there is no certificate '", folder.CertificatePath(*name),
                     "' that can be read; `jet-certificate-request install` puts it there"));
  }
  PrivateKeyOptions private_key = options.private_key;
  if (private_key.source.empty() && files.key.has_value()) {
    private_key.source = folder.KeyPath(*name);
  }
  if (private_key.source.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the private key is not at '", folder.KeyPath(*name), "': name it with --private-key, or ",
        "import the certificate alone with --x509-cert '", folder.CertificatePath(*name), "'"));
  }
  return ReadFiles(private_key, folder.CertificatePath(*name));
}

absl::StatusOr<KeyMaterial> Read(const Session& session, const ImportOptions& options) {
  if (!options.pkcs12.empty()) return ReadPkcs12(options);
  if (!options.request_name.empty()) return ReadFromRequest(session, options);
  return ReadFiles(options.private_key, options.certificate);
}

// A private key can be sent to peers when it is given, or waits in the keystore for this
// certificate.
absl::Status CheckPrivateKeyIsThere(const Session& session, const std::string& name,
                                    const KeyMaterial& material) {
  if (material.private_key.has_value()) return absl::OkStatus();
  const absl::StatusOr<keystore::Keystore> store = OpenKeystore(session, keystore::Access::kRead);
  if (store.ok()) {
    const absl::StatusOr<absl::optional<keystore::WaitingKey>> waiting = store->FindWaiting(name);
    // What cannot be read is said by who stores the key.
    if (!waiting.ok() || waiting->has_value()) return absl::OkStatus();
  } else if (!absl::IsNotFound(store.status())) {
    return store.status();
  }
  return UsageError("--with-private-key is for --private-key, which is not given");
}

}  // namespace

absl::StatusOr<ExitStatus> RunKeystoreImport(Session& session, const ImportOptions& options) {
  JET_RETURN_IF_ERROR(CheckOptions(options));
  const std::string& name = options.key_name.empty() ? options.request_name : options.key_name;
  const absl::Status name_status = keystore::CheckKeyName(name);
  if (!name_status.ok()) return UsageError(name_status.message());
  JET_ASSIGN_OR_RETURN(const KeyMaterial material, Read(session, options));
  if (options.peers.with_private_key) {
    JET_RETURN_IF_ERROR(CheckPrivateKeyIsThere(session, name, material));
  }
  const keystore::NewKey key{name, material.certificate,
                             material.private_key.has_value() ? &*material.private_key : nullptr,
                             keystore::KeyOrigin::kImported};
  StoreKeyOptions store;
  store.keyring = options.keyring;
  store.peers = options.peers;
  store.join = true;
  if (options.allow_expired) store.expired = ima::ExpiredCertificates::kAllow;
  absl::StatusOr<ExitStatus> stored = StoreKey(session, key, store);
  if (!stored.ok()) {
    return base::Annotate(stored.status(),
                          absl::StrCat("cannot import '", material.source, "' as '", name, "'"));
  }
  return stored;
}

RunFunction DeclareKeystoreImport(OptionParser& parser) {
  auto options = std::make_shared<ImportOptions>();
  parser.Value("--key-name", options->key_name, "NAME", "Name of the key, unique in the keystore");
  parser.Value("--x509-cert", options->certificate, "FILE", "Certificate file, DER or PEM");
  DeclarePrivateKey(parser, options->private_key);
  parser.Value("--pkcs12", options->pkcs12, "FILE",
               "PKCS#12 file with certificate and private key, instead of the two");
  parser.Value("--from-request", options->request_name, "NAME",
               "Certificate and key of this name in the certs folder, which is the key's name too");
  DeclareCertsDir(parser, options->certs_dir);
  DeclareKeyring(parser, options->keyring);
  parser.Flag("--allow-expired", options->allow_expired, "Take a certificate out of its dates");
  DeclarePeerOptions(parser, options->peers);
  return [options](Session& session) { return RunKeystoreImport(session, *options); };
}

}  // namespace jet::cli

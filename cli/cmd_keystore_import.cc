#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/command.h"
#include "cli/key_commands.h"
#include "cli/keyring_option.h"
#include "cli/option_parser.h"
#include "cli/store_key.h"

namespace jet::cli {

absl::StatusOr<ExitStatus> RunKeystoreImport(Session& session, const ImportOptions& options) {
  const absl::Status name = keystore::CheckKeyName(options.key_name);
  if (!name.ok()) return UsageError(name.message());
  if (options.private_key.source.empty() && options.private_key.passphrase.given()) {
    return UsageError("--passphrase-file, -fd and -env are for --private-key, which is not given");
  }
  JET_ASSIGN_OR_RETURN(const pki::Certificate certificate,
                       pki::Certificate::ReadFile(options.certificate));
  absl::optional<crypto::PrivateKey> private_key;
  if (!options.private_key.source.empty()) {
    JET_ASSIGN_OR_RETURN(private_key, ReadPrivateKey(options.private_key));
  }
  keystore::NewKey key{options.key_name, certificate,
                       private_key.has_value() ? &*private_key : nullptr,
                       keystore::KeyOrigin::kImported};
  StoreKeyOptions store;
  store.keyring = options.keyring;
  if (options.allow_expired) store.expired = ima::ExpiredCertificates::kAllow;
  absl::StatusOr<ExitStatus> stored = StoreKey(session, key, store);
  if (!stored.ok()) {
    return base::Annotate(stored.status(), absl::StrCat("cannot import '", options.certificate,
                                                        "' as '", options.key_name, "'"));
  }
  return stored;
}

RunFunction DeclareKeystoreImport(OptionParser& parser) {
  auto options = std::make_shared<ImportOptions>();
  parser.Value("--key-name", options->key_name, "NAME", "Name of the key, unique in the keystore")
      .Required();
  parser.Value("--x509-cert", options->certificate, "FILE", "Certificate file, DER or PEM")
      .Required();
  DeclarePrivateKey(parser, options->private_key);
  DeclareKeyring(parser, options->keyring);
  parser.Flag("--allow-expired", options->allow_expired, "Take a certificate out of its dates");
  return [options](Session& session) { return RunKeystoreImport(session, *options); };
}

}  // namespace jet::cli

#include "cli/signing_key.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "ima/signing_certificate.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

absl::StatusOr<SigningKey> OpenFromKeystore(const Session& session, const std::string& name) {
  JET_RETURN_IF_ERROR(AskBeforeOpeningPrivateKey(session, name));
  JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                       OpenKeystore(session, keystore::Access::kRead));
  // First, as it opens the store key: what is read after that is checked.
  JET_ASSIGN_OR_RETURN(crypto::PrivateKey private_key, store.OpenPrivateKey(name));
  JET_ASSIGN_OR_RETURN(const keystore::StoredKey key, store.Find(name));
  JET_ASSIGN_OR_RETURN(std::unique_ptr<crypto::Signer> signer,
                       crypto::MakeSigner(std::move(private_key)));
  SigningKey signing_key{std::move(signer), key.certificate, key.name, {}};
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store.List());
  for (const keystore::StoredKey& known : listing.keys) {
    signing_key.known.push_back({known.name, known.certificate});
  }
  return signing_key;
}

absl::StatusOr<SigningKey> OpenFromFiles(const SigningKeyOptions& options) {
  JET_ASSIGN_OR_RETURN(const pki::Certificate certificate,
                       pki::Certificate::ReadFile(options.certificate));
  JET_ASSIGN_OR_RETURN(crypto::PrivateKey private_key, ReadPrivateKey(options.private_key));
  absl::StatusOr<std::unique_ptr<crypto::Signer>> signer =
      crypto::MakeSigner(std::move(private_key));
  if (!signer.ok()) {
    return base::Annotate(signer.status(),
                          absl::StrCat("private key '", options.private_key.source, "'"));
  }
  return SigningKey{*std::move(signer), certificate, options.certificate, {}};
}

absl::Status CheckOptions(const SigningKeyOptions& options) {
  const bool from_files = !options.private_key.source.empty() || !options.certificate.empty();
  if (options.key_name.empty() == !from_files) {
    return UsageError("name the key with --key, or its files with --private-key and --x509-cert");
  }
  if (from_files && (options.private_key.source.empty() || options.certificate.empty())) {
    return UsageError(
        "--private-key and --x509-cert go together: the certificate gives the key id that the "
        "kernel looks for");
  }
  if (!from_files && options.private_key.passphrase.given()) {
    return UsageError(
        "--passphrase-file, -fd and -env are for --private-key (for the keystore's own passphrase: "
        "--store-passphrase-file, -fd, -env)");
  }
  return absl::OkStatus();
}

}  // namespace

void DeclareSigningKey(OptionParser& parser, SigningKeyOptions& options) {
  parser.Value("--key", options.key_name, "NAME", "Name of a key in the keystore");
  DeclarePrivateKey(parser, options.private_key);
  parser.Value("--x509-cert", options.certificate, "FILE",
               "Certificate of --private-key, DER or PEM");
}

absl::StatusOr<SigningKey> OpenSigningKey(Session& session, const SigningKeyOptions& options) {
  JET_RETURN_IF_ERROR(CheckOptions(options));
  absl::StatusOr<SigningKey> key = options.key_name.empty()
                                       ? OpenFromFiles(options)
                                       : OpenFromKeystore(session, options.key_name);
  JET_RETURN_IF_ERROR(key.status());
  const absl::Time now = absl::Now();
  const absl::Status usable =
      ima::CheckSigningCertificate(key->certificate, now, ima::ExpiredCertificates::kAllow)
          .status();
  if (!usable.ok()) return base::Annotate(usable, absl::StrCat("certificate '", key->name, "'"));
  // What else is unwise about the certificate was said when it was imported.
  const absl::Status dates = ima::CheckDates(key->certificate, now);
  if (!dates.ok()) {
    session.output.Warning(absl::StrCat("key '", key->name, "': ", dates.message()));
  }
  return key;
}

}  // namespace jet::cli

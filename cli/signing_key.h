// The key that jet-sign signs with: from the keystore or from files.
#ifndef JET_CLI_SIGNING_KEY_H_
#define JET_CLI_SIGNING_KEY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/option_parser.h"
#include "cli/private_key_input.h"
#include "crypto/signer.h"
#include "ima/named_certificate.h"

namespace jet::cli {

struct SigningKeyOptions {
  std::string key_name;           // --key
  PrivateKeyOptions private_key;  // --private-key
  std::string certificate;        // --x509-cert
};

// Everything that signing needs; opened once per run.
struct SigningKey {
  std::unique_ptr<crypto::Signer> signer;
  pki::Certificate certificate;
  std::string name;                          // the key's name, or the certificate's path
  std::vector<ima::NamedCertificate> known;  // whose valid signatures are kept
};

// Declares --key, and --private-key with --x509-cert.
void DeclareSigningKey(OptionParser& parser, SigningKeyOptions& options);

// Opens the key. The keystore is locked only meanwhile. A certificate out of its dates is a
// warning: the kernel does not look at them.
absl::StatusOr<SigningKey> OpenSigningKey(Session& session, const SigningKeyOptions& options);

}  // namespace jet::cli

#endif  // JET_CLI_SIGNING_KEY_H_

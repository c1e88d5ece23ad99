// Private keys that are given to a command, not taken from the keystore.
#ifndef JET_CLI_PRIVATE_KEY_INPUT_H_
#define JET_CLI_PRIVATE_KEY_INPUT_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/option_parser.h"
#include "cli/passphrase.h"
#include "crypto/private_key.h"

namespace jet::cli {

struct PrivateKeyOptions {
  std::string source;  // a path, "-" for standard input or "fd:N"; empty when none was given
  bool insecure_mode = false;
  PassphraseOptions passphrase;
};

// Declares --private-key, --insecure-key-mode and the passphrase options.
void DeclarePrivateKey(OptionParser& parser, PrivateKeyOptions& options);

// Reads the file that holds a private key, in whatever format; others must not be able to
// read it either.
absl::StatusOr<crypto::Secret> ReadKeyFile(const PrivateKeyOptions& options);

// Reads and decodes the private key. A key file that group or others can read is refused with
// FAILED_PRECONDITION unless insecure_mode.
absl::StatusOr<crypto::PrivateKey> ReadPrivateKey(const PrivateKeyOptions& options);

}  // namespace jet::cli

#endif  // JET_CLI_PRIVATE_KEY_INPUT_H_

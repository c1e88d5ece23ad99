// Where passphrases come from: a file, a descriptor, the environment or the terminal; never argv.
#ifndef JET_CLI_PASSPHRASE_H_
#define JET_CLI_PASSPHRASE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/option_parser.h"
#include "crypto/secret.h"

namespace jet::cli {

// The sources named on the command line; at most one is given.
struct PassphraseOptions {
  absl::optional<std::string> file;
  absl::optional<int> fd;
  absl::optional<std::string> environment;
  const char* prefix = "--passphrase";  // of the three options
  const char* noun = "passphrase";      // in prompts and messages: "new passphrase"

  bool given() const { return file.has_value() || fd.has_value() || environment.has_value(); }
};

// Declares --passphrase-file, --passphrase-fd and --passphrase-env, or what the prefix makes of
// them; `what` says in the help text what the passphrase is of.
void DeclarePassphrase(OptionParser& parser, PassphraseOptions& options,
                       const std::string& what = "the private key file's passphrase");

// Returns the passphrase for `object` ("the private key 'k.pem'") from the source given, else from
// the terminal, where the prompt names the object. One trailing newline is stripped; what
// then has more than 1,024 bytes is RESOURCE_EXHAUSTED. Without a source and without a terminal
// FAILED_PRECONDITION, at once.
absl::StatusOr<crypto::Secret> ReadPassphrase(const PassphraseOptions& options,
                                              const std::string& object);

// As ReadPassphrase, for a passphrase that is being chosen: it is asked for twice on the terminal,
// and an empty one is refused.
absl::StatusOr<crypto::Secret> ReadNewPassphrase(const PassphraseOptions& options,
                                                 const std::string& object);

// As ReadNewPassphrase, on the terminal, for a key that may go without: an empty answer is one.
absl::StatusOr<crypto::Secret> AskForOptionalPassphrase(const std::string& object);

}  // namespace jet::cli

#endif  // JET_CLI_PASSPHRASE_H_

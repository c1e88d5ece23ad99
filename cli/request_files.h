// Makes the key and the request and says what to do with them: what jet-certificate-request and its
// `renew` have in common.
#ifndef JET_CLI_REQUEST_FILES_H_
#define JET_CLI_REQUEST_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "cli/option_parser.h"
#include "cli/passphrase.h"
#include "jet-cert-request/new_request.h"

namespace jet::cli {

struct RequestFileOptions {
  absl::optional<std::string> certs_dir;
  absl::optional<std::string> key_type;
  absl::optional<std::string> key_out;
  bool no_encryption = false;
  PassphraseOptions passphrase;
};

// True when there is a terminal to ask on.
bool HasTerminal();

// Declares --certs-dir, --key-type (`default_type` is what it is without), --key-out,
// --no-encryption and the passphrase options.
void DeclareRequestFiles(OptionParser& parser, RequestFileOptions& options,
                         const std::string& default_type);

// A usage error when the options contradict each other or --key-out is empty; otherwise the key
// type given, `otherwise` where there is none.
absl::StatusOr<crypto::KeyType> CheckRequestFiles(const RequestFileOptions& options,
                                                  const crypto::KeyType& otherwise);

// What a key without a passphrase source gets.
enum class WithoutSource {
  kUnencrypted,  // nobody is asked
  kAskOptional,  // the terminal is asked, and may say none
  kAskRequired,  // the terminal is asked, and has to say one
};

// Reads the passphrase that the options and `without_source` ask for, makes the files and prints
// what was made and what to do with it.
absl::StatusOr<ExitStatus> MakeAndReport(Session& session, const RequestFileOptions& options,
                                         cert_request::NewRequest wanted,
                                         WithoutSource without_source);

}  // namespace jet::cli

#endif  // JET_CLI_REQUEST_FILES_H_

// The line of authorized_keys by which another Routing Engine may reach this keystore.
#ifndef JET_CLI_AUTHORIZED_KEY_H_
#define JET_CLI_AUTHORIZED_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace jet::cli {

// Parses the content of a public key file of OpenSSH (one line: type, base64, comment) and returns
// it without what could be more than a key. INVALID_ARGUMENT for anything else: several lines,
// options before the type, an unknown type, a key that is not of that type, a private key.
absl::StatusOr<std::string> ParsePublicKeyFile(absl::string_view content);

// Returns the line that lets `public_key`, as ParsePublicKeyFile returns it, run `command` and
// nothing else. REQUIRES: `command` has no quotes, backslashes or control characters.
std::string AuthorizedKeysLine(absl::string_view command, absl::string_view public_key);

}  // namespace jet::cli

#endif  // JET_CLI_AUTHORIZED_KEY_H_

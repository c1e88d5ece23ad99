// The parts of the key commands that the router's words call too.
#ifndef JET_CLI_KEY_COMMANDS_H_
#define JET_CLI_KEY_COMMANDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "cli/private_key_input.h"

namespace jet::cli {

struct ImportOptions {
  std::string key_name;
  std::string certificate;
  PrivateKeyOptions private_key;
  absl::optional<std::string> keyring;
  bool allow_expired = false;
};

absl::StatusOr<ExitStatus> RunKeystoreImport(Session& session, const ImportOptions& options);

struct ListOptions {
  std::string key_name;  // only this key; empty for all
};

absl::StatusOr<ExitStatus> RunKeystoreList(Session& session, const ListOptions& options);

struct KeyringOptions {
  absl::optional<std::string> keyring;
};

absl::StatusOr<ExitStatus> RunImaKeyring(Session& session, const KeyringOptions& options);

}  // namespace jet::cli

#endif  // JET_CLI_KEY_COMMANDS_H_

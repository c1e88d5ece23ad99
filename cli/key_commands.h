// The parts of the key commands that the router's words call too.
#ifndef JET_CLI_KEY_COMMANDS_H_
#define JET_CLI_KEY_COMMANDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "cli/private_key_input.h"
#include "cli/replication.h"

namespace jet::cli {

// The certificate comes from one of three places: a file, alone or with the file of its private key;
// a PKCS#12 file; the certs folder of jet-certificate-request.
struct ImportOptions {
  std::string key_name;  // empty: the name of --from-request
  std::string certificate;
  std::string pkcs12;
  std::string request_name;               // --from-request
  absl::optional<std::string> certs_dir;  // where that is
  PrivateKeyOptions private_key;
  absl::optional<std::string> keyring;
  bool allow_expired = false;
  PeerOptions peers;
};

absl::StatusOr<ExitStatus> RunKeystoreImport(Session& session, const ImportOptions& options);

struct ListOptions {
  std::string key_name;  // only this key; empty for all
  bool peers = false;    // compare with the peers too
  PeerOptions peer_options;
};

absl::StatusOr<ExitStatus> RunKeystoreList(Session& session, const ListOptions& options);

struct KeyringOptions {
  absl::optional<std::string> keyring;
};

absl::StatusOr<ExitStatus> RunImaKeyring(Session& session, const KeyringOptions& options);

}  // namespace jet::cli

#endif  // JET_CLI_KEY_COMMANDS_H_

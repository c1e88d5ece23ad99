// The configuration file, and what it, the environment and the command line come to together.
#ifndef JET_CLI_CONFIGURATION_H_
#define JET_CLI_CONFIGURATION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "cli/output.h"

namespace jet::cli {

inline constexpr char kConfigurationFile[] = "/etc/jet/jet.toml";

// A Routing Engine that keeps the same keys: a table [[peers]]. The one without a destination is
// this one: it says by what name results speak of it.
struct Peer {
  std::string name;                        // as a key may be named
  std::string destination;                 // of ssh: user@host, or an alias in its configuration
  absl::optional<std::string> keystore;    // the keystore's folder there
  absl::optional<std::string> ssh_config;  // ssh's configuration file: port, identity, host keys

  bool local() const { return destination.empty(); }
};

// What `jet-keystore receive` lets others do here beyond adding certificates: the table [receive].
struct ReceiveSettings {
  bool accept_delete = false;       // delete and rename keys
  bool accept_private_key = false;  // store private keys
};

// What the configuration file may say. Passphrases, keys, force and yes are never among it.
struct Configuration {
  absl::optional<std::string> keystore;
  absl::optional<std::string> keyring;
  absl::optional<std::string> certs_dir;
  absl::optional<std::string> hash;
  absl::optional<int> jobs;
  absl::optional<Color> color;
  absl::optional<bool> one_file_system;
  std::vector<Peer> peers;
  ReceiveSettings receive;
};

// Reads the TOML file at `path`. Where that is empty, kConfigurationFile is read if it is there. An
// unknown key, a value of the wrong type and bad syntax are usage errors that name the place. For
// root, a file that belongs to another user or that others may write is refused.
absl::StatusOr<Configuration> ReadConfiguration(const std::string& path);

// True for an absolute path that means the same to every shell, unquoted.
bool IsPlainPath(absl::string_view path);

// Parses "auto", "always" or "never".
absl::StatusOr<Color> ParseColor(const std::string& text);

// Returns the keystore folder: `given` on the command line, else JET_KEYSTORE, else `configured`,
// else /etc/jet/keystore for root and $XDG_DATA_HOME/jet/keystore for others.
absl::StatusOr<std::string> KeystorePath(const absl::optional<std::string>& given,
                                         const absl::optional<std::string>& configured);

}  // namespace jet::cli

#endif  // JET_CLI_CONFIGURATION_H_

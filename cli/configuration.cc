#include "cli/configuration.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/exit_status.h"
#include "cli/toml_file.h"
#include "ima/keyring.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

constexpr size_t kMaxConfigurationFile = 64 * 1024;
constexpr int64_t kMostJobs = 1024;  // as --jobs

using Setter = std::function<absl::Status(const toml::node&, Configuration&)>;

Setter Text(absl::optional<std::string> Configuration::*field) {
  return [field](const toml::node& node, Configuration& configuration) {
    const auto value = node.value_exact<std::string>();
    if (!value.has_value()) return WrongTomlType("a string");
    configuration.*field = *value;
    return absl::OkStatus();
  };
}

absl::Status SetKeyring(const toml::node& node, Configuration& configuration) {
  JET_RETURN_IF_ERROR(Text(&Configuration::keyring)(node, configuration));
  const absl::Status known = ima::ParseKeyringSelector(*configuration.keyring).status();
  if (!known.ok()) return UsageError(absl::StrCat("is wrong: ", known.message()));
  return absl::OkStatus();
}

absl::Status SetJobs(const toml::node& node, Configuration& configuration) {
  const auto value = node.value_exact<int64_t>();
  if (!value.has_value() || *value < 1 || *value > kMostJobs) {
    return WrongTomlType(absl::StrCat("a whole number from 1 to ", kMostJobs));
  }
  configuration.jobs = static_cast<int>(*value);
  return absl::OkStatus();
}

absl::Status SetColor(const toml::node& node, Configuration& configuration) {
  const auto value = node.value_exact<std::string>();
  if (!value.has_value()) return WrongTomlType("a string");
  const absl::StatusOr<Color> color = ParseColor(*value);
  if (!color.ok()) return UsageError("is none of auto, always, never");
  configuration.color = *color;
  return absl::OkStatus();
}

absl::Status SetOneFileSystem(const toml::node& node, Configuration& configuration) {
  const auto value = node.value_exact<bool>();
  if (!value.has_value()) return WrongTomlType("true or false");
  configuration.one_file_system = *value;
  return absl::OkStatus();
}

using PeerSetter = std::function<absl::Status(const std::string&, Peer&)>;

absl::Status SetPeerName(const std::string& text, Peer& peer) {
  JET_RETURN_IF_ERROR(keystore::CheckKeyName(text));
  peer.name = text;
  return absl::OkStatus();
}

// Nothing that ssh could take for an option, or that a shell it starts (ProxyCommand) could take
// for more than a host.
absl::Status SetPeerDestination(const std::string& text, Peer& peer) {
  constexpr absl::string_view kSafe =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@:/[]%+";
  if (text.empty() || text[0] == '-' ||
      absl::string_view(text).find_first_not_of(kSafe) != absl::string_view::npos) {
    return UsageError(
        absl::StrCat("'", text, "' is no destination for ssh: user@host or an alias"));
  }
  peer.destination = text;
  return absl::OkStatus();
}

absl::Status SetPeerKeystore(const std::string& text, Peer& peer) {
  if (!IsPlainPath(text)) {
    return UsageError(absl::StrCat("'", text, "' is not an absolute path of letters, digits, '/', ",
                                   "'.', '_' and '-', which is all that a shell leaves alone"));
  }
  peer.keystore = text;
  return absl::OkStatus();
}

absl::Status SetPeerSshConfig(const std::string& text, Peer& peer) {
  if (text.empty() || text[0] != '/') {
    return UsageError(absl::StrCat("'", text, "' is not an absolute path"));
  }
  peer.ssh_config = text;
  return absl::OkStatus();
}

const std::map<std::string, PeerSetter>& PeerSetters() {
  static const std::map<std::string, PeerSetter> kSetters = {
      {"name", SetPeerName},
      {"destination", SetPeerDestination},
      {"keystore", SetPeerKeystore},
      {"ssh-config", SetPeerSshConfig},
  };
  return kSetters;
}

absl::Status SetPeerMember(const std::string& key, const toml::node& node, Peer& peer) {
  const auto setter = PeerSetters().find(key);
  if (setter == PeerSetters().end()) {
    return UsageError(absl::StrCat("has an unknown key '", key,
                                   "' (known: destination, keystore, name, ssh-config)"));
  }
  const auto value = node.value_exact<std::string>();
  if (!value.has_value()) {
    return UsageError(absl::StrCat("has a '", key, "' of the wrong type: a string is wanted"));
  }
  const absl::Status set = setter->second(*value, peer);
  return set.ok() ? set : UsageError(absl::StrCat("is wrong: ", key, ": ", set.message()));
}

absl::Status CheckPeer(const Peer& peer, const std::vector<Peer>& others) {
  if (peer.name.empty()) return UsageError("has an entry without a name");
  if (peer.local() && (peer.keystore.has_value() || peer.ssh_config.has_value())) {
    return UsageError(absl::StrCat("is wrong: '", peer.name,
                                   "' has no destination: then it is this Routing Engine itself, "
                                   "which needs nothing but a name"));
  }
  for (const Peer& other : others) {
    if (other.name == peer.name) {
      return UsageError(absl::StrCat("is wrong: the name '", peer.name, "' is there twice"));
    }
    if (other.local() && peer.local()) {
      return UsageError(absl::StrCat("is wrong: '", other.name, "' and '", peer.name,
                                     "' have no destination: only one can be this one"));
    }
  }
  return absl::OkStatus();
}

absl::Status SetPeers(const toml::node& node, Configuration& configuration) {
  const toml::array* peers = node.as_array();
  if (peers == nullptr) return WrongTomlType("an array of tables, [[peers]],");
  for (const toml::node& entry : *peers) {
    const toml::table* members = entry.as_table();
    if (members == nullptr) return WrongTomlType("an array of tables, [[peers]],");
    Peer peer;
    for (const auto& [key, member] : *members) {
      JET_RETURN_IF_ERROR(SetPeerMember(std::string(key.str()), member, peer));
    }
    JET_RETURN_IF_ERROR(CheckPeer(peer, configuration.peers));
    configuration.peers.push_back(std::move(peer));
  }
  return absl::OkStatus();
}

const std::map<std::string, bool ReceiveSettings::*>& ReceiveMembers() {
  static const std::map<std::string, bool ReceiveSettings::*> kMembers = {
      {"accept-delete", &ReceiveSettings::accept_delete},
      {"accept-private-key", &ReceiveSettings::accept_private_key},
  };
  return kMembers;
}

absl::Status SetReceive(const toml::node& node, Configuration& configuration) {
  const toml::table* members = node.as_table();
  if (members == nullptr) return WrongTomlType("a table, [receive],");
  for (const auto& [node_key, member] : *members) {
    const std::string key(node_key.str());
    const auto known = ReceiveMembers().find(key);
    if (known == ReceiveMembers().end()) {
      return UsageError(absl::StrCat("has an unknown key '", key,
                                     "' (known: accept-delete, accept-private-key)"));
    }
    const auto value = member.value_exact<bool>();
    if (!value.has_value()) {
      return UsageError(
          absl::StrCat("has a '", key, "' of the wrong type: true or false is wanted"));
    }
    configuration.receive.*known->second = *value;
  }
  return absl::OkStatus();
}

const std::map<std::string, Setter>& Setters() {
  static const std::map<std::string, Setter> kSetters = {
      {"keystore", Text(&Configuration::keystore)},
      {"keyring", SetKeyring},
      {"certs-dir", Text(&Configuration::certs_dir)},
      {"hash", Text(&Configuration::hash)},
      {"jobs", SetJobs},
      {"color", SetColor},
      {"one-file-system", SetOneFileSystem},
      {"peers", SetPeers},
      {"receive", SetReceive},
  };
  return kSetters;
}

std::string KnownKeys() {
  std::string keys;
  for (const auto& [key, setter] : Setters()) absl::StrAppend(&keys, keys.empty() ? "" : ", ", key);
  return keys;
}

absl::Status CheckTrustworthy(int fd, const std::string& path) {
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd, path));
  if (!S_ISREG(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("'", path, "' is not a regular file"));
  }
  if (geteuid() == 0 && (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "configuration file '", path,
        "' is refused: root reads only one that belongs to root and that nobody else may write"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Configuration> ParseConfiguration(absl::string_view text, const std::string& path) {
  const std::string name = absl::StrCat("configuration file '", path, "'");
  JET_ASSIGN_OR_RETURN(const toml::table table, ParseToml(text, name));
  Configuration configuration;
  JET_RETURN_IF_ERROR(ForEachTomlEntry(
      table, name, [&configuration](const std::string& key, const toml::node& node) {
        const auto setter = Setters().find(key);
        if (setter != Setters().end()) return setter->second(node, configuration);
        return UsageError(absl::StrCat("is unknown (known: ", KnownKeys(), ")"));
      }));
  return configuration;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// Services are often started without HOME.
std::string HomeFolder() {
  std::string home = Environment("HOME");
  if (!home.empty()) return home;
  const passwd* user = getpwuid(geteuid());
  return user == nullptr ? std::string() : std::string(user->pw_dir);
}

}  // namespace

absl::StatusOr<Configuration> ReadConfiguration(const std::string& path) {
  const std::string file = path.empty() ? kConfigurationFile : path;
  const absl::StatusOr<base::UniqueFd> fd = base::OpenAt(AT_FDCWD, file, O_RDONLY);
  if (path.empty() && absl::IsNotFound(fd.status())) return Configuration();
  JET_RETURN_IF_ERROR(fd.status());
  JET_RETURN_IF_ERROR(CheckTrustworthy(fd->get(), file));
  JET_ASSIGN_OR_RETURN(const base::Bytes content,
                       base::ReadBounded(fd->get(), kMaxConfigurationFile, file));
  return ParseConfiguration(base::AsText(content), file);
}

bool IsPlainPath(absl::string_view path) {
  constexpr absl::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
  return !path.empty() && path[0] == '/' &&
         path.find_first_not_of(kPlain) == absl::string_view::npos;
}

absl::StatusOr<Color> ParseColor(const std::string& text) {
  if (text == "auto") return Color::kAuto;
  if (text == "always") return Color::kAlways;
  if (text == "never") return Color::kNever;
  return UsageError(absl::StrCat("color '", text, "' is none of auto, always, never"));
}

absl::StatusOr<std::string> KeystorePath(const absl::optional<std::string>& given,
                                         const absl::optional<std::string>& configured) {
  if (given.has_value()) return *given;
  const std::string environment = Environment("JET_KEYSTORE");
  if (!environment.empty()) return environment;
  if (configured.has_value()) return *configured;
  if (geteuid() == 0) return std::string("/etc/jet/keystore");
  const std::string data_home = Environment("XDG_DATA_HOME");
  // The XDG base directory specification: a relative path is to be ignored.
  if (!data_home.empty() && data_home[0] == '/') return absl::StrCat(data_home, "/jet/keystore");
  const std::string home = HomeFolder();
  if (!home.empty()) return absl::StrCat(home, "/.local/share/jet/keystore");
  return UsageError("no keystore folder is known: set --keystore or JET_KEYSTORE");
}

}  // namespace jet::cli

#include "cli/peer_exchange.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/child_process.h"
#include "base/status_macros.h"

namespace jet::cli {
namespace {

constexpr size_t kMaxErrorText = 4096;
constexpr size_t kMaxShownError = 400;
constexpr int kSshFailed = 255;  // ssh's own failures; else the status is the far command's

// What ssh needs of the environment to find its agent, its files and what its configuration runs.
// A passphrase may be in this process's environment (--passphrase-env), and must not travel.
const std::vector<std::string>& SshEnvironment() {
  static const std::vector<std::string> kNames = {
      "HOME",  "LANG",          "LC_ALL", "LOGNAME", "PATH",
      "SHELL", "SSH_AUTH_SOCK", "TMPDIR", "USER",    "XDG_RUNTIME_DIR"};
  return kNames;
}

// With a forced command in authorized_keys, as `jet-keystore peers --authorize` prints it, the far
// side does not look at this one.
std::string FarCommand(const Peer& peer) {
  return peer.keystore.has_value()
             ? absl::StrCat("jet-keystore receive --keystore ", *peer.keystore)
             : "jet-keystore receive";
}

std::vector<std::string> SshArguments(const Peer& peer) {
  std::vector<std::string> arguments = {"ssh", "-T"};
  for (const char* option :
       {"BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10", "ServerAliveInterval=5",
        "ServerAliveCountMax=3", "ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no",
        "PermitLocalCommand=no"}) {
    arguments.insert(arguments.end(), {"-o", option});
  }
  if (peer.ssh_config.has_value()) {
    arguments.insert(arguments.end(), {"-F", *peer.ssh_config});
  }
  arguments.insert(arguments.end(), {"--", peer.destination, FarCommand(peer)});
  return arguments;
}

// What ssh said, in one line.
std::string ErrorLine(const std::string& text) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(text, absl::ByAnyChar("\r\n"))) {
    const absl::string_view stripped = absl::StripAsciiWhitespace(line);
    // The frame that ssh puts around its warning of a changed host key.
    if (!stripped.empty() && stripped.find_first_not_of('@') != absl::string_view::npos) {
      lines.emplace_back(stripped);
    }
  }
  std::string joined = absl::StrJoin(lines, "; ");
  // What ends it says why.
  if (joined.size() > kMaxShownError) {
    joined = absl::StrCat("...", joined.substr(joined.size() - kMaxShownError));
  }
  return joined;
}

// Why there was no reply.
std::string WhyNoReply(const base::ChildProcessResult& result) {
  std::string said = ErrorLine(result.error_text);
  if (result.signal != 0) return absl::StrCat("ssh was ended by signal ", result.signal);
  if (result.exit_status == kSshFailed) return said.empty() ? "ssh failed" : said;
  return absl::StrCat("no reply: the command there ended with status ", result.exit_status,
                      said.empty() ? "" : ": ", said);
}

absl::StatusOr<keystore::TransferReply> ReplyOf(const base::ChildProcessResult& result,
                                                const std::string& id) {
  if (result.output.empty()) return absl::UnavailableError(WhyNoReply(result));
  absl::StatusOr<keystore::TransferReply> reply = keystore::DecodeTransferReply(result.output);
  if (!reply.ok()) {
    if (result.exit_status == kSshFailed) return absl::UnavailableError(WhyNoReply(result));
    return absl::DataLossError(
        absl::StrCat("what it answered is no reply: ", reply.status().message()));
  }
  // Without an id it could not even read the request, and so has done nothing.
  const bool unread = reply->id.empty() && reply->status == keystore::TransferStatus::kFailed;
  if (reply->id != id && !unread) {
    return absl::DataLossError("what it answered is the reply to another request");
  }
  return reply;
}

}  // namespace

absl::StatusOr<keystore::TransferReply> AskPeer(const Peer& peer, keystore::TransferRequest request,
                                                absl::Duration timeout) {
  JET_ASSIGN_OR_RETURN(request.id, keystore::NewTransferId());
  JET_ASSIGN_OR_RETURN(const crypto::Secret record, keystore::EncodeTransferRequest(request));
  base::ChildProcessRequest ssh;
  ssh.arguments = SshArguments(peer);
  ssh.environment = base::EnvironmentOf(SshEnvironment());
  ssh.input = record.Expose();
  ssh.output_limit = keystore::kMaxTransferReply;
  ssh.error_limit = kMaxErrorText;
  ssh.timeout = timeout;
  const absl::StatusOr<base::ChildProcessResult> result = base::RunChildProcess(ssh);
  if (absl::IsDeadlineExceeded(result.status())) {
    return absl::UnavailableError(absl::StrCat("no reply within ", absl::FormatDuration(timeout)));
  }
  JET_RETURN_IF_ERROR(result.status());
  return ReplyOf(*result, request.id);
}

}  // namespace jet::cli

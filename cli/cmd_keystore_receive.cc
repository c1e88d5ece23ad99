#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/escape.h"
#include "cli/keyring_option.h"
#include "cli/option_parser.h"
#include "cli/receive.h"

namespace jet::cli {
namespace {

using keystore::TransferOperation;
using keystore::TransferReply;
using keystore::TransferRequest;
using keystore::TransferStatus;

constexpr unsigned kMostSeconds = 60;  // for a request to arrive

// What sshd says of who is there; empty when it was not sshd that started this.
std::string Client() {
  const char* connection = std::getenv("SSH_CONNECTION");
  return connection == nullptr ? std::string("a local caller") : std::string(connection);
}

struct StatusWord {
  TransferStatus status;
  const char* word;
};

constexpr std::array<StatusWord, 6> kStatusWords = {{{TransferStatus::kDone, "done"},
                                                     {TransferStatus::kAlready, "nothing to do"},
                                                     {TransferStatus::kMissing, "no such key"},
                                                     {TransferStatus::kConflict, "conflict"},
                                                     {TransferStatus::kRefused, "refused"},
                                                     {TransferStatus::kFailed, "failed"}}};

const char* WordOf(TransferStatus status) {
  return std::find_if(kStatusWords.begin(), kStatusWords.end(),
                      [status](const StatusWord& row) { return row.status == status; })
      ->word;
}

void Log(int priority, const std::string& text) {
  openlog("jet-keystore", LOG_PID, LOG_AUTHPRIV);
  syslog(priority, "%s", Escape(text).c_str());
}

std::string AskedFor(const TransferRequest& request) {
  switch (request.operation) {
    case TransferOperation::kPut:
      return absl::StrCat("put key '", request.name, "'");
    case TransferOperation::kDelete:
      return absl::StrCat("delete key '", request.name, "'");
    case TransferOperation::kRename:
      return absl::StrCat("rename key '", request.name, "' to '", request.new_name, "'");
    case TransferOperation::kList:
      break;
  }
  return "list";
}

// Logs what was done or refused; looking changes nothing and is not logged.
void LogRequest(const TransferRequest& request, const TransferReply& reply) {
  if (request.operation == TransferOperation::kList) return;
  std::string text = absl::StrCat("receive: ", AskedFor(request), ", certificate sha256 ",
                                  request.certificate_sha256,
                                  request.private_key.empty() ? "" : " with private key", ", from ",
                                  Client(), ": ", WordOf(reply.status));
  if (!reply.message.empty()) absl::StrAppend(&text, ": ", reply.message);
  const bool good =
      reply.status == TransferStatus::kDone || reply.status == TransferStatus::kAlready;
  Log(good ? LOG_NOTICE : LOG_WARNING, text);
}

absl::StatusOr<TransferRequest> ReadRequest() {
  // Ends a process whose sender hangs; up to here it holds no lock and has done nothing.
  (void)alarm(kMostSeconds);
  const absl::StatusOr<crypto::Secret> record =
      crypto::ReadSecret(STDIN_FILENO, keystore::kMaxTransferRequest, "standard input");
  (void)alarm(0);
  JET_RETURN_IF_ERROR(record.status());
  return keystore::DecodeTransferRequest(record->Expose());
}

// stdout is for the record alone: it does not go through Output.
absl::Status WriteReply(const TransferReply& reply) {
  JET_ASSIGN_OR_RETURN(const base::Bytes record, keystore::EncodeTransferReply(reply));
  return base::WriteAll(STDOUT_FILENO, record, "standard output");
}

absl::StatusOr<ExitStatus> RunReceive(Session& session, const ReceiveOptions& options) {
  if (isatty(STDIN_FILENO) == 1) {
    return UsageError(
        "this is what another Routing Engine runs over ssh: it reads a record from "
        "standard input, which is a terminal here");
  }
  const absl::StatusOr<TransferRequest> request = ReadRequest();
  TransferReply reply;
  if (request.ok()) {
    reply = Answer(session, options, *request);
    LogRequest(*request, reply);
  } else {
    reply.message = std::string(request.status().message());
    Log(LOG_WARNING, absl::StrCat("receive: from ", Client(), ": failed: ", reply.message));
  }
  if (!reply.message.empty()) session.output.Error(reply.message);
  JET_RETURN_IF_ERROR(WriteReply(reply));
  switch (reply.status) {
    case TransferStatus::kDone:
    case TransferStatus::kAlready:
      return ExitStatus::kGood;
    case TransferStatus::kMissing:
    case TransferStatus::kConflict:
      return ExitStatus::kNo;
    case TransferStatus::kRefused:
    case TransferStatus::kFailed:
      break;
  }
  return ExitStatus::kCouldNotDo;
}

}  // namespace

RunFunction DeclareKeystoreReceive(OptionParser& parser) {
  auto options = std::make_shared<ReceiveOptions>();
  parser.Flag("--accept-delete", options->accept_delete, "Let the others delete keys here");
  parser.Flag("--accept-private-key", options->accept_private_key,
              "Let the others store private keys here");
  parser.Flag("--allow-expired", options->allow_expired, "Take a certificate out of its dates");
  DeclareKeyring(parser, options->keyring);
  return [options](Session& session) {
    ReceiveOptions allowed = *options;
    const ReceiveSettings& configured = session.configuration.receive;
    allowed.accept_delete = allowed.accept_delete || configured.accept_delete;
    allowed.accept_private_key = allowed.accept_private_key || configured.accept_private_key;
    return RunReceive(session, allowed);
  };
}

}  // namespace jet::cli

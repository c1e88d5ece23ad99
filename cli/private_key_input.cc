#include "cli/private_key_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/exit_status.h"
#include "cli/option_parser.h"

namespace jet::cli {
namespace {

constexpr size_t kMaxKeyFile = 64 * 1024;
constexpr mode_t kOthersMayRead = S_IRWXG | S_IRWXO;

absl::Status CheckMode(int fd, const PrivateKeyOptions& options) {
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd, options.source));
  // Pipes and terminals have no reader but this process.
  if (!S_ISREG(status.st_mode) || options.insecure_mode) return absl::OkStatus();
  if ((status.st_mode & kOthersMayRead) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "private key '%s' has mode %04o: others than its owner can get at it (chmod 600, or "
      "--insecure-key-mode)",
      options.source, status.st_mode & 07777U));
}

absl::StatusOr<crypto::Secret> ReadFrom(int fd, const PrivateKeyOptions& options) {
  JET_RETURN_IF_ERROR(CheckMode(fd, options));
  return crypto::ReadSecret(fd, kMaxKeyFile, options.source);
}

}  // namespace

void DeclarePrivateKey(OptionParser& parser, PrivateKeyOptions& options) {
  parser.Value("--private-key", options.source, "FILE",
               "Private key file, PEM or DER; - for standard input, fd:N for a descriptor");
  parser.Flag("--insecure-key-mode", options.insecure_mode,
              "Take a key file that group or others can read");
  DeclarePassphrase(parser, options.passphrase);
}

absl::StatusOr<crypto::Secret> ReadKeyFile(const PrivateKeyOptions& options) {
  absl::string_view number = options.source;
  if (options.source == "-") return ReadFrom(STDIN_FILENO, options);
  if (absl::ConsumePrefix(&number, "fd:")) {
    int fd = -1;
    if (!absl::SimpleAtoi(number, &fd) || fd < 0) {
      return UsageError(absl::StrCat("'", options.source, "' names no descriptor (fd:3, say)"));
    }
    return ReadFrom(fd, options);
  }
  // A FIFO is welcome here, so it is opened blocking.
  const base::UniqueFd file(open(options.source.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.valid()) {
    return base::SystemError(errno, absl::StrCat("cannot open private key '", options.source, "'"));
  }
  return ReadFrom(file.get(), options);
}

absl::StatusOr<crypto::PrivateKey> ReadPrivateKey(const PrivateKeyOptions& options) {
  JET_ASSIGN_OR_RETURN(const crypto::Secret encoded, ReadKeyFile(options));
  const std::string object = absl::StrCat("private key '", options.source, "'");
  absl::StatusOr<crypto::PrivateKey> key = crypto::PrivateKey::Decode(
      encoded, [&] { return ReadPassphrase(options.passphrase, absl::StrCat("the ", object)); });
  if (!key.ok()) return base::Annotate(key.status(), object);
  return key;
}

}  // namespace jet::cli

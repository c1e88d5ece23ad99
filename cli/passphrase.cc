#include "cli/passphrase.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/escape.h"
#include "cli/exit_status.h"
#include "cli/option_parser.h"

namespace jet::cli {
namespace {

constexpr size_t kMaxPassphrase = 1024;

// The signal that came while the echo was off, 0 for none. A signal handler can reach nothing else.
volatile std::sig_atomic_t g_signal = 0;

void NoteSignal(int number) { g_signal = number; }

// Turns the terminal's echo off, and on again at the end of its life, also when the user ends the
// program meanwhile: the signals that do so are held back until the echo is on again.
class EchoOff {
 public:
  explicit EchoOff(int terminal) : terminal_(terminal) {
    saved_ok_ = tcgetattr(terminal_, &saved_) == 0;
    if (!saved_ok_) return;
    g_signal = 0;
    struct sigaction action = {};
    action.sa_handler = NoteSignal;  // without SA_RESTART: read() returns
    for (size_t i = 0; i < kSignals.size(); ++i) {
      (void)sigaction(kSignals.at(i), &action, &old_actions_.at(i));
    }
    termios silent = saved_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    (void)tcsetattr(terminal_, TCSAFLUSH, &silent);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff() {
    if (!saved_ok_) return;
    (void)tcsetattr(terminal_, TCSAFLUSH, &saved_);
    for (size_t i = 0; i < kSignals.size(); ++i) {
      (void)sigaction(kSignals.at(i), &old_actions_.at(i), nullptr);
    }
    if (g_signal != 0) (void)std::raise(g_signal);
  }

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};

  int terminal_;
  termios saved_ = {};
  bool saved_ok_ = false;
  std::array<struct sigaction, kSignals.size()> old_actions_ = {};
};

void StripNewline(crypto::Secret& passphrase) {
  const base::ByteSpan bytes = passphrase.Expose();
  if (!bytes.empty() && bytes.back() == '\n') passphrase.Truncate(bytes.size() - 1);
}

// Reads one line; a terminal in its usual mode hands over no more than that.
absl::StatusOr<crypto::Secret> ReadLine(int terminal) {
  crypto::Secret line = crypto::Secret::OfSize(kMaxPassphrase);
  ssize_t count = 0;
  do {
    count = read(terminal, line.MutableBytes().data(), line.size());
  } while (count < 0 && errno == EINTR && g_signal == 0);
  if (g_signal != 0) return absl::CancelledError("no passphrase was typed");
  if (count < 0) return base::SystemError(errno, "cannot read the passphrase");
  line.Truncate(static_cast<size_t>(count));
  if (count == 0) return absl::FailedPreconditionError("no passphrase was typed");
  StripNewline(line);
  return line;
}

absl::StatusOr<crypto::Secret> AskOnTerminal(const std::string& prompt, const std::string& object,
                                             const PassphraseOptions& options) {
  const base::UniqueFd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal.valid()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the ", options.noun, " of ", object,
                     " is needed, and there is no terminal to ask on: use ", options.prefix,
                     "-file, ", options.prefix, "-fd or ", options.prefix, "-env"));
  }
  JET_RETURN_IF_ERROR(base::WriteAll(terminal.get(), base::AsBytes(Escape(prompt)), "/dev/tty"));
  const EchoOff echo_off(terminal.get());
  return ReadLine(terminal.get());
}

absl::Status AskForItAgain(const crypto::Secret& passphrase, const std::string& object,
                           const PassphraseOptions& options) {
  JET_ASSIGN_OR_RETURN(const crypto::Secret again,
                       AskOnTerminal("The same passphrase again: ", object, options));
  if (again.Expose() == passphrase.Expose()) return absl::OkStatus();
  return absl::FailedPreconditionError("the two passphrases differ");
}

absl::StatusOr<crypto::Secret> ReadFromEnvironment(const std::string& name) {
  char* value = std::getenv(name.c_str());
  if (value == nullptr) {
    return UsageError(absl::StrCat("the environment has no variable '", name, "'"));
  }
  return crypto::Secret::CopyOf(base::AsBytes(value));
}

absl::StatusOr<crypto::Secret> ReadFromSource(const PassphraseOptions& options) {
  if (options.environment.has_value()) return ReadFromEnvironment(*options.environment);
  if (options.fd.has_value()) {
    return crypto::ReadSecret(*options.fd, kMaxPassphrase,
                              absl::StrCat("descriptor ", *options.fd));
  }
  const base::UniqueFd file(open(options.file->c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.valid()) {
    return base::SystemError(errno, absl::StrCat("cannot open '", *options.file, "'"));
  }
  return crypto::ReadSecret(file.get(), kMaxPassphrase, *options.file);
}

}  // namespace

void DeclarePassphrase(OptionParser& parser, PassphraseOptions& options, const std::string& what) {
  const std::string prefix = options.prefix;
  const DeclaredOption fd = parser.Value(prefix + "-fd", options.fd, "N",
                                         absl::StrCat("Open descriptor to read ", what, " from"));
  const DeclaredOption environment =
      parser
          .Value(prefix + "-env", options.environment, "VAR",
                 absl::StrCat("Environment variable that holds ", what))
          .Excludes(fd);
  parser.Value(prefix + "-file", options.file, "FILE", absl::StrCat("File that holds ", what))
      .Excludes(fd)
      .Excludes(environment);
}

absl::StatusOr<crypto::Secret> ReadPassphrase(const PassphraseOptions& options,
                                              const std::string& object) {
  if (!options.given()) {
    std::string prompt = absl::StrCat(options.noun, " of ", object, ": ");
    prompt[0] = absl::ascii_toupper(static_cast<unsigned char>(prompt[0]));
    return AskOnTerminal(prompt, object, options);
  }
  JET_ASSIGN_OR_RETURN(crypto::Secret passphrase, ReadFromSource(options));
  StripNewline(passphrase);
  return passphrase;
}

absl::StatusOr<crypto::Secret> ReadNewPassphrase(const PassphraseOptions& options,
                                                 const std::string& object) {
  JET_ASSIGN_OR_RETURN(crypto::Secret passphrase, ReadPassphrase(options, object));
  if (passphrase.empty()) {
    return UsageError(absl::StrCat("the ", options.noun, " of ", object, " is empty"));
  }
  if (!options.given()) JET_RETURN_IF_ERROR(AskForItAgain(passphrase, object, options));
  return passphrase;
}

absl::StatusOr<crypto::Secret> AskForOptionalPassphrase(const std::string& object) {
  const PassphraseOptions options;
  JET_ASSIGN_OR_RETURN(
      crypto::Secret passphrase,
      AskOnTerminal(absl::StrCat("Passphrase of ", object, " (Enter for none): "), object, options));
  if (!passphrase.empty()) JET_RETURN_IF_ERROR(AskForItAgain(passphrase, object, options));
  return passphrase;
}

}  // namespace jet::cli

#include "cli/passphrase.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/escape.h"
#include "cli/exit_status.h"
#include "cli/option_parser.h"
#include "cli/signal_watch.h"

namespace jet::cli {
namespace {

constexpr size_t kMaxPassphrase = 1024;
constexpr size_t kMaxLine = kMaxPassphrase + 2;  // One byte too many, and the newline.

constexpr char kTerminal[] = "/dev/tty";

// Strips one trailing newline. `what` is for the message about too long a one.
absl::StatusOr<crypto::Secret> PassphraseOf(crypto::Secret line, const std::string& what) {
  const base::ByteSpan bytes = line.Expose();
  if (!bytes.empty() && bytes.back() == '\n') line.Truncate(bytes.size() - 1);
  if (line.size() <= kMaxPassphrase) return line;
  return absl::ResourceExhaustedError(
      absl::StrCat(what, " is longer than ", kMaxPassphrase, " bytes"));
}

// A question whose answer the terminal does not show. At its end the echo is as it was, and then a
// signal that came meanwhile acts; while the program is stopped it is as it was, too.
class SilentQuestion {
 public:
  // `terminal` must stay open as long as this object.
  SilentQuestion(int terminal, std::string prompt)
      : terminal_(terminal),
        prompt_(std::move(prompt)),
        saved_ok_(tcgetattr(terminal, &saved_) == 0) {}
  SilentQuestion(const SilentQuestion&) = delete;
  SilentQuestion& operator=(const SilentQuestion&) = delete;
  ~SilentQuestion() { Restore(); }

  // Turns the echo off and prompts; what was typed before is dropped.
  absl::Status Ask() const {
    if (saved_ok_) {
      termios silent = saved_;
      silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
      silent.c_lflag |= ECHONL;
      (void)tcsetattr(terminal_, TCSAFLUSH, &silent);
    }
    // Not through terminal_, which does not wait for room.
    JET_ASSIGN_OR_RETURN(const base::UniqueFd output, base::OpenAt(AT_FDCWD, kTerminal, O_WRONLY));
    return base::WriteAll(output.get(), base::AsBytes(Escape(prompt_)), kTerminal);
  }

  // Waits for something to read. CANCELLED when a signal is to end the program.
  absl::Status WaitForAnswer() const {
    while (!watch_.WaitForInput(terminal_)) {
      if (SignalWatch::ending() != 0) return absl::CancelledError("no passphrase was typed");
      const bool stopped = SignalWatch::Take(SIGTSTP);
      if (stopped) {
        Restore();
        watch_.Stop();
      }
      // Who stopped and continued the program may have turned the echo on meanwhile.
      if (stopped || SignalWatch::Take(SIGCONT)) JET_RETURN_IF_ERROR(Ask());
    }
    return absl::OkStatus();
  }

 private:
  // Also drops what was typed and not read.
  void Restore() const {
    if (saved_ok_) (void)tcsetattr(terminal_, TCSAFLUSH, &saved_);
  }

  const SignalWatch watch_;
  int terminal_;
  std::string prompt_;
  termios saved_ = {};
  bool saved_ok_;
};

// Reads one line; a terminal in its usual mode hands over no more than that. `what` is for the
// message.
absl::StatusOr<crypto::Secret> ReadLine(int terminal, const SilentQuestion& question,
                                        const std::string& what) {
  crypto::Secret line = crypto::Secret::OfSize(kMaxLine);
  ssize_t count = 0;
  do {
    JET_RETURN_IF_ERROR(question.WaitForAnswer());
    count = read(terminal, line.MutableBytes().data(), line.size());
    // EAGAIN: the terminal dropped the line when the key for an interrupt was typed.
  } while (count < 0 && (errno == EINTR || errno == EAGAIN));
  if (count < 0) return base::SystemError(errno, "cannot read the passphrase");
  line.Truncate(static_cast<size_t>(count));
  if (count == 0) return absl::FailedPreconditionError("no passphrase was typed");
  return PassphraseOf(std::move(line), what);
}

std::string NameOf(const PassphraseOptions& options, const std::string& object) {
  return absl::StrCat("the ", options.noun, " of ", object);
}

absl::StatusOr<crypto::Secret> AskOnTerminal(const std::string& prompt, const std::string& object,
                                             const PassphraseOptions& options) {
  const std::string what = NameOf(options, object);
  const absl::StatusOr<base::UniqueFd> terminal = base::OpenAt(AT_FDCWD, kTerminal, O_RDONLY);
  if (!terminal.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, " is needed, and there is no terminal to ask on: use ", options.prefix,
                     "-file, ", options.prefix, "-fd or ", options.prefix, "-env"));
  }
  const SilentQuestion question(terminal->get(), prompt);
  JET_RETURN_IF_ERROR(question.Ask());
  return ReadLine(terminal->get(), question, what);
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
    return crypto::ReadSecret(*options.fd, kMaxLine, absl::StrCat("descriptor ", *options.fd));
  }
  const base::UniqueFd file(open(options.file->c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.valid()) {
    return base::SystemError(errno, absl::StrCat("cannot open '", *options.file, "'"));
  }
  return crypto::ReadSecret(file.get(), kMaxLine, *options.file);
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
  return PassphraseOf(std::move(passphrase), NameOf(options, object));
}

absl::StatusOr<crypto::Secret> ReadNewPassphrase(const PassphraseOptions& options,
                                                 const std::string& object) {
  JET_ASSIGN_OR_RETURN(crypto::Secret passphrase, ReadPassphrase(options, object));
  if (passphrase.empty()) {
    return UsageError(absl::StrCat(NameOf(options, object), " is empty"));
  }
  if (!options.given()) JET_RETURN_IF_ERROR(AskForItAgain(passphrase, object, options));
  return passphrase;
}

absl::StatusOr<crypto::Secret> AskForOptionalPassphrase(const std::string& object) {
  const PassphraseOptions options;
  JET_ASSIGN_OR_RETURN(crypto::Secret passphrase,
                       AskOnTerminal(absl::StrCat("Passphrase of ", object, " (Enter for none): "),
                                     object, options));
  if (!passphrase.empty()) JET_RETURN_IF_ERROR(AskForItAgain(passphrase, object, options));
  return passphrase;
}

}  // namespace jet::cli

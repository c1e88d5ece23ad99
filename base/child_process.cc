#include "base/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/unique_fd.h"

namespace jet::base {
namespace {

constexpr size_t kReadSize = 16 * 1024;
constexpr absl::Duration kTimeToEnd = absl::Seconds(2);  // from SIGTERM to SIGKILL

// A child and this process's ends of its pipes. Whatever happens, it does not outlive this object.
struct Child {
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  pid_t pid = -1;  // -1 once it has been waited for
  UniqueFd ended;  // pidfd: readable when the child has ended
  UniqueFd input;  // a socket, which can be written to without SIGPIPE
  UniqueFd output;
  UniqueFd error;
};

// The child's ends.
struct ChildEnds {
  UniqueFd input;
  UniqueFd output;
  UniqueFd error;
};

int MillisecondsUntil(absl::Time deadline) {
  const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
  return static_cast<int>(absl::ToInt64Milliseconds(std::min(left, absl::Hours(1)))) + 1;
}

bool EndsBefore(int ended, absl::Time deadline) {
  pollfd waiting = {.fd = ended, .events = POLLIN, .revents = 0};
  while (absl::Now() < deadline) {
    if (poll(&waiting, 1, MillisecondsUntil(deadline)) > 0) return true;
  }
  return false;
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

Child::~Child() {
  if (pid < 0) return;
  // ssh ends what it started itself when it is asked to end.
  (void)kill(pid, SIGTERM);
  if (!ended.valid() || !EndsBefore(ended.get(), absl::Now() + kTimeToEnd)) {
    (void)kill(pid, SIGKILL);
  }
  (void)WaitFor(pid);
}

absl::Status MakePipe(UniqueFd& reader, UniqueFd& writer) {
  std::array<int, 2> ends = {-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return SystemError(errno, "cannot make a pipe");
  reader = UniqueFd(ends[0]);
  writer = UniqueFd(ends[1]);
  return absl::OkStatus();
}

absl::Status MakeSockets(UniqueFd& own, UniqueFd& other) {
  std::array<int, 2> ends = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return SystemError(errno, "cannot make a pair of sockets");
  }
  own = UniqueFd(ends[0]);
  other = UniqueFd(ends[1]);
  return absl::OkStatus();
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Starts with every signal as a program expects it: this process ignores some.
int SpawnWith(const posix_spawn_file_actions_t& actions, posix_spawnattr_t& attributes,
              const ChildProcessRequest& request, pid_t& pid) {
  sigset_t all;
  sigset_t none;
  (void)sigfillset(&all);
  (void)sigemptyset(&none);
  (void)posix_spawnattr_setsigdefault(&attributes, &all);
  (void)posix_spawnattr_setsigmask(&attributes, &none);
  (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  std::vector<std::string> arguments = request.arguments;
  std::vector<std::string> environment = request.environment;
  return posix_spawnp(&pid, arguments[0].c_str(), &actions, &attributes, Pointers(arguments).data(),
                      Pointers(environment).data());
}

int Spawn(const ChildEnds& ends, const ChildProcessRequest& request, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int error = posix_spawn_file_actions_init(&actions);
  if (error != 0) return error;
  error = posix_spawnattr_init(&attributes);
  if (error == 0) {
    error = posix_spawn_file_actions_adddup2(&actions, ends.input.get(), STDIN_FILENO);
    if (error == 0) {
      error = posix_spawn_file_actions_adddup2(&actions, ends.output.get(), STDOUT_FILENO);
    }
    if (error == 0) {
      error = posix_spawn_file_actions_adddup2(&actions, ends.error.get(), STDERR_FILENO);
    }
    // What this process was started with may be open there too: a passphrase, say.
    if (error == 0) {
      error = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    }
    if (error == 0) error = SpawnWith(actions, attributes, request, pid);
    (void)posix_spawnattr_destroy(&attributes);
  }
  (void)posix_spawn_file_actions_destroy(&actions);
  return error;
}

absl::Status Start(const ChildProcessRequest& request, Child& child) {
  ChildEnds ends;
  JET_RETURN_IF_ERROR(MakeSockets(child.input, ends.input));
  JET_RETURN_IF_ERROR(MakePipe(child.output, ends.output));
  JET_RETURN_IF_ERROR(MakePipe(child.error, ends.error));
  const int error = Spawn(ends, request, child.pid);
  if (error != 0) {
    child.pid = -1;
    return SystemError(error, absl::StrCat("cannot start '", request.arguments[0], "'"));
  }
  // By number: the declaration of glibc 2.36 is none that C++ could link to.
  child.ended = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0)));
  if (!child.ended.valid()) {
    return SystemError(errno, absl::StrCat("cannot watch '", request.arguments[0], "'"));
  }
  return absl::OkStatus();
}

// Sends what the socket takes now; closes it when all is sent or nobody reads any more.
void SendSome(UniqueFd& socket, ByteSpan& input) {
  const ssize_t count =
      input.empty() ? 0
                    : send(socket.get(), input.data(), input.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count >= 0) input.remove_prefix(static_cast<size_t>(count));
  if (count < 0 || input.empty()) socket = UniqueFd();
}

// Reads what there is now, up to `limit` bytes in all; closes at the end. False when there is more.
template <typename Text>
bool ReadSome(UniqueFd& pipe, Text& text, size_t limit) {
  std::array<uint8_t, kReadSize> piece;
  const ssize_t count = read(pipe.get(), piece.data(), piece.size());
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) {
    pipe = UniqueFd();
    return true;
  }
  const size_t kept = std::min(static_cast<size_t>(count), limit - text.size());
  text.insert(text.end(), piece.begin(), piece.begin() + static_cast<ptrdiff_t>(kept));
  return kept == static_cast<size_t>(count);
}

absl::Status TooMuchOutput(const ChildProcessRequest& request) {
  return absl::ResourceExhaustedError(absl::StrCat("'", request.arguments[0], "' wrote more than ",
                                                   request.output_limit, " bytes"));
}

// Waits until something can be read, written or has ended, and does that. True when there is no
// more to do: the child has ended and its pipes hold nothing, or its pipes are closed.
absl::StatusOr<bool> Step(const ChildProcessRequest& request, absl::Time deadline, Child& child,
                          ByteSpan& input, ChildProcessResult& result) {
  std::array<pollfd, 4> waiting = {{{child.ended.get(), POLLIN, 0},
                                    {child.output.get(), POLLIN, 0},
                                    {child.error.get(), POLLIN, 0},
                                    {child.input.get(), POLLOUT, 0}}};
  const int ready = poll(waiting.data(), waiting.size(), MillisecondsUntil(deadline));
  if (ready < 0 && errno != EINTR) return SystemError(errno, "cannot wait for a child process");
  if (ready <= 0) return false;
  if (waiting[1].revents != 0 && !ReadSome(child.output, result.output, request.output_limit)) {
    return TooMuchOutput(request);
  }
  if (waiting[2].revents != 0) (void)ReadSome(child.error, result.error_text, request.error_limit);
  if (waiting[3].revents != 0) SendSome(child.input, input);
  // A process that the child left behind may hold the pipes open for ever.
  return waiting[0].revents != 0 && waiting[1].revents == 0 && waiting[2].revents == 0;
}

}  // namespace

absl::StatusOr<ChildProcessResult> RunChildProcess(const ChildProcessRequest& request) {
  if (request.arguments.empty()) return absl::InternalError("no program to run");
  const absl::Time deadline = absl::Now() + request.timeout;
  Child child;
  JET_RETURN_IF_ERROR(Start(request, child));
  ChildProcessResult result;
  ByteSpan input = request.input;
  bool done = false;
  while (!done) {
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat("'", request.arguments[0],
                                                      "' did not end within ",
                                                      absl::FormatDuration(request.timeout)));
    }
    JET_ASSIGN_OR_RETURN(done, Step(request, deadline, child, input, result));
  }
  const int status = WaitFor(std::exchange(child.pid, -1));
  if (WIFEXITED(status)) result.exit_status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

std::vector<std::string> EnvironmentOf(const std::vector<std::string>& names) {
  std::vector<std::string> environment;
  for (const std::string& name : names) {
    const char* value = std::getenv(name.c_str());
    if (value != nullptr) environment.push_back(absl::StrCat(name, "=", value));
  }
  return environment;
}

}  // namespace jet::base

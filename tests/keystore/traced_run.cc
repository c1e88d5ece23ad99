#include "tests/keystore/traced_run.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/hex.h"

extern char** environ;

namespace jet::keystore {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

std::string ContentOfFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// Decodes "\x41\x42", which is how -xx prints every character.
std::string Unescape(const std::string& text) {
  std::string decoded;
  for (size_t i = 0; i < text.size();) {
    if (text.compare(i, 2, "\\x") == 0) {
      decoded += static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16));
      i += 4;
    } else {
      decoded += text[i++];
    }
  }
  return decoded;
}

// "..." is a string; 5<...> and AT_FDCWD<...> are descriptors with their paths.
std::string DecodeArgument(const std::string& text) {
  if (!text.empty() && text[0] == '"') return Unescape(text.substr(1, text.rfind('"') - 1));
  const size_t open = text.find('<');
  const size_t close = text.rfind('>');
  if (open == std::string::npos || close == std::string::npos) return text;
  return Unescape(text.substr(open + 1, close - open - 1));
}

std::vector<std::string> DecodeArguments(const std::string& text) {
  std::vector<std::string> arguments;
  size_t begin = 0;
  while (begin < text.size()) {
    // Inside of strings every character is written as a number, so that no comma is one of theirs.
    const size_t end = std::min(text.find(", ", begin), text.size());
    arguments.push_back(DecodeArgument(text.substr(begin, end - begin)));
    begin = end + 2;
  }
  return arguments;
}

// Makes this process the parent of what programs leave behind when they are killed, so that it can
// wait for that.
void AdoptOrphans() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) throw std::runtime_error("prctl");
}

// In a process group of its own, whose number is the process's.
pid_t Start(const std::vector<std::string>& command, const std::string& output,
            const std::string& errors) {
  AdoptOrphans();
  std::vector<char*> argv;
  for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // What a sanitizer finds has a status that the program itself does not have. It cannot look for
  // leaks while it is traced.
  std::string sanitizer = "ASAN_OPTIONS=detect_leaks=0:exitcode=99";
  std::vector<char*> envp = {sanitizer.data()};
  for (char** variable = environ; *variable != nullptr; ++variable) envp.push_back(*variable);
  envp.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t id = 0;
  const int error = posix_spawnp(&id, argv[0], &actions, &attributes, argv.data(), envp.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(absl::StrCat("cannot start ", command[0]));
  return id;
}

// Waits for all of the group; returns how `id` ended.
int Wait(pid_t id) {
  const absl::Time deadline = absl::Now() + kPatience;
  int status = 0;
  while (true) {
    int ended_status = 0;
    const pid_t ended = waitpid(-id, &ended_status, WNOHANG);
    if (ended == id) status = ended_status;
    if (ended < 0) return status;
    if (ended > 0) continue;
    if (absl::Now() > deadline) {
      kill(-id, SIGKILL);
      while (waitpid(-id, nullptr, 0) > 0) {
      }
      throw std::runtime_error("the program hangs");
    }
    absl::SleepFor(absl::Milliseconds(1));
  }
}

}  // namespace

std::vector<SystemCall> DecodeTrace(const std::string& log) {
  std::vector<SystemCall> calls;
  std::map<std::string, int> ordinals;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const size_t name = line.find_first_not_of("0123456789 ");
    const size_t open = line.find('(');
    const size_t equals = line.rfind(" = ");
    if (name == std::string::npos || open == std::string::npos || equals == std::string::npos) {
      continue;  // "+++ exited with 0 +++"
    }
    SystemCall call;
    call.name = line.substr(name, open - name);
    const size_t close = line.rfind(')', equals);
    if (close == std::string::npos || close < open) {
      throw std::runtime_error(absl::StrCat("a line of strace that is not understood: ", line));
    }
    call.arguments = DecodeArguments(line.substr(open + 1, close - open - 1));
    call.result = line.substr(equals + 3);
    call.ordinal = ++ordinals[call.name];
    calls.push_back(std::move(call));
  }
  return calls;
}

TracedRun RunTraced(const std::vector<std::string>& options,
                    const std::vector<std::string>& arguments, const std::string& scratch) {
  const std::string log = absl::StrCat(scratch, "/trace");
  const std::string output = absl::StrCat(scratch, "/output");
  const std::string errors = absl::StrCat(scratch, "/errors");
  std::vector<std::string> command = {"strace", "-qq", "-y", "-xx", "-s", "65536", "-o", log};
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(), {JET_BINARY, "keystore"});
  command.insert(command.end(), arguments.begin(), arguments.end());
  const int status = Wait(Start(command, output, errors));
  TracedRun run;
  run.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (WIFEXITED(status)) run.exit_status = WEXITSTATUS(status);
  run.errors = ContentOfFile(errors);
  run.said = ContentOfFile(output) + run.errors;
  run.calls = DecodeTrace(ContentOfFile(log));
  return run;
}

}  // namespace jet::keystore

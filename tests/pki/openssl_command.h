// The openssl command, as the other side of files and formats.
#ifndef JET_TESTS_PKI_OPENSSL_COMMAND_H_
#define JET_TESTS_PKI_OPENSSL_COMMAND_H_

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace jet::test {

struct CommandResult {
  int exit_status = -1;
  std::string output;  // stdout and stderr
};

// Runs `command` in a shell.
inline CommandResult RunCommand(const std::string& command) {
  FILE* const pipe = popen(("exec 2>&1; " + command).c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + command);
  CommandResult result;
  std::array<char, 4096> buffer;
  for (size_t size; (size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    result.output.append(buffer.data(), size);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.exit_status = WEXITSTATUS(status);
  return result;
}

// Runs `command`, which has to succeed, and returns its output.
inline std::string MustRun(const std::string& command) {
  const CommandResult result = RunCommand(command);
  if (result.exit_status != 0) throw std::runtime_error(command + ": " + result.output);
  return result.output;
}

}  // namespace jet::test

#endif  // JET_TESTS_PKI_OPENSSL_COMMAND_H_

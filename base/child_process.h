// Runs another program and talks to it through pipes; never a shell.
#ifndef JET_BASE_CHILD_PROCESS_H_
#define JET_BASE_CHILD_PROCESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/bytes.h"

namespace jet::base {

struct ChildProcessRequest {
  std::vector<std::string> arguments;  // the program, looked for in PATH, and its arguments
  // NAME=VALUE. The child has no other variables, and no descriptors but the first three.
  std::vector<std::string> environment;
  ByteSpan input;           // its standard input
  size_t output_limit = 0;  // bytes of its standard output that are wanted at most
  size_t error_limit = 0;   // bytes of its standard error that are kept
  absl::Duration timeout;
};

struct ChildProcessResult {
  Bytes output;
  std::string error_text;  // what the child said: foreign text
  int exit_status = -1;    // -1 when a signal ended it
  int signal = 0;          // which
};

// Runs the program to its end. A child that closes its input early is no error: its exit status
// tells. NOT_FOUND when there is no such program. DEADLINE_EXCEEDED when it has not ended in time,
// RESOURCE_EXHAUSTED when it writes more than `output_limit`; either way it has been ended and is
// gone. Processes that it left behind are not waited for.
absl::StatusOr<ChildProcessResult> RunChildProcess(const ChildProcessRequest& request);

// Returns those variables of this process's environment that are named, as NAME=VALUE.
std::vector<std::string> EnvironmentOf(const std::vector<std::string>& names);

}  // namespace jet::base

#endif  // JET_BASE_CHILD_PROCESS_H_

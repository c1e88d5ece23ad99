// The program run under strace: what it asked of the kernel, and what the kernel was made to
// answer.
#ifndef JET_TESTS_KEYSTORE_TRACED_RUN_H_
#define JET_TESTS_KEYSTORE_TRACED_RUN_H_

#include <string>
#include <vector>

namespace jet::keystore {

// One line of strace's log.
struct SystemCall {
  std::string name;
  // Decoded: a string is its bytes, a descriptor its path, everything else as it was printed.
  std::vector<std::string> arguments;
  std::string result;  // "0", "-1 EEXIST (File exists)", ...
  int ordinal = 0;     // which call of this name it is, from 1

  bool failed() const { return result.rfind("-1", 0) == 0 || result.rfind('?', 0) == 0; }
};

struct TracedRun {
  bool killed = false;
  int exit_status = -1;           // -1: a signal ended it
  std::string errors;             // what it said on stderr
  std::string said;               // what it said on stdout and stderr
  std::vector<SystemCall> calls;  // those that `options` ask for
};

// Runs the program with `arguments` under strace with `options`, and waits until it and all that it
// started have ended, at most half a minute: it throws after that. Only the program itself is
// traced. `scratch` is a folder for the log.
TracedRun RunTraced(const std::vector<std::string>& options,
                    const std::vector<std::string>& arguments, const std::string& scratch);

// Decodes strace's log as the options of RunTraced make it.
std::vector<SystemCall> DecodeTrace(const std::string& log);

}  // namespace jet::keystore

#endif  // JET_TESTS_KEYSTORE_TRACED_RUN_H_

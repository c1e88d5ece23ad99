// Runs the program from outside.
#ifndef JET_TESTS_CLI_PROGRAM_H_
#define JET_TESTS_CLI_PROGRAM_H_

#include <string>

namespace jet::test {

struct Ran {
  int status = -1;  // the exit status; -1 when a signal ended it
  std::string out;
  std::string err;
};

// Runs `script` with bash, the program's commands in PATH, in `folder`.
Ran RunScript(const std::string& folder, const std::string& script);

// A folder on a disk that keeps security.ima; removed at the end of its life.
class Scratch {
 public:
  Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The environment of every test: PATH with the program's folder first, JET_KEYSTORE in `folder`.
void SetEnvironment(const std::string& folder);

}  // namespace jet::test

#endif  // JET_TESTS_CLI_PROGRAM_H_

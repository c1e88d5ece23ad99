// Running programs and handling files, for the kernel lab's tests.
#ifndef JET_TESTS_KERNEL_COMMAND_H_
#define JET_TESTS_KERNEL_COMMAND_H_

#include <filesystem>
#include <string>
#include <vector>

namespace jet::kernel {

struct CommandResult {
  int status = -1;  // as a shell would report it: 128 plus the signal for a killed program
  std::string out;
  std::string err;
};

// Runs argv[0], looked up in PATH, with an empty standard input and waits for its end.
CommandResult Run(const std::vector<std::string>& argv);

// The same for a step without which nothing that follows makes sense: throws std::runtime_error
// with the command and what it said unless it ended with status 0. Returns its standard output.
std::string Must(const std::vector<std::string>& argv);

std::string ReadFile(const std::filesystem::path& path);
void WriteFile(const std::filesystem::path& path, const std::string& content);

// A folder with a random name under $TMPDIR that goes away with the object, unless JET_LAB_KEEP is
// set.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_COMMAND_H_

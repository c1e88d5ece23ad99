#include "tests/cli/program.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace jet::test {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

}  // namespace

Ran RunScript(const std::string& folder, const std::string& script) {
  const std::string out = folder + "/.stdout";
  const std::string err = folder + "/.stderr";
  const pid_t child = fork();
  if (child == 0) {
    SetEnvironment(folder);
    if (chdir(folder.c_str()) != 0 || std::freopen(out.c_str(), "wb", stdout) == nullptr ||
        std::freopen(err.c_str(), "wb", stderr) == nullptr) {
      _exit(126);
    }
    execl("/bin/bash", "bash", "-c", script.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  Ran ran;
  if (child < 0 || waitpid(child, &status, 0) != child) return ran;
  if (WIFEXITED(status)) ran.status = WEXITSTATUS(status);
  ran.out = ReadAll(out);
  ran.err = ReadAll(err);
  return ran;
}

Scratch::Scratch() {
  const char* temporary = std::getenv("TMPDIR");
  path_ = std::string(temporary != nullptr && *temporary != '\0' ? temporary : "/var/tmp") +
          "/jet-cli.XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) std::abort();
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void SetEnvironment(const std::string& folder) {
  const std::string programs = std::filesystem::path(JET_BINARY).parent_path();
  const char* path = std::getenv("PATH");
  (void)setenv("PATH", (programs + ":" + (path != nullptr ? path : "/usr/bin:/bin")).c_str(), 1);
  (void)setenv("JET_KEYSTORE", (folder + "/store").c_str(), 1);
}

}  // namespace jet::test

// Fuzzes the readers of the answers file and of the configuration, which are TOML.
//   build/fuzz/tests/fuzz/answers_fuzzer -max_len=4096 -max_total_time=60
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/answers_file.h"
#include "cli/configuration.h"
#include "cli/exit_status.h"

namespace {

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "answers_fuzzer: %s\n", what);
  std::abort();
}

// Files are read by their names; this one is in memory.
std::string FileWith(const uint8_t* data, size_t size) {
  static const int fd = memfd_create("answers", MFD_CLOEXEC);
  Require(fd >= 0 && ftruncate(fd, 0) == 0, "no file");
  Require(pwrite(fd, data, size, 0) == static_cast<ssize_t>(size), "cannot write");
  return absl::StrCat("/proc/self/fd/", fd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string path = FileWith(data, size);
  const auto answers = jet::cli::ReadAnswersFile(path);
  Require(answers.ok() || !answers.status().message().empty(), "an error without a reason");
  (void)jet::cli::ReadConfiguration(path);
  return 0;
}

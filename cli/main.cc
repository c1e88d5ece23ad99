// The program: `jet` and, by links to it, jet-appraise, jet-certificate-request, jet-ima,
// jet-keystore and jet-sign.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "cli/dispatch.h"
#include "cli/exit_status.h"
#include "crypto/secure_process.h"

namespace {

// With a standard descriptor closed, the next file that is opened would take its place, and what is
// printed would go into it.
void OpenStandardDescriptors() {
  int fd = -1;
  do {
    fd = open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) (void)close(fd);
}

// Many files wait for their worker with an open descriptor each.
void RaiseDescriptorLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kCouldNotDo = static_cast<int>(jet::cli::ExitStatus::kCouldNotDo);
  if (!jet::crypto::SecureProcess()) {
    (void)std::fputs("jet: error: cannot prepare the process to hold keys\n", stderr);
    return kCouldNotDo;
  }
  OpenStandardDescriptors();
  // Whoever started this program may have ignored it, and then no child could be waited for.
  (void)std::signal(SIGCHLD, SIG_DFL);
  RaiseDescriptorLimit();
  try {
    const int status =
        jet::cli::Dispatch(argc > 0 ? argv[0] : "jet",
                           std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
    // Help is printed through iostreams: what a full disk took must not pass for success.
    if (std::cout.flush() || status == kCouldNotDo) return status;
    (void)std::fputs("jet: error: cannot write to stdout\n", stderr);
    return kCouldNotDo;
  } catch (const std::exception& error) {
    // Only running out of memory gets here: everything else is a status.
    (void)std::fprintf(stderr, "jet: error: %s\n", error.what());
    return kCouldNotDo;
  }
}

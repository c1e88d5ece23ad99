#include "base/forked.h"

#include <fcntl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/system_error.h"
#include "base/unique_fd.h"

namespace jet::base {
namespace {

absl::StatusOr<int> WaitFor(pid_t child) {
  int wait_status = 0;
  while (waitpid(child, &wait_status, 0) != child) {
    if (errno != EINTR) return SystemError(errno, "cannot wait for a child process");
  }
  return wait_status;
}

}  // namespace

absl::StatusOr<ForkedOutcome> RunForked(absl::FunctionRef<void(int report_fd)> work, size_t limit) {
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return SystemError(errno, "cannot make a pipe");
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = fork();
  if (child < 0) return SystemError(errno, "cannot start a child process");
  if (child == 0) {
    work(writer.get());
    _exit(0);
  }
  writer.Reset();
  absl::StatusOr<Bytes> report = ReadBounded(reader.get(), limit, "a child's report");
  // The child is waited for first, whatever it said: nothing of it may stay behind.
  const absl::StatusOr<int> wait_status = WaitFor(child);
  if (!wait_status.ok()) return wait_status.status();
  if (!report.ok()) return report.status();
  return ForkedOutcome{*std::move(report), *wait_status};
}

}  // namespace jet::base

#include "tests/base/child.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace jet::test {
namespace {

void ThrowIf(bool failed, const char* what) {
  if (failed) throw std::system_error(errno, std::generic_category(), what);
}

[[noreturn]] void RunChild(absl::FunctionRef<std::string()> work, int report_fd) {
  std::string report;
  try {
    report = work();
  } catch (const std::exception& error) {
    report = absl::StrCat("the child threw: ", error.what());
  }
  const bool written = base::WriteAll(report_fd, base::AsBytes(report), "the pipe").ok();
  _exit(written ? 0 : 1);
}

}  // namespace

std::string InChild(absl::FunctionRef<std::string()> work) {
  std::array<int, 2> ends = {};
  ThrowIf(pipe2(ends.data(), O_CLOEXEC) != 0, "pipe2");
  const base::UniqueFd reader(ends[0]);
  base::UniqueFd writer(ends[1]);
  const pid_t child = fork();
  ThrowIf(child < 0, "fork");
  if (child == 0) RunChild(work, writer.get());
  writer.Reset();
  const absl::StatusOr<base::Bytes> report = base::ReadBounded(reader.get(), 1 << 20, "the pipe");
  int status = 0;
  ThrowIf(waitpid(child, &status, 0) != child, "waitpid");
  if (!report.ok() || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return absl::StrCat("the child died with wait status ", status);
  }
  return std::string(base::AsText(*report));
}

void BecomeUser(uid_t id) {
  ThrowIf(setgroups(0, nullptr) != 0, "setgroups");
  ThrowIf(setresgid(id, id, id) != 0, "setresgid");
  ThrowIf(setresuid(id, id, id) != 0, "setresuid");
}

void EnterPrivateMounts() {
  ThrowIf(unshare(CLONE_NEWNS) != 0, "unshare");
  ThrowIf(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0, "mount");
}

void EnterUserNamespace() { ThrowIf(unshare(CLONE_NEWUSER) != 0, "unshare"); }

bool IsRoot() { return geteuid() == 0; }

}  // namespace jet::test

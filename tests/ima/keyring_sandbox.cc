#include "tests/ima/keyring_sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <linux/securebits.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/unique_fd.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::test {
namespace {

void ThrowIf(bool failed, const char* what) {
  if (failed) throw std::system_error(errno, std::generic_category(), what);
}

// One sandbox at a time on the whole machine: they all have the same user.
base::UniqueFd LockSandbox() {
  base::UniqueFd lock = Open("/proc/keys", O_RDONLY);
  ThrowIf(flock(lock.get(), LOCK_EX) != 0, "flock");
  return lock;
}

void BecomeSandboxUser() {
  ThrowIf(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0, "PR_SET_SECUREBITS");
  ThrowIf(setresgid(kSandboxUser, kSandboxUser, kSandboxUser) != 0, "setresgid");
  ThrowIf(setresuid(kSandboxUser, kSandboxUser, kSandboxUser) != 0, "setresuid");
}

void ClearUserKeyring() { ThrowIf(keyctl_clear(KEY_SPEC_USER_KEYRING) != 0, "keyctl_clear"); }

}  // namespace

std::string CheckedInChild(absl::FunctionRef<void()> work) {
  // What is buffered would be printed by both processes.
  (void)std::fflush(nullptr);
  return InChild([work]() -> std::string {
    work();
    (void)std::fflush(nullptr);
    return testing::Test::HasFailure() ? "failed: see above" : kPassed;
  });
}

std::string CheckedInSandbox(absl::FunctionRef<void()> work) {
  return CheckedInChild([work] {
    const base::UniqueFd lock = LockSandbox();
    BecomeSandboxUser();
    ClearUserKeyring();
    work();
    ClearUserKeyring();
  });
}

ima::Keyring MakeUserIma() {
  return *ValueOf(
              ima::ResolveKeyring({ima::KeyringChoice::kUserIma, 0}, ima::MissingKeyring::kCreate))
              .keyring;
}

}  // namespace jet::test

#include "ima/kernel_keyring.h"

#include <fcntl.h>
#include <keyutils.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/forked.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/unique_fd.h"
#include "ima/key_facts.h"

namespace jet::ima {
namespace {

// What find_key_by_type_and_desc answered; plain bytes, as they go through a pipe.
struct Finding {
  KeySerial serial = -1;
  int error_number = 0;
};

void FindAndReport(const char* name, int report_fd) {
  const base::UniqueFd silence(open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!silence.valid() || dup2(silence.get(), STDERR_FILENO) < 0) return;
  Finding finding;
  errno = 0;
  finding.serial = find_key_by_type_and_desc(kKeyringType, name, 0);
  finding.error_number = errno;
  (void)base::WriteAll(report_fd,
                       base::ByteSpan(reinterpret_cast<const uint8_t*>(&finding), sizeof finding),
                       "the pipe");
}

// What else the caller could do about .ima; nothing stands in for the other rings.
const char* OtherWay(absl::string_view name) {
  return name == kTrustedImaName ? ", or name the keyring by its number or as _ima" : "";
}

// In a child: libkeyutils 1.6.3 dies of a line over 1023 characters in /proc/keys, which any user
// can put there, and it prints when it cannot open that file.
absl::StatusOr<Finding> FindByName(const char* name) {
  JET_ASSIGN_OR_RETURN(
      const base::ForkedOutcome outcome,
      base::RunForked([name](int report_fd) { FindAndReport(name, report_fd); }, sizeof(Finding)));
  Finding finding;
  if (outcome.report.size() != sizeof finding) {
    return absl::FailedPreconditionError(absl::StrCat(
        "whether this kernel has a keyring ", name,
        " cannot be told: libkeyutils fails on /proc/keys, as it does when some user's key has a "
        "description of over 900 characters; have that key removed",
        OtherWay(name)));
  }
  std::memcpy(&finding, outcome.report.data(), sizeof finding);
  return finding;
}

absl::Status ForgeryError(absl::string_view name, absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat("a key pretends in /proc/keys to be the keyring ", name,
                   ", so the real one, if there is one, cannot be found: it leads to ", what,
                   "; have it removed", OtherWay(name)));
}

}  // namespace

absl::StatusOr<absl::optional<KeySerial>> FindKernelKeyring(const char* name) {
  JET_ASSIGN_OR_RETURN(const Finding finding, FindByName(name));
  if (finding.serial <= 0) {
    if (finding.error_number == ENOKEY) return absl::nullopt;
    return base::SystemError(
        finding.error_number,
        absl::StrCat("whether this kernel has a keyring ", name, " cannot be told"));
  }
  const absl::StatusOr<KeyFacts> facts = DescribeKey(finding.serial);
  if (!facts.ok()) return ForgeryError(name, facts.status().message());
  if (!IsKernelKeyring(*facts, name)) {
    return ForgeryError(name, KeyFactsText(finding.serial, *facts));
  }
  return finding.serial;
}

}  // namespace jet::ima

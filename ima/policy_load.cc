#include "ima/policy_load.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/unique_fd.h"
#include "ima/command_line.h"
#include "ima/policy.h"

namespace jet::ima {
namespace {

// The kernel looks at one page less a byte of each write, and takes one rule from it.
constexpr size_t kMaxLine = 4094;
constexpr size_t kMaxCommandLine = 64 * 1024;

constexpr char kTakesNoOther[] =
    "a policy was loaded before, and this kernel takes no other until it restarts "
    "(CONFIG_IMA_WRITE_POLICY)";

size_t LineAt(absl::string_view text, size_t offset) {
  return 1 + static_cast<size_t>(std::count(text.begin(), text.begin() + offset, '\n'));
}

// What ParsePolicy does not look at, as a kernel of another page size may take it.
absl::Status CheckLines(absl::string_view text) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end - begin > kMaxLine) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", LineAt(text, begin), ": longer than ", kMaxLine, " bytes"));
    }
    begin = end + 1;
  }
  if (text.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError("there is a NUL byte in it");
  }
  return absl::OkStatus();
}

// Returns the rules, each line with its end: the kernel counts one for the last line in any case.
absl::StatusOr<std::string> ReadRules(const std::string& path) {
  JET_ASSIGN_OR_RETURN(const base::Bytes content, base::ReadFile(path, kMaxPolicy));
  std::string text(base::AsText(content));
  if (text.empty() || text.back() != '\n') text += '\n';
  absl::Status status = CheckLines(text);
  if (status.ok()) status = ParsePolicy(text, PolicyText::kWritten).status();
  if (!status.ok()) return base::Annotate(status, absl::StrCat("policy '", path, "'"));
  return text;
}

absl::StatusOr<base::UniqueFd> OpenKernelPolicy(const std::string& kernel_file) {
  absl::StatusOr<base::UniqueFd> fd = base::OpenAt(AT_FDCWD, kernel_file, O_WRONLY);
  if (absl::IsNotFound(fd.status())) return absl::FailedPreconditionError(kTakesNoOther);
  if (base::ErrnoOf(fd.status()) == EBUSY) {
    return absl::UnavailableError("another process is loading a policy at this moment");
  }
  return fd;
}

absl::Status ExplainRefusal(int error_number, absl::string_view text, size_t offset,
                            const std::string& path) {
  if (error_number == EINVAL) {
    return absl::InvalidArgumentError(absl::StrCat("policy '", path, "': line ",
                                                   LineAt(text, offset),
                                                   ": this kernel refuses it, and took nothing"));
  }
  return base::SystemError(error_number,
                           absl::StrCat("the kernel refuses the policy '", path, "'"));
}

// The kernel takes the rules one by one, says how much that was, and makes the policy of them, if
// it refused none, when the file is closed.
absl::Status WriteRules(const std::string& text, const std::string& path,
                        const std::string& kernel_file) {
  JET_ASSIGN_OR_RETURN(const base::UniqueFd fd, OpenKernelPolicy(kernel_file));
  size_t offset = 0;
  while (offset < text.size()) {
    const ssize_t count = write(fd.get(), text.data() + offset, text.size() - offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ExplainRefusal(errno, text, offset, path);
    offset += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

absl::Status WritePath(const std::string& path, const std::string& kernel_file) {
  std::error_code error;
  const std::string absolute = std::filesystem::canonical(path, error);
  if (error) return base::SystemError(error.value(), absl::StrCat("cannot find '", path, "'"));
  JET_ASSIGN_OR_RETURN(const base::UniqueFd fd, OpenKernelPolicy(kernel_file));
  if (write(fd.get(), absolute.data(), absolute.size()) >= 0) return absl::OkStatus();
  if (errno == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat("this kernel takes a policy only from a file that is signed by a key of its "
                     "keyring, and '",
                     absolute, "' is not: jet-sign --any-file signs it"));
  }
  return base::SystemError(errno, absl::StrCat("the kernel refuses the policy '", absolute, "'"));
}

}  // namespace

absl::Status CheckTakesPolicy(const KernelState& state) {
  if (state.ima.word != Presence::kPresent) {
    return absl::FailedPreconditionError(
        absl::StrCat("this kernel takes no policy: ", state.ima.why));
  }
  if (state.appraise.word == AppraiseMode::kNotSupported) {
    return absl::FailedPreconditionError(
        absl::StrCat("this kernel appraises nothing: ", state.appraise.why));
  }
  if (state.policy == PolicyState::kFinal) return absl::FailedPreconditionError(kTakesNoOther);
  if (state.policy == PolicyState::kUnknown) {
    return absl::FailedPreconditionError(
        absl::StrCat("whether this kernel takes a policy cannot be told: ", kKernelPolicyFile,
                     " may not be seen, or securityfs is not mounted"));
  }
  return absl::OkStatus();
}

absl::Status LoadPolicy(const std::string& path, const std::string& kernel_file) {
  JET_ASSIGN_OR_RETURN(const std::string text, ReadRules(path));
  const absl::Status written = WriteRules(text, path, kernel_file);
  return base::ErrnoOf(written) == EACCES ? WritePath(path, kernel_file) : written;
}

absl::StatusOr<bool> PolicyIsSwitchedOff(const std::string& root) {
  JET_ASSIGN_OR_RETURN(const base::Bytes line,
                       base::ReadFile(root + "/proc/cmdline", kMaxCommandLine));
  return ParseImaCommandLine(base::AsText(line)).policy_off;
}

}  // namespace jet::ima

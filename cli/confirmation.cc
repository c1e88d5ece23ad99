#include "cli/confirmation.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/unique_fd.h"
#include "cli/exit_status.h"

namespace jet::cli {

absl::Status Confirm(const Question& question) {
  const base::UniqueFd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal.valid()) {
    return UsageError(absl::StrCat(question.no_terminal,
                                   ", and there is no terminal to ask on: --yes confirms it"));
  }
  const std::string text = absl::StrCat(question.text, " [yes,no] (no) ");
  JET_RETURN_IF_ERROR(base::WriteAll(terminal.get(), base::AsBytes(text), "/dev/tty"));
  std::array<char, 16> answer = {};
  const ssize_t count = read(terminal.get(), answer.data(), answer.size() - 1);
  if (count > 0 && absl::string_view(answer.data()) == "yes\n") return absl::OkStatus();
  return absl::CancelledError(question.refused);
}

}  // namespace jet::cli

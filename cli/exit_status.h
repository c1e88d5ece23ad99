// The exit status of every command.
#ifndef JET_CLI_EXIT_STATUS_H_
#define JET_CLI_EXIT_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace jet::cli {

enum class ExitStatus {
  kGood = 0,        // done, and the answer is yes
  kNo = 1,          // done, and the answer is no
  kUsage = 2,       // called wrongly
  kCouldNotDo = 3,  // could not do it, or could not do all of it
};

// Makes a status that ends the command with kUsage.
absl::Status UsageError(absl::string_view message);

// Returns the exit status for a command that ended with `error`, which is not OK.
ExitStatus ExitStatusFor(const absl::Status& error);

}  // namespace jet::cli

#endif  // JET_CLI_EXIT_STATUS_H_

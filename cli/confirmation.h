// Asks before something is done that cannot be undone.
#ifndef JET_CLI_CONFIRMATION_H_
#define JET_CLI_CONFIRMATION_H_

#include <string>

#include "absl/status/status.h"

namespace jet::cli {

struct Question {
  std::string text;         // "Delete key 'k'? Its private key cannot be brought back."
  std::string no_terminal;  // why it has to be asked: "deleting a key cannot be undone"
  std::string refused;      // "nothing was deleted"
};

// Asks on the terminal. A usage error without one, CANCELLED when the answer is not "yes". What
// comes from others in the question must be escaped.
absl::Status Confirm(const Question& question);

}  // namespace jet::cli

#endif  // JET_CLI_CONFIRMATION_H_

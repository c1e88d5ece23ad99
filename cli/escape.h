// Makes strings that came from outside safe to print.
#ifndef JET_CLI_ESCAPE_H_
#define JET_CLI_ESCAPE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace jet::cli {

// Returns `text` with everything that could steer a terminal or forge a line made visible: control
// characters and bytes that are not UTF-8 as \n, \t, \r or \xHH, invisible and direction-changing
// characters as \u{HHHH}, and the backslash itself doubled. The only function through which strings
// reach stdout or stderr.
std::string Escape(absl::string_view text);

// Returns the path `word` so that a shell reads it back as it is, and a command as no option.
std::string ShellWord(const std::string& word);

}  // namespace jet::cli

#endif  // JET_CLI_ESCAPE_H_

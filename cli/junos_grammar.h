// The router's own words: `jet request security integrity measure file F key K`.
#ifndef JET_CLI_JUNOS_GRAMMAR_H_
#define JET_CLI_JUNOS_GRAMMAR_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "cli/command.h"

namespace jet::cli {

// True when `word` begins a router's command: "request", "show", an abbreviation of 2 or more
// letters, or "?".
bool IsJunosWord(absl::string_view word);

// Parses `words` by the router's grammar: unique abbreviations of keywords are taken, "?" prints
// what may come next. Hands what is to be run to `execute` and returns its exit status; 2 when the
// words make no command.
int RunJunos(const std::vector<std::string>& words,
             absl::FunctionRef<int(const RunFunction&)> execute);

// Returns the commands of the grammar, a line each.
std::string JunosOverview();

}  // namespace jet::cli

#endif  // JET_CLI_JUNOS_GRAMMAR_H_

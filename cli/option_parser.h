// Declares the options of a command: the few things that commands need of CLI11, without its
// header, which takes longer to compile than any command.
#ifndef JET_CLI_OPTION_PARSER_H_
#define JET_CLI_OPTION_PARSER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/types/optional.h"

namespace CLI {
class Option;
}

namespace jet::cli {

// An option that has been declared, to say more about it.
class DeclaredOption {
 public:
  explicit DeclaredOption(CLI::Option* option) : option_(option) {}

  // The command cannot do without it.
  DeclaredOption Required();
  // The value is a whole number from `least` to `most`.
  DeclaredOption InRange(int least, int most);
  // An empty value is one, too. Otherwise it is refused: mostly it is that of a variable that is
  // not set, and means something else than the option left out.
  DeclaredOption MayBeEmpty();
  // It cannot be given together with `other`.
  DeclaredOption Excludes(DeclaredOption other);

 private:
  CLI::Option* option_;  // owned by the parser
};

// What a parse came to.
struct ParseResult {
  enum class Kind { kParsed, kHelp, kVersion, kError };
  Kind kind = Kind::kParsed;
  std::string text;  // for kHelp the help text, for kError what is wrong
};

// The options of one command. Targets are written by Parse and must outlive it.
class OptionParser {
 public:
  // `name` and `summary` begin the help text, `footer` ends it.
  OptionParser(const std::string& name, const std::string& summary, const std::string& footer);
  OptionParser(const OptionParser&) = delete;
  OptionParser& operator=(const OptionParser&) = delete;
  ~OptionParser();

  // Declares an option without a value.
  DeclaredOption Flag(const std::string& names, bool& target, const std::string& help);

  // Declares the option `name` that may be given alone, which stands for `default_value`, or with a
  // value as --name=VALUE; what follows as an argument of its own is never taken for the value.
  DeclaredOption OptionalValue(const std::string& name, absl::optional<std::string>& target,
                               const std::string& default_value, const std::string& value_name,
                               const std::string& help);

  // Declares an option with a value, called `value_name` in the help text; names that do not begin
  // with "-" declare a positional argument. With a vector it may be repeated.
  DeclaredOption Value(const std::string& names, std::string& target, const std::string& value_name,
                       const std::string& help);
  DeclaredOption Value(const std::string& names, absl::optional<std::string>& target,
                       const std::string& value_name, const std::string& help);
  DeclaredOption Value(const std::string& names, std::vector<std::string>& target,
                       const std::string& value_name, const std::string& help);
  DeclaredOption Value(const std::string& names, int& target, const std::string& value_name,
                       const std::string& help);
  DeclaredOption Value(const std::string& names, absl::optional<int>& target,
                       const std::string& value_name, const std::string& help);

  // Declares --version.
  void Version();

  // Parses `arguments` (without the program's name) into the targets.
  ParseResult Parse(std::vector<std::string> arguments);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace jet::cli

#endif  // JET_CLI_OPTION_PARSER_H_

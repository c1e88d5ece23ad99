#include "cli/option_parser.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

namespace jet::cli {

struct OptionParser::State {
  State(const std::string& name, const std::string& summary) : app(summary, name) {}

  CLI::App app;
  bool version = false;
};

DeclaredOption DeclaredOption::Required() {
  option_->required();
  return *this;
}

DeclaredOption DeclaredOption::InRange(int least, int most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

DeclaredOption DeclaredOption::Excludes(DeclaredOption other) {
  option_->excludes(other.option_);
  return *this;
}

OptionParser::OptionParser(const std::string& name, const std::string& summary,
                           const std::string& footer)
    : state_(std::make_unique<State>(name, summary)) {
  state_->app.footer(footer);
}

OptionParser::~OptionParser() = default;

void OptionParser::Flag(const std::string& names, bool& target, const std::string& help) {
  state_->app.add_flag(names, target, help);
}

DeclaredOption OptionParser::Value(const std::string& names, std::string& target,
                                   const std::string& value_name, const std::string& help) {
  return DeclaredOption(state_->app.add_option(names, target, help)->type_name(value_name));
}

DeclaredOption OptionParser::Value(const std::string& names, absl::optional<std::string>& target,
                                   const std::string& value_name, const std::string& help) {
  return DeclaredOption(state_->app.add_option(names, target, help)->type_name(value_name));
}

DeclaredOption OptionParser::Value(const std::string& names, std::vector<std::string>& target,
                                   const std::string& value_name, const std::string& help) {
  CLI::Option* option = state_->app.add_option(names, target, help)->type_name(value_name);
  // One value each time: what follows is the next argument, not another value.
  if (names.front() == '-') option->allow_extra_args(false);
  return DeclaredOption(option);
}

DeclaredOption OptionParser::Value(const std::string& names, int& target,
                                   const std::string& value_name, const std::string& help) {
  return DeclaredOption(state_->app.add_option(names, target, help)->type_name(value_name));
}

DeclaredOption OptionParser::Value(const std::string& names, absl::optional<int>& target,
                                   const std::string& value_name, const std::string& help) {
  return DeclaredOption(state_->app.add_option(names, target, help)->type_name(value_name));
}

void OptionParser::Version() {
  state_->app.add_flag("--version", state_->version, "Print the program's version and exit");
}

ParseResult OptionParser::Parse(std::vector<std::string> arguments) {
  // What the command cannot do without does not matter to --version.
  const auto options_end = std::find(arguments.begin(), arguments.end(), "--");
  if (std::find(arguments.begin(), options_end, "--version") != options_end) {
    return {ParseResult::Kind::kVersion, ""};
  }
  try {
    // CLI11 takes the arguments from the back.
    std::reverse(arguments.begin(), arguments.end());
    state_->app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return {ParseResult::Kind::kHelp, state_->app.help()};
  } catch (const CLI::ParseError& error) {
    return {ParseResult::Kind::kError, error.what()};
  }
  return {};
}

}  // namespace jet::cli

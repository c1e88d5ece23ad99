#include "cli/option_parser.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace jet::cli {
namespace {

constexpr char kNotEmpty[] = "not-empty";

// Has an option refuse an empty value, and not a positional argument, which is judged by what it
// names.
CLI::Option* RefuseEmpty(CLI::Option* option, const std::string& names) {
  if (names.front() != '-') return option;
  const auto check = [](const std::string& value) {
    return std::string(value.empty() ? "the value is empty" : "");
  };
  return option->check(CLI::Validator(check, "", kNotEmpty));
}

// What is wrong with the first of the arguments that nobody took. What stands behind it is not
// shown: it may be a value, and a secret one.
std::string Unexpected(const std::vector<std::string>& remaining) {
  const bool names_ended = remaining.front() == "--" && remaining.size() > 1;
  const std::string& first = remaining[names_ended ? 1 : 0];
  if (names_ended || first == "-" || !absl::StartsWith(first, "-")) {
    return absl::StrCat("unexpected argument '", first, "'");
  }
  return absl::StrCat("unknown option '", first.substr(0, first.find('=')), "'");
}

}  // namespace

struct OptionParser::State {
  State(const std::string& name, const std::string& summary) : app(summary, name) {}

  CLI::App app;
  bool version = false;
  std::deque<std::string> optional_values;  // what CLI11 writes them to
  // Words of its help text, and what is to stand there instead.
  std::vector<std::pair<std::string, std::string>> help_words;

  // Makes two words of each "--name=": CLI11 would take the next argument for its value.
  void SplitEmptyValues(std::vector<std::string>& arguments) const {
    for (size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
      if (arguments[i].empty() || arguments[i].back() != '=') continue;
      const std::string name = arguments[i].substr(0, arguments[i].size() - 1);
      const CLI::Option* option = app.get_option_no_throw(name);
      if (option == nullptr || option->get_items_expected_max() == 0) continue;
      arguments[i] = name;
      arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(++i), "");
    }
  }

  std::string Help() const {
    std::string text = app.help();
    for (const auto& [word, better] : help_words) {
      const size_t position = text.find(word);
      if (position == std::string::npos) continue;
      // The column of explanations stays where it is.
      size_t size = word.size();
      while (size < better.size() && text.compare(position + size, 2, "  ") == 0) ++size;
      text.replace(position, size, better);
    }
    return text;
  }
};

DeclaredOption DeclaredOption::Required() {
  option_->required();
  return *this;
}

DeclaredOption DeclaredOption::InRange(int least, int most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

DeclaredOption DeclaredOption::MayBeEmpty() {
  option_->get_validator(kNotEmpty)->active(false);
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

DeclaredOption OptionParser::Flag(const std::string& names, bool& target, const std::string& help) {
  return DeclaredOption(state_->app.add_flag(names, target, help));
}

DeclaredOption OptionParser::OptionalValue(const std::string& name,
                                           absl::optional<std::string>& target,
                                           const std::string& default_value,
                                           const std::string& value_name, const std::string& help) {
  const std::string shown_default = "{" + default_value + "}";
  state_->optional_values.emplace_back();
  std::string& text = state_->optional_values.back();
  CLI::Option* option = state_->app.add_flag(name + shown_default, text, help);
  option->each([&target](const std::string& value) { target = value; });
  state_->help_words.emplace_back(name + shown_default, name + "[=" + value_name + "]");
  return DeclaredOption(option);
}

DeclaredOption OptionParser::Value(const std::string& names, std::string& target,
                                   const std::string& value_name, const std::string& help) {
  CLI::Option* option = state_->app.add_option(names, target, help)->type_name(value_name);
  return DeclaredOption(RefuseEmpty(option, names));
}

DeclaredOption OptionParser::Value(const std::string& names, absl::optional<std::string>& target,
                                   const std::string& value_name, const std::string& help) {
  CLI::Option* option = state_->app.add_option(names, target, help)->type_name(value_name);
  return DeclaredOption(RefuseEmpty(option, names));
}

DeclaredOption OptionParser::Value(const std::string& names, std::vector<std::string>& target,
                                   const std::string& value_name, const std::string& help) {
  CLI::Option* option = state_->app.add_option(names, target, help)->type_name(value_name);
  // One value each time: what follows is the next argument, not another value.
  if (names.front() == '-') option->allow_extra_args(false);
  return DeclaredOption(RefuseEmpty(option, names));
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
  state_->SplitEmptyValues(arguments);
  try {
    // CLI11 takes the arguments from the back.
    std::reverse(arguments.begin(), arguments.end());
    state_->app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return {ParseResult::Kind::kHelp, state_->Help()};
  } catch (const CLI::ExtrasError&) {
    return {ParseResult::Kind::kError, Unexpected(state_->app.remaining())};
  } catch (const CLI::ParseError& error) {
    return {ParseResult::Kind::kError, error.what()};
  }
  return {};
}

}  // namespace jet::cli

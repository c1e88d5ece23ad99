#include "cli/dispatch.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/escape.h"
#include "cli/junos_grammar.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"

namespace jet::cli {
namespace {

// The options that every command has.
struct CommonOptions {
  absl::optional<std::string> keystore;
  std::string config;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  absl::optional<std::string> color;
  StoreKeyInput store_key;
};

constexpr absl::string_view kCommonWithValue[] = {"--keystore",
                                                  "--config",
                                                  "--color",
                                                  "--master-key-file",
                                                  "--store-passphrase-file",
                                                  "--store-passphrase-fd",
                                                  "--store-passphrase-env"};
constexpr absl::string_view kCommonFlags[] = {"--json", "--quiet", "--verbose"};

std::string FullName(const Command& command) {
  if (command.group[0] == '\0') return absl::StrCat("jet-", command.name);
  if (command.name[0] == '\0') return absl::StrCat("jet-", command.group);
  return absl::StrCat("jet-", command.group, " ", command.name);
}

bool IsHelp(const std::string& word) { return word == "--help" || word == "-h" || word == "help"; }

void DeclareCommon(OptionParser& parser, CommonOptions& options) {
  parser.Value("--keystore", options.keystore, "DIR",
               "Folder of the keystore (JET_KEYSTORE; /etc/jet/keystore for root)");
  DeclareStoreKey(parser, options.store_key);
  parser.Value("--config", options.config, "FILE", "Configuration file (/etc/jet/jet.toml)");
  parser.Flag("--json", options.json, "Print JSON Lines");
  parser.Flag("--quiet", options.quiet, "Print only what is wrong");
  parser.Flag("--verbose", options.verbose, "Print a line for every file");
  parser.Value("--color", options.color, "WHEN", "auto, always or never (NO_COLOR is obeyed)");
  parser.Version();
}

int PrintUsageError(const std::string& program, const std::string& message) {
  std::cerr << program << ": error: " << Escape(message) << "\n";
  return static_cast<int>(ExitStatus::kUsage);
}

int Finish(Output& output, const absl::StatusOr<ExitStatus>& result) {
  ExitStatus status = result.ok() ? *result : ExitStatusFor(result.status());
  if (!result.ok()) output.Error(result.status().message());
  const absl::Status written = output.Flush();
  if (!written.ok()) {
    output.Error(written.message());
    status = ExitStatus::kCouldNotDo;
  }
  return static_cast<int>(status);
}

// Runs `run` with the settings that `common` and the configuration file give.
int RunParsed(const std::string& program, const CommonOptions& common, const RunFunction& run) {
  absl::StatusOr<Configuration> configuration = ReadConfiguration(common.config);
  OutputOptions output_options;
  output_options.program = program;
  output_options.json = common.json;
  output_options.quiet = common.quiet;
  output_options.verbose = common.verbose;
  if (configuration.ok()) output_options.color = configuration->color.value_or(Color::kAuto);
  absl::Status color_error;
  if (common.color.has_value()) {
    const absl::StatusOr<Color> color = ParseColor(*common.color);
    if (color.ok()) output_options.color = *color;
    color_error = color.status();
  }
  Output output(std::move(output_options));
  if (!configuration.ok()) return Finish(output, configuration.status());
  if (!color_error.ok()) return Finish(output, color_error);
  absl::StatusOr<std::string> keystore = KeystorePath(common.keystore, configuration->keystore);
  if (!keystore.ok()) return Finish(output, keystore.status());
  Session session{output, *std::move(keystore), *std::move(configuration), common.store_key};
  CompleteStoreKey(session.store_key);
  return Finish(output, run(session));
}

int PrintVersion() {
  std::cout << "jet " JET_VERSION "\n";
  return static_cast<int>(ExitStatus::kGood);
}

// Returns the exit status of a parse that ends the program; `not_run` for one that does not.
int Finished(const std::string& name, const ParseResult& result, int not_run) {
  switch (result.kind) {
    case ParseResult::Kind::kHelp:
      std::cout << result.text;
      return static_cast<int>(ExitStatus::kGood);
    case ParseResult::Kind::kVersion:
      return PrintVersion();
    case ParseResult::Kind::kError:
      return PrintUsageError(name, absl::StrCat(result.text, " (", name, " --help tells more)"));
    case ParseResult::Kind::kParsed:
      break;
  }
  return not_run;
}

int RunCommand(const Command& command, std::vector<std::string> arguments) {
  const std::string name = FullName(command);
  OptionParser parser(name, command.summary,
                      absl::StrCat("Examples:\n", command.examples, "\n", kExitStatusHelp));
  CommonOptions common;
  const RunFunction run = command.declare(parser);
  DeclareCommon(parser, common);
  const int not_run = -1;
  const int status = Finished(name, parser.Parse(std::move(arguments)), not_run);
  return status == not_run ? RunParsed(name, common, run) : status;
}

void PrintOverview(absl::string_view group) {
  std::cout << "Signing keys for JET applications and IMA appraisal: sign what Linux may run, and "
               "say what it will run.\n\n";
  constexpr size_t width = 33;
  for (const Command& command : Commands()) {
    if (!group.empty() && group != command.group) continue;
    const std::string name = FullName(command);
    std::cout << "  " << name << std::string(name.size() < width ? width - name.size() : 1, ' ')
              << command.summary << "\n";
  }
  if (group.empty()) {
    std::cout << "\nEvery command may also be called as one program: jet sign, jet keystore list.\n"
                 "The words of a router work as well ('?' shows what may come next):\n"
              << JunosOverview();
  }
  std::cout << "\n" << kExitStatusHelp << "\n";
}

bool TakesValue(absl::string_view word) {
  return std::find(std::begin(kCommonWithValue), std::end(kCommonWithValue), word) !=
         std::end(kCommonWithValue);
}

bool IsCommonOption(absl::string_view word) {
  return TakesValue(word.substr(0, word.find('='))) ||
         std::find(std::begin(kCommonFlags), std::end(kCommonFlags), word) !=
             std::end(kCommonFlags);
}

// Moves common options written before the command's words behind its other options, so that both
// orders work: before a "--", behind which everything is the name of a file.
void MoveLeadingOptionsBack(std::vector<std::string>& words) {
  std::vector<std::string> leading;
  auto word = words.begin();
  while (word != words.end() && IsCommonOption(*word)) {
    const bool takes_value = TakesValue(*word);
    leading.push_back(std::move(*word++));
    if (takes_value && word != words.end()) leading.push_back(std::move(*word++));
  }
  words.erase(words.begin(), word);
  words.insert(std::find(words.begin(), words.end(), "--"), leading.begin(), leading.end());
}

// Runs a command in a router's words; the common options may stand anywhere among them.
int RunRouterWords(const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  std::vector<std::string> options;
  for (auto word = arguments.begin(); word != arguments.end(); ++word) {
    if (!absl::StartsWith(*word, "--")) {
      words.push_back(*word);
      continue;
    }
    options.push_back(*word);
    if (TakesValue(*word) && word + 1 != arguments.end()) options.push_back(*++word);
  }
  OptionParser parser("jet", "The words of a router; ? among them shows what may come next.",
                      absl::StrCat(JunosOverview(), "\n", kExitStatusHelp));
  CommonOptions common;
  DeclareCommon(parser, common);
  const int not_run = -1;
  const int status = Finished("jet", parser.Parse(options), not_run);
  if (status != not_run) return status;
  return RunJunos(words,
                  [&common](const RunFunction& run) { return RunParsed("jet", common, run); });
}

std::string NamesIn(absl::string_view group) {
  std::vector<std::string> names;
  for (const Command& command : Commands()) {
    const std::string name =
        group.empty() && command.group[0] != '\0' ? command.group : command.name;
    const bool listed = name.empty() || std::find(names.begin(), names.end(), name) != names.end();
    if ((group.empty() || group == command.group) && !listed) names.push_back(name);
  }
  if (group.empty()) names.insert(names.end(), {"request", "show"});
  return absl::StrJoin(names, ", ");
}

bool IsGroup(absl::string_view word) {
  return std::any_of(Commands().begin(), Commands().end(), [word](const Command& command) {
    return !word.empty() && word == command.group;
  });
}

const Command* FindCommand(absl::string_view group, absl::string_view name) {
  for (const Command& command : Commands()) {
    if (group == command.group && name == command.name) return &command;
  }
  return nullptr;
}

int UnknownCommand(absl::string_view group, const std::string& word) {
  return PrintUsageError(
      group.empty() ? "jet" : absl::StrCat("jet-", group),
      absl::StrCat("unknown command '", word, "' (known: ", NamesIn(group), ")"));
}

// Runs a command of `group` ("" for those without one).
int RunCommandOf(const std::string& group, std::vector<std::string> arguments) {
  const Command* command = FindCommand(group, arguments.front());
  if (command == nullptr) return UnknownCommand(group, arguments.front());
  arguments.erase(arguments.begin());
  return RunCommand(*command, std::move(arguments));
}

// True when `arguments` are those of the group's own command: where no sub-command is named.
bool AreItsOwn(const Command& itself, const std::vector<std::string>& arguments) {
  if (arguments.empty() || absl::StartsWith(arguments.front(), "-")) return true;
  return itself.takes_words &&
         (arguments.front().empty() || FindCommand(itself.group, arguments.front()) == nullptr);
}

// Runs what the words after a group's name ask for. A group may be a command itself
// (jet-certificate-request, jet-sign).
int RunGroup(const std::string& group, std::vector<std::string> arguments) {
  MoveLeadingOptionsBack(arguments);
  const Command* itself = FindCommand(group, "");
  if (itself != nullptr && AreItsOwn(*itself, arguments)) {
    return RunCommand(*itself, std::move(arguments));
  }
  if (arguments.empty()) {
    PrintOverview(group);
    return static_cast<int>(ExitStatus::kUsage);
  }
  if (!IsHelp(arguments.front())) return RunCommandOf(group, std::move(arguments));
  if (itself != nullptr) return RunCommand(*itself, {"--help"});
  PrintOverview(group);
  return static_cast<int>(ExitStatus::kGood);
}

}  // namespace

int Dispatch(const std::string& program, std::vector<std::string> arguments) {
  const std::string name = program.substr(program.find_last_of('/') + 1);
  absl::string_view called_as = name;
  if (absl::ConsumePrefix(&called_as, "jet-")) {
    arguments.insert(arguments.begin(), std::string(called_as));
  }
  MoveLeadingOptionsBack(arguments);
  if (arguments.empty()) {
    PrintOverview("");
    return static_cast<int>(ExitStatus::kUsage);
  }
  if (IsHelp(arguments.front())) {
    PrintOverview("");
    return static_cast<int>(ExitStatus::kGood);
  }
  if (arguments.front() == "--version") return PrintVersion();
  if (IsJunosWord(arguments.front())) return RunRouterWords(arguments);
  if (!IsGroup(arguments.front())) return RunCommandOf("", std::move(arguments));
  const std::string group = arguments.front();
  arguments.erase(arguments.begin());
  return RunGroup(group, std::move(arguments));
}

}  // namespace jet::cli

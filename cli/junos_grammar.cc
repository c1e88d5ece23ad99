#include "cli/junos_grammar.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/escape.h"
#include "cli/file_commands.h"
#include "cli/key_commands.h"

namespace jet::cli {
namespace {

// The values of the arguments that were given, by the word before them.
using Arguments = std::map<std::string, std::string>;

struct JunosArgument {
  std::string word;   // "key-name"
  std::string value;  // what stands for its value in help: "<name>"
  bool required;
  const char* help;
};

struct JunosCommand {
  const char* words;  // the keywords, in order
  const char* help;
  std::vector<JunosArgument> arguments;  // in any order after the keywords
  RunFunction (*bind)(const Arguments&);
};

std::string ValueOf(const Arguments& arguments, const std::string& word) {
  const auto found = arguments.find(word);
  return found == arguments.end() ? std::string() : found->second;
}

RunFunction BindImport(const Arguments& arguments) {
  ImportOptions options;
  options.key_name = ValueOf(arguments, "key-name");
  options.certificate = ValueOf(arguments, "x509-cert");
  options.private_key.source = ValueOf(arguments, "private-key");
  return [options](Session& session) { return RunKeystoreImport(session, options); };
}

RunFunction BindShowKeystore(const Arguments& arguments) {
  ListOptions options;
  options.key_name = ValueOf(arguments, "key-name");
  return [options](Session& session) { return RunKeystoreList(session, options); };
}

RunFunction BindShowKeyring(const Arguments& /*arguments*/) {
  return [](Session& session) { return RunImaKeyring(session, {}); };
}

RunFunction BindMeasure(const Arguments& arguments) {
  SignCommandOptions options;
  options.files.paths = {ValueOf(arguments, "file")};
  options.key.key_name = ValueOf(arguments, "key");
  return [options](Session& session) { return RunSign(session, options); };
}

RunFunction BindAppraise(const Arguments& arguments) {
  AppraiseCommandOptions options;
  options.files.paths = {ValueOf(arguments, "file")};
  options.trust.keys = {ValueOf(arguments, "key")};
  return [options](Session& session) { return RunAppraise(session, options); };
}

const std::vector<JunosCommand>& JunosCommands() {
  static const std::vector<JunosCommand> kCommands = {
      {"request security system-keystore import",
       "Import a signing key",
       {{"key-name", "<name>", true, "Name of the key"},
        {"x509-cert", "<file>", true, "Certificate file, DER"},
        {"private-key", "<file>", false, "Private key file, PEM"}},
       BindImport},
      {"show security integrity system-keystore",
       "Show the keys of the system keystore",
       {{"key-name", "<name>", false, "Name of the key"}},
       BindShowKeystore},
      {"show security integrity extended-keyring",
       "Show the IMA extended keyring",
       {},
       BindShowKeyring},
      {"request security integrity measure",
       "Sign a file",
       {{"file", "<file>", true, "File to sign"}, {"key", "<name>", true, "Name of the key"}},
       BindMeasure},
      {"request security integrity appraise",
       "Say whether a file is properly signed",
       {{"file", "<file>", true, "File to appraise"}, {"key", "<name>", true, "Name of the key"}},
       BindAppraise},
  };
  return kCommands;
}

std::vector<std::string> KeywordsOf(const JunosCommand& command) {
  return absl::StrSplit(command.words, ' ');
}

// What may stand at some place, with its help.
using Completions = std::map<std::string, std::string>;

// Returns the one candidate that `word` is or abbreviates; otherwise empty, with `error` set.
std::string Expand(const std::string& word, const Completions& candidates, std::string& error) {
  if (candidates.count(word) == 1) return word;
  std::vector<std::string> matching;
  for (const auto& [candidate, help] : candidates) {
    if (absl::StartsWith(candidate, word)) matching.push_back(candidate);
  }
  if (matching.size() == 1) return matching.front();
  std::vector<std::string> known;
  for (const auto& [candidate, help] : candidates) known.push_back(candidate);
  error =
      matching.empty()
          ? absl::StrCat("'", word, "' is not understood here (possible: ",
                         known.empty() ? "the end of the command" : absl::StrJoin(known, ", "), ")")
          : absl::StrCat("'", word, "' is ambiguous: ", absl::StrJoin(matching, ", "));
  return "";
}

int PrintCompletions(const Completions& completions, bool complete) {
  std::cout << "Possible completions:\n";
  if (complete) std::cout << "  <[Enter]>            Execute this command\n";
  for (const auto& [word, help] : completions) {
    std::cout << "  " << word;
    if (!help.empty()) {
      std::cout << std::string(word.size() < 20 ? 20 - word.size() : 1, ' ') << " " << help;
    }
    std::cout << "\n";
  }
  std::cout.flush();
  return static_cast<int>(ExitStatus::kGood);
}

int PrintError(const std::string& message) {
  std::cerr << "jet: error: " << Escape(message) << "\n";
  return static_cast<int>(ExitStatus::kUsage);
}

class Parser {
 public:
  explicit Parser(std::vector<std::string> words) : words_(std::move(words)) {}

  // Reads the keywords and leaves the one command they name. False when the parse has ended; then
  // `exit` is its status.
  bool ReadKeywords(int& exit) {
    for (const JunosCommand& command : JunosCommands()) candidates_.push_back(&command);
    for (size_t depth = 0; !AllKeywordsRead(depth); ++depth) {
      const Completions completions = KeywordsAt(depth);
      if (next_ == words_.size()) {
        exit =
            PrintError(absl::StrCat("the command is not complete: '?' after it shows what may "
                                    "come next"));
        return false;
      }
      if (words_[next_] == "?") {
        exit = PrintCompletions(completions, /*complete=*/false);
        return false;
      }
      std::string error;
      const std::string keyword = Expand(words_[next_++], completions, error);
      if (keyword.empty()) {
        exit = PrintError(error);
        return false;
      }
      KeepCandidates(depth, keyword);
    }
    return true;
  }

  const JunosCommand& command() const { return *candidates_.front(); }

  // Reads the arguments after the keywords, in any order.
  bool ReadArguments(Arguments& arguments, int& exit) {
    while (next_ < words_.size()) {
      const Completions completions = MissingArguments(arguments);
      if (words_[next_] == "?") {
        exit = PrintCompletions(completions, MissingRequired(arguments).empty());
        return false;
      }
      std::string error;
      const std::string word = Expand(words_[next_++], completions, error);
      if (word.empty()) {
        exit = PrintError(error);
        return false;
      }
      if (next_ == words_.size()) {
        exit = PrintError(absl::StrCat("'", word, "' needs a value"));
        return false;
      }
      if (words_[next_] == "?") {
        exit = PrintCompletions({{ArgumentOf(word).value, ArgumentOf(word).help}}, false);
        return false;
      }
      arguments[word] = words_[next_++];
    }
    const std::vector<std::string> missing = MissingRequired(arguments);
    if (missing.empty()) return true;
    exit = PrintError(absl::StrCat("missing: ", absl::StrJoin(missing, ", ")));
    return false;
  }

 private:
  bool AllKeywordsRead(size_t depth) const {
    return candidates_.size() == 1 && KeywordsOf(*candidates_.front()).size() == depth;
  }

  Completions KeywordsAt(size_t depth) const {
    Completions completions;
    for (const JunosCommand* command : candidates_) {
      const std::vector<std::string> keywords = KeywordsOf(*command);
      const bool last = keywords.size() == depth + 1;
      completions[keywords.at(depth)] = last ? command->help : "";
    }
    return completions;
  }

  void KeepCandidates(size_t depth, const std::string& keyword) {
    candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(),
                                     [&](const JunosCommand* command) {
                                       return KeywordsOf(*command).at(depth) != keyword;
                                     }),
                      candidates_.end());
  }

  Completions MissingArguments(const Arguments& given) const {
    Completions completions;
    for (const JunosArgument& argument : command().arguments) {
      if (given.count(argument.word) == 0) completions[argument.word] = argument.help;
    }
    return completions;
  }

  std::vector<std::string> MissingRequired(const Arguments& given) const {
    std::vector<std::string> missing;
    for (const JunosArgument& argument : command().arguments) {
      if (argument.required && given.count(argument.word) == 0) missing.push_back(argument.word);
    }
    return missing;
  }

  const JunosArgument& ArgumentOf(const std::string& word) const {
    const auto& all = command().arguments;
    return *std::find_if(all.begin(), all.end(),
                         [&](const JunosArgument& argument) { return argument.word == word; });
  }

  const std::vector<std::string> words_;
  size_t next_ = 0;
  std::vector<const JunosCommand*> candidates_;
};

}  // namespace

bool IsJunosWord(absl::string_view word) {
  return word == "?" || (word.size() >= 2 &&
                         (absl::StartsWith("request", word) || absl::StartsWith("show", word)));
}

int RunJunos(const std::vector<std::string>& words,
             absl::FunctionRef<int(const RunFunction&)> execute) {
  Parser parser(words);
  Arguments arguments;
  int exit = 0;
  if (!parser.ReadKeywords(exit) || !parser.ReadArguments(arguments, exit)) return exit;
  return execute(parser.command().bind(arguments));
}

std::string JunosOverview() {
  std::string overview;
  for (const JunosCommand& command : JunosCommands()) {
    absl::StrAppend(&overview, "  jet ", command.words);
    for (const JunosArgument& argument : command.arguments) {
      absl::StrAppend(&overview, argument.required ? " " : " [", argument.word, " ", argument.value,
                      argument.required ? "" : "]");
    }
    absl::StrAppend(&overview, "\n");
  }
  return overview;
}

}  // namespace jet::cli

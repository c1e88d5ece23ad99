#include "ima/command_line.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace jet::ima {
namespace {

// Splits at white space outside of double quotes, which are dropped (next_arg).
std::vector<std::string> Words(absl::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  bool begun = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
      begun = true;
    } else if (!quoted && absl::ascii_isspace(static_cast<unsigned char>(c))) {
      if (begun) words.push_back(std::move(word));
      word.clear();
      begun = false;
    } else {
      word += c;
      begun = true;
    }
  }
  if (begun) words.push_back(std::move(word));
  return words;
}

// "a|b" means both (ima_policy.c, policy_setup, which splits at spaces too).
void AddPolicies(absl::string_view value, std::vector<std::string>& policies) {
  for (const absl::string_view policy :
       absl::StrSplit(value, absl::ByAnyChar(" |\n"), absl::SkipEmpty())) {
    policies.emplace_back(policy);
  }
}

}  // namespace

ImaCommandLine ParseImaCommandLine(absl::string_view line) {
  ImaCommandLine found;
  for (const std::string& word : Words(line)) {
    if (word == "--") break;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(word, absl::MaxSplits('=', 1));
    const std::string name = absl::StrReplaceAll(parts.first, {{"-", "_"}});
    if (name == "ima_appraise") found.appraise = std::string(parts.second);
    if (name == "jet.policy") found.policy_off = parts.second == "off";
    if (name == "ima_policy") AddPolicies(parts.second, found.boot_policies);
    if (name == "ima_tcb") found.boot_policies.emplace_back("tcb");
    if (name == "ima_appraise_tcb") found.boot_policies.emplace_back("appraise_tcb");
  }
  return found;
}

}  // namespace jet::ima

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "ima/policy.h"
#include "ima/policy_validation.h"

namespace jet::ima {
namespace {

// As much of a foreign word as goes into a message.
constexpr size_t kQuoted = 64;

template <typename Value>
struct Word {
  const char* word;
  Value value;
};

constexpr Word<PolicyAction> kActions[] = {
    {"measure", PolicyAction::kMeasure},    {"dont_measure", PolicyAction::kDontMeasure},
    {"appraise", PolicyAction::kAppraise},  {"dont_appraise", PolicyAction::kDontAppraise},
    {"audit", PolicyAction::kAudit},        {"hash", PolicyAction::kHash},
    {"dont_hash", PolicyAction::kDontHash},
};

// The first of several words for a hook is its name.
constexpr Word<PolicyHook> kHooks[] = {
    {"FILE_CHECK", PolicyHook::kFileCheck},
    {"PATH_CHECK", PolicyHook::kFileCheck},
    {"MMAP_CHECK", PolicyHook::kMmapCheck},
    {"FILE_MMAP", PolicyHook::kMmapCheck},
    {"BPRM_CHECK", PolicyHook::kBprmCheck},
    {"CREDS_CHECK", PolicyHook::kCredsCheck},
    {"MODULE_CHECK", PolicyHook::kModuleCheck},
    {"FIRMWARE_CHECK", PolicyHook::kFirmwareCheck},
    {"KEXEC_KERNEL_CHECK", PolicyHook::kKexecKernelCheck},
    {"KEXEC_INITRAMFS_CHECK", PolicyHook::kKexecInitramfsCheck},
    {"POLICY_CHECK", PolicyHook::kPolicyCheck},
    {"KEXEC_CMDLINE", PolicyHook::kKexecCmdline},
    {"KEY_CHECK", PolicyHook::kKeyCheck},
    {"CRITICAL_DATA", PolicyHook::kCriticalData},
    {"SETXATTR_CHECK", PolicyHook::kSetxattrCheck},
};

constexpr Word<AccessMask> kMasks[] = {
    {"MAY_EXEC", AccessMask::kExec},
    {"MAY_WRITE", AccessMask::kWrite},
    {"MAY_READ", AccessMask::kRead},
    {"MAY_APPEND", AccessMask::kAppend},
};

template <typename Value, size_t kSize>
absl::optional<Value> Find(const Word<Value> (&words)[kSize], absl::string_view word) {
  for (const Word<Value>& known : words) {
    if (word == known.word) return known.value;
  }
  return absl::nullopt;
}

absl::Status Refused(absl::string_view why) { return absl::InvalidArgumentError(why); }

std::string Quoted(absl::string_view word) {
  const bool whole = word.size() <= kQuoted;
  return absl::StrCat("'", word.substr(0, kQuoted), whole ? "" : "...", "'");
}

// An option of a rule: its name, what joins it to the value ('=', '<', '>', or none), the value.
struct Option {
  absl::string_view word;
  absl::string_view name;
  char relation = '\0';
  absl::string_view value;
};

Option SplitOption(absl::string_view word) {
  const size_t end = word.find_first_of("=<>");
  if (end == absl::string_view::npos) return {word, word, '\0', ""};
  return {word, word.substr(0, end), word[end], word.substr(end + 1)};
}

// Reads one rule, word by word.
class RuleParser {
 public:
  explicit RuleParser(PolicyText kind) : kind_(kind) {}

  absl::Status Take(absl::string_view word) {
    const absl::optional<PolicyAction> action = Find(kActions, word);
    if (action.has_value()) return TakeAction(*action);
    const Option option = SplitOption(word);
    if (option.relation == '\0') return TakeFlag(option);
    if (option.value.empty()) return Refused(absl::StrCat(Quoted(word), " has no value"));
    if (option.relation != '=') return TakeId(option);
    return TakeOption(option);
  }

  // Returns the rule, if its words go together.
  absl::StatusOr<PolicyRule> Finish() {
    if (!action_.has_value()) {
      return Refused("it says neither appraise nor measure, nor another action");
    }
    rule_.action = *action_;
    JET_RETURN_IF_ERROR(ValidateRule(rule_, words_));
    rule_.requirement = RequirementOf();
    rule_.verity = Has(kVerityWord);
    return std::move(rule_);
  }

 private:
  absl::Status TakeAction(PolicyAction action) {
    if (action_.has_value()) return Refused("it has two actions");
    action_ = action;
    return absl::OkStatus();
  }

  absl::Status TakeFlag(const Option& option) {
    if (option.word != "permit_directio") return Unknown(option);
    words_ |= kDirectIoWord;
    return absl::OkStatus();
  }

  bool Has(RuleWord word) const { return (words_ & word) != 0; }

  static absl::Status Unknown(const Option& option) {
    return Refused(absl::StrCat("unknown word ", Quoted(option.word)));
  }

  // Sets a condition that may be given once.
  template <typename Value>
  static absl::Status Set(absl::optional<Value>& target, const absl::optional<Value>& value,
                          const Option& option) {
    if (target.has_value()) return Refused(absl::StrCat(option.name, " is given twice"));
    if (!value.has_value()) return Unknown(option);
    target = value;
    return absl::OkStatus();
  }

  absl::Status TakeOption(const Option& option) {
    if (option.name == "func") return Set(rule_.hook, Find(kHooks, option.value), option);
    if (option.name == "mask") return TakeMask(option);
    if (option.name == "fsmagic") return TakeMagic(option);
    if (option.name == "fsname") return TakeName(option);
    if (option.name == "fsuuid") return TakeUuid(option);
    if (option.name == "digest_type") return TakeDigestType(option);
    if (option.name == "appraise_type") return TakeAppraiseType(option);
    if (option.name == "appraise_algos") return TakeAlgorithms(option);
    if (option.name == "appraise_flag") return TakeAppraiseFlag(option);
    if (option.name == "pcr") return TakePcr(option);
    if (option.name == "template") return TakeTemplate(option);
    if (option.name == "keyrings") return TakeList(kKeyringsWord, option);
    if (option.name == "label") return TakeList(kLabelWord, option);
    if (IsLabel(option.name)) {
      words_ |= kSecurityWord;
      rule_.circumstances.emplace_back(option.word);
      return absl::OkStatus();
    }
    return TakeId(option);
  }

  static bool IsLabel(absl::string_view name) {
    for (const char* label :
         {"obj_user", "obj_role", "obj_type", "subj_user", "subj_role", "subj_type"}) {
      if (name == label) return true;
    }
    return false;
  }

  absl::Status TakeMask(const Option& option) {
    words_ |= kMaskWord;
    absl::string_view word = option.value;
    const bool any_of = absl::ConsumePrefix(&word, "^");
    const absl::optional<AccessMask> mask = Find(kMasks, word);
    absl::optional<MaskCondition> condition;
    if (mask.has_value()) condition = MaskCondition{*mask, any_of};
    return Set(rule_.mask, condition, option);
  }

  absl::Status TakeMagic(const Option& option) {
    words_ |= kMagicWord;
    const absl::string_view digits = WithoutPlus(option.value);
    uint64_t number = 0;
    const bool good = !digits.empty() &&
                      absl::ascii_isxdigit(static_cast<unsigned char>(digits.front())) &&
                      absl::SimpleHexAtoi(digits, &number);
    return Set(rule_.file_system_magic, good ? absl::make_optional(number) : absl::nullopt, option);
  }

  absl::Status TakeName(const Option& option) {
    words_ |= kNameWord;
    rule_.file_system_name = std::string(option.value);
    return absl::OkStatus();
  }

  absl::Status TakeUuid(const Option& option) {
    constexpr size_t kUuidText = 36;
    // The kernel does not look at what follows it (uuid_parse).
    bool good = option.value.size() >= kUuidText;
    for (size_t i = 0; good && i < kUuidText; ++i) {
      const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
      good = hyphen ? option.value[i] == '-'
                    : absl::ascii_isxdigit(static_cast<unsigned char>(option.value[i]));
    }
    if (!good) return Unknown(option);
    JET_RETURN_IF_ERROR(Once(kUuidWord, kUuidWord, option));
    rule_.circumstances.emplace_back(option.word);
    return absl::OkStatus();
  }

  // Notes `word`, which excludes the set `rivals`.
  absl::Status Once(RuleWord word, uint32_t rivals, const Option& option) {
    if ((words_ & rivals) != 0) return Refused(absl::StrCat(option.name, " is given twice"));
    words_ |= word;
    return absl::OkStatus();
  }

  // "a|b", without an empty element.
  absl::Status TakeList(RuleWord word, const Option& option) {
    for (const absl::string_view element : absl::StrSplit(option.value, '|')) {
      if (element.empty()) return Refused(absl::StrCat(Quoted(option.word), " has an empty name"));
    }
    return Once(word, word, option);
  }

  // Notes a condition on who uses the file, which a file alone does not decide.
  absl::Status TakeUserId(const Option& option) {
    constexpr uint32_t kUserWords = kUidWord | kEuidWord;
    constexpr uint32_t kGroupWords = kGidWord | kEgidWord;
    const bool effective = option.name.front() == 'e';
    const bool of_user = absl::EndsWith(option.name, "uid");
    JET_RETURN_IF_ERROR(of_user ? Once(effective ? kEuidWord : kUidWord, kUserWords, option)
                                : Once(effective ? kEgidWord : kGidWord, kGroupWords, option));
    rule_.circumstances.emplace_back(option.word);
    return absl::OkStatus();
  }

  absl::Status TakeId(const Option& option) {
    const auto is = [&option](const char* name) { return option.name == name; };
    const bool of_file = is("fowner") || is("fgroup");
    const bool of_user = is("uid") || is("euid");
    if (!of_file && !of_user && !is("gid") && !is("egid")) return Unknown(option);
    const absl::optional<IdCondition> condition = ParseId(option);
    if (!condition.has_value()) return Unknown(option);
    if (!of_file) return TakeUserId(option);
    words_ |= is("fowner") ? kOwnerWord : kGroupWord;
    return Set(is("fowner") ? rule_.owner : rule_.group, condition, option);
  }

  // The kernel's numbers may have one (kstrtoul).
  static absl::string_view WithoutPlus(absl::string_view number) {
    absl::ConsumePrefix(&number, "+");
    return number;
  }

  // Of digits alone, as kstrtoul takes them.
  static absl::optional<uint32_t> ParseNumber(absl::string_view text) {
    const absl::string_view digits = WithoutPlus(text);
    uint32_t number = 0;
    const bool all_digits = std::all_of(digits.begin(), digits.end(), [](char c) {
      return absl::ascii_isdigit(static_cast<unsigned char>(c));
    });
    if (!all_digits || !absl::SimpleAtoi(digits, &number)) return absl::nullopt;
    return number;
  }

  static absl::optional<IdCondition> ParseId(const Option& option) {
    const absl::optional<uint32_t> number = ParseNumber(option.value);
    // All ones is no user.
    if (!number.has_value() || *number == UINT32_MAX) return absl::nullopt;
    const uint32_t id = *number;
    if (option.relation == '>') return IdCondition{Comparison::kGreater, id};
    return IdCondition{option.relation == '<' ? Comparison::kLess : Comparison::kEqual, id};
  }

  absl::Status TakeDigestType(const Option& option) {
    if (option.value != "verity") return Unknown(option);
    if (Has(kSignatureWord) && kind_ == PolicyText::kWritten) {
      return Refused("the kernel wants digest_type before appraise_type");
    }
    words_ |= kVerityWord;
    return absl::OkStatus();
  }

  absl::Status TakeAppraiseType(const Option& option) {
    const bool of_verity = option.value == "sigv3";
    const bool modsig = option.value == "imasig|modsig";
    if (!of_verity && !modsig && option.value != "imasig") return Unknown(option);
    if (of_verity != Has(kVerityWord) && !(of_verity && kind_ == PolicyText::kShown)) {
      return Refused(of_verity ? "appraise_type=sigv3 wants digest_type=verity before it"
                               : "digest_type=verity wants appraise_type=sigv3");
    }
    words_ |= kSignatureWord;
    if (modsig) words_ |= kModsigWord;
    return absl::OkStatus();
  }

  absl::Status TakeAlgorithms(const Option& option) {
    JET_RETURN_IF_ERROR(Once(kAlgorithmsWord, kAlgorithmsWord, option));
    for (const absl::string_view name : absl::StrSplit(option.value, ',')) {
      if (!IsKernelHashName(name)) {
        return Refused(absl::StrCat("unknown hash algorithm ", Quoted(name)));
      }
      rule_.algorithms.emplace_back(name);
    }
    return absl::OkStatus();
  }

  absl::Status TakeAppraiseFlag(const Option& option) {
    if (!absl::StrContains(option.value, "blacklist")) return Unknown(option);
    words_ |= kBlacklistWord;
    return absl::OkStatus();
  }

  absl::Status TakePcr(const Option& option) {
    constexpr uint32_t kPcrs = 64;  // the bits of integrity_iint_cache.measured_pcrs
    const absl::optional<uint32_t> number = ParseNumber(option.value);
    if (!number.has_value() || *number >= kPcrs) return Unknown(option);
    words_ |= kPcrWord;
    return absl::OkStatus();
  }

  absl::Status TakeTemplate(const Option& option) {
    if (action_ != PolicyAction::kMeasure) return Refused("template= belongs to measure, after it");
    return Once(kTemplateWord, kTemplateWord, option);
  }

  Requirement RequirementOf() const {
    if (Has(kVerityWord) && Has(kSignatureWord)) return Requirement::kVeritySignature;
    if (Has(kModsigWord)) return Requirement::kSignatureOrModsig;
    return Has(kSignatureWord) ? Requirement::kSignature : Requirement::kHashOrSignature;
  }

  const PolicyText kind_;
  PolicyRule rule_;
  absl::optional<PolicyAction> action_;
  uint32_t words_ = 0;  // of RuleWord
};

absl::StatusOr<PolicyRule> ParseRule(absl::string_view line, PolicyText kind) {
  RuleParser parser(kind);
  for (const absl::string_view word :
       absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty())) {
    JET_RETURN_IF_ERROR(parser.Take(word));
  }
  return parser.Finish();
}

}  // namespace

absl::StatusOr<Policy> ParsePolicy(absl::string_view text, PolicyText kind) {
  Policy policy;
  size_t number = 0;
  for (const absl::string_view raw : absl::StrSplit(text, '\n')) {
    ++number;
    // Not a carriage return: the kernel takes it for part of a word.
    const absl::string_view line = raw.substr(std::min(raw.find_first_not_of(" \t"), raw.size()));
    if (line.empty() || line.front() == '#') continue;
    // The kernel takes what comes before it, and says nothing of the rest.
    if (line.find('\0') != absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, " holds a NUL byte"));
    }
    absl::StatusOr<PolicyRule> rule = ParseRule(line, kind);
    if (!rule.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": ", rule.status().message()));
    }
    rule->line = number;
    rule->text = std::string(line.substr(0, line.find_last_not_of(" \t") + 1));
    policy.rules.push_back(*std::move(rule));
  }
  if (policy.rules.empty()) return absl::InvalidArgumentError("it has no rule");
  return policy;
}

const char* PolicyHookName(PolicyHook hook) {
  for (const Word<PolicyHook>& known : kHooks) {
    if (known.value == hook) return known.word;
  }
  return "";
}

}  // namespace jet::ima

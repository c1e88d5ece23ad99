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
#include "ima/signature.h"

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
    JET_RETURN_IF_ERROR(CheckAction());
    JET_RETURN_IF_ERROR(CheckHook());
    if (verity_ && rule_.action == PolicyAction::kAppraise && !signature_) {
      return Refused("digest_type=verity wants appraise_type=sigv3 as well");
    }
    rule_.requirement = RequirementOf();
    return std::move(rule_);
  }

 private:
  absl::Status TakeAction(PolicyAction action) {
    if (action_.has_value()) return Refused("it has two actions");
    action_ = action;
    return absl::OkStatus();
  }

  absl::Status TakeFlag(const Option& option) {
    if (option.word == "permit_directio") return absl::OkStatus();
    return Unknown(option);
  }

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
    if (option.name == "pcr" || option.name == "template") return TakeOfMeasuring(option);
    if (option.name == "keyrings" || option.name == "label") return absl::OkStatus();
    if (IsLabel(option.name)) {
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
    absl::string_view word = option.value;
    const bool any_of = absl::ConsumePrefix(&word, "^");
    const absl::optional<AccessMask> mask = Find(kMasks, word);
    absl::optional<MaskCondition> condition;
    if (mask.has_value()) condition = MaskCondition{*mask, any_of};
    return Set(rule_.mask, condition, option);
  }

  absl::Status TakeMagic(const Option& option) {
    uint64_t number = 0;
    const bool good = absl::ascii_isxdigit(static_cast<unsigned char>(option.value.front())) &&
                      absl::SimpleHexAtoi(option.value, &number);
    return Set(rule_.file_system_magic, good ? absl::make_optional(number) : absl::nullopt, option);
  }

  absl::Status TakeName(const Option& option) {
    rule_.file_system_name = std::string(option.value);
    return absl::OkStatus();
  }

  absl::Status TakeUuid(const Option& option) {
    constexpr size_t kUuidText = 36;
    bool good = option.value.size() == kUuidText;
    for (size_t i = 0; good && i < kUuidText; ++i) {
      const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
      good = hyphen ? option.value[i] == '-'
                    : absl::ascii_isxdigit(static_cast<unsigned char>(option.value[i]));
    }
    if (!good) return Unknown(option);
    return TakeOnce(uuid_, option);
  }

  // Notes a condition that a file alone does not decide.
  absl::Status TakeOnce(bool& given, const Option& option) {
    if (given) return Refused(absl::StrCat(option.name, " is given twice"));
    given = true;
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
    if (of_file) return Set(is("fowner") ? rule_.owner : rule_.group, condition, option);
    return TakeOnce(of_user ? user_ : group_, option);
  }

  static absl::optional<IdCondition> ParseId(const Option& option) {
    uint32_t id = 0;
    const bool digits = std::all_of(option.value.begin(), option.value.end(), [](char c) {
      return absl::ascii_isdigit(static_cast<unsigned char>(c));
    });
    // All ones is no user.
    if (!digits || !absl::SimpleAtoi(option.value, &id) || id == UINT32_MAX) return absl::nullopt;
    if (option.relation == '>') return IdCondition{Comparison::kGreater, id};
    return IdCondition{option.relation == '<' ? Comparison::kLess : Comparison::kEqual, id};
  }

  absl::Status TakeDigestType(const Option& option) {
    if (option.value != "verity") return Unknown(option);
    if (signature_ && kind_ == PolicyText::kWritten) {
      return Refused("the kernel wants digest_type before appraise_type");
    }
    verity_ = true;
    return absl::OkStatus();
  }

  absl::Status TakeAppraiseType(const Option& option) {
    const bool of_verity = option.value == "sigv3";
    modsig_ = option.value == "imasig|modsig";
    if (!of_verity && !modsig_ && option.value != "imasig") return Unknown(option);
    if (of_verity != verity_ && !(of_verity && kind_ == PolicyText::kShown)) {
      return Refused(of_verity ? "appraise_type=sigv3 wants digest_type=verity before it"
                               : "digest_type=verity wants appraise_type=sigv3");
    }
    signature_ = true;
    return absl::OkStatus();
  }

  absl::Status TakeAlgorithms(const Option& option) {
    if (!rule_.algorithms.empty()) return Refused("appraise_algos is given twice");
    for (const absl::string_view name : absl::StrSplit(option.value, ',')) {
      if (!IsKernelHashName(name)) {
        return Refused(absl::StrCat("unknown hash algorithm ", Quoted(name)));
      }
      rule_.algorithms.emplace_back(name);
    }
    return absl::OkStatus();
  }

  static bool IsKernelHashName(absl::string_view name) {
    static const std::vector<std::string> kNames = [] {
      std::vector<std::string> names;
      for (int id = 0; id <= UINT8_MAX; ++id) {
        const absl::optional<std::string> known = KernelHashName(static_cast<uint8_t>(id));
        if (known.has_value()) names.push_back(*known);
      }
      return names;
    }();
    return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
  }

  absl::Status TakeAppraiseFlag(const Option& option) {
    if (!absl::StrContains(option.value, "blacklist")) return Unknown(option);
    blacklist_ = true;
    return absl::OkStatus();
  }

  absl::Status TakeOfMeasuring(const Option& option) {
    const bool measures = action_.has_value() && *action_ == PolicyAction::kMeasure;
    if (option.name == "template" && !measures) {
      return Refused("template= belongs to measure, after it");
    }
    int number = 0;
    if (option.name == "pcr" && (!absl::SimpleAtoi(option.value, &number) || number < 0)) {
      return Unknown(option);
    }
    of_measuring_ = true;
    return absl::OkStatus();
  }

  absl::Status CheckAction() const {
    if (of_measuring_ && rule_.action != PolicyAction::kMeasure) {
      return Refused("pcr= and template= belong to measure");
    }
    const bool of_appraising = signature_ || blacklist_ || !rule_.algorithms.empty();
    if (of_appraising && rule_.action != PolicyAction::kAppraise) {
      return Refused("appraise_type, appraise_flag and appraise_algos belong to appraise");
    }
    if (blacklist_ && !modsig_) {
      return Refused("appraise_flag=check_blacklist wants appraise_type=imasig|modsig");
    }
    return absl::OkStatus();
  }

  absl::Status CheckHook() const {
    const bool loads = rule_.hook == PolicyHook::kModuleCheck ||
                       rule_.hook == PolicyHook::kKexecKernelCheck ||
                       rule_.hook == PolicyHook::kKexecInitramfsCheck;
    if (modsig_ && !loads) {
      return Refused("imasig|modsig is for MODULE_CHECK and KEXEC_..._CHECK only");
    }
    if (verity_ && loads) return Refused("digest_type=verity is not for this func");
    const bool measured_only = rule_.hook == PolicyHook::kKexecCmdline ||
                               rule_.hook == PolicyHook::kKeyCheck ||
                               rule_.hook == PolicyHook::kCriticalData;
    if (measured_only && rule_.action != PolicyAction::kMeasure &&
        rule_.action != PolicyAction::kDontMeasure) {
      return Refused(absl::StrCat(PolicyHookName(*rule_.hook), " is only ever measured"));
    }
    if (rule_.hook == PolicyHook::kSetxattrCheck &&
        (rule_.action != PolicyAction::kAppraise || rule_.algorithms.empty())) {
      return Refused("SETXATTR_CHECK is for appraise with appraise_algos=");
    }
    return absl::OkStatus();
  }

  Requirement RequirementOf() const {
    if (verity_ && signature_) return Requirement::kVeritySignature;
    if (modsig_) return Requirement::kSignatureOrModsig;
    return signature_ ? Requirement::kSignature : Requirement::kHashOrSignature;
  }

  const PolicyText kind_;
  PolicyRule rule_;
  absl::optional<PolicyAction> action_;
  bool signature_ = false;
  bool modsig_ = false;
  bool verity_ = false;
  bool blacklist_ = false;
  bool of_measuring_ = false;
  bool uuid_ = false;
  bool user_ = false;
  bool group_ = false;
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
    rule->text = std::string(absl::StripTrailingAsciiWhitespace(line));
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

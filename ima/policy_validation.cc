#include "ima/policy_validation.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/status_macros.h"
#include "ima/signature.h"

namespace jet::ima {
namespace {

struct WordName {
  RuleWord word;
  const char* name;
};

constexpr WordName kNames[] = {
    {kMaskWord, "mask="},
    {kMagicWord, "fsmagic="},
    {kNameWord, "fsname="},
    {kUuidWord, "fsuuid="},
    {kUidWord, "uid"},
    {kEuidWord, "euid"},
    {kGidWord, "gid"},
    {kEgidWord, "egid"},
    {kOwnerWord, "fowner"},
    {kGroupWord, "fgroup"},
    {kModsigWord, "appraise_type=imasig|modsig"},
    {kSignatureWord, "appraise_type="},
    {kBlacklistWord, "appraise_flag="},
    {kAlgorithmsWord, "appraise_algos="},
    {kVerityWord, "digest_type="},
    {kDirectIoWord, "permit_directio"},
    {kPcrWord, "pcr="},
    {kKeyringsWord, "keyrings="},
    {kLabelWord, "label="},
    {kSecurityWord, "a label of a security module"},
};

constexpr uint32_t kFileWords = kMagicWord | kNameWord | kUuidWord | kUidWord | kEuidWord |
                                kGidWord | kEgidWord | kOwnerWord | kGroupWord | kPcrWord |
                                kTemplateWord | kSecurityWord;
constexpr uint32_t kAppraisingWords =
    kSignatureWord | kModsigWord | kBlacklistWord | kAlgorithmsWord;

// Template and labels of a security module are no flags of the kernel's: where it does not look at
// them on purpose they pass.
uint32_t WordsAllowed(const absl::optional<PolicyHook>& hook) {
  constexpr uint32_t kUsed =
      kFileWords | kMaskWord | kSignatureWord | kDirectIoWord | kAlgorithmsWord;
  if (!hook.has_value()) return kUsed | kVerityWord;
  switch (*hook) {
    case PolicyHook::kModuleCheck:
    case PolicyHook::kKexecKernelCheck:
    case PolicyHook::kKexecInitramfsCheck:
      return kUsed | kModsigWord | kBlacklistWord;
    case PolicyHook::kKexecCmdline:
      return kFileWords;
    case PolicyHook::kKeyCheck:
      return kUidWord | kGidWord | kPcrWord | kTemplateWord | kKeyringsWord;
    case PolicyHook::kCriticalData:
      return kUidWord | kGidWord | kPcrWord | kTemplateWord | kLabelWord;
    case PolicyHook::kSetxattrCheck:
      return kAlgorithmsWord | kSecurityWord;
    case PolicyHook::kFileCheck:
    case PolicyHook::kMmapCheck:
    case PolicyHook::kBprmCheck:
    case PolicyHook::kCredsCheck:
    case PolicyHook::kFirmwareCheck:
    case PolicyHook::kPolicyCheck:
      break;
  }
  return kUsed | kVerityWord;
}

absl::Status CheckAction(const PolicyRule& rule, uint32_t words) {
  if ((words & (kPcrWord | kTemplateWord)) != 0 && rule.action != PolicyAction::kMeasure) {
    return absl::InvalidArgumentError("pcr= and template= belong to measure");
  }
  if ((words & kAppraisingWords) != 0 && rule.action != PolicyAction::kAppraise) {
    return absl::InvalidArgumentError(
        "appraise_type, appraise_flag and appraise_algos belong to appraise");
  }
  if ((words & kBlacklistWord) != 0 && (words & kModsigWord) == 0) {
    return absl::InvalidArgumentError(
        "appraise_flag=check_blacklist wants appraise_type=imasig|modsig");
  }
  return absl::OkStatus();
}

absl::Status CheckHook(const PolicyRule& rule, uint32_t words) {
  const bool measured_only = rule.hook == PolicyHook::kKexecCmdline ||
                             rule.hook == PolicyHook::kKeyCheck ||
                             rule.hook == PolicyHook::kCriticalData;
  if (measured_only && rule.action != PolicyAction::kMeasure &&
      rule.action != PolicyAction::kDontMeasure) {
    return absl::InvalidArgumentError(
        absl::StrCat(PolicyHookName(*rule.hook), " is only ever measured"));
  }
  if (rule.hook == PolicyHook::kSetxattrCheck &&
      (rule.action != PolicyAction::kAppraise || (words & kAlgorithmsWord) == 0)) {
    return absl::InvalidArgumentError("SETXATTR_CHECK is for appraise with appraise_algos=");
  }
  return absl::OkStatus();
}

absl::Status CheckWords(const PolicyRule& rule, uint32_t words) {
  const uint32_t excess = words & ~WordsAllowed(rule.hook);
  for (const WordName& known : kNames) {
    if ((excess & known.word) == 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(known.name, " is not for ",
                     rule.hook.has_value() ? PolicyHookName(*rule.hook) : "a rule without func="));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateRule(const PolicyRule& rule, uint32_t words) {
  JET_RETURN_IF_ERROR(CheckAction(rule, words));
  JET_RETURN_IF_ERROR(CheckHook(rule, words));
  JET_RETURN_IF_ERROR(CheckWords(rule, words));
  if ((words & kVerityWord) != 0 && rule.action == PolicyAction::kAppraise &&
      (words & kSignatureWord) == 0) {
    return absl::InvalidArgumentError("digest_type=verity wants appraise_type=sigv3 as well");
  }
  return absl::OkStatus();
}

bool IsKernelHashName(absl::string_view name) {
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

}  // namespace jet::ima

#include "ima/policy.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace jet::ima {
namespace {

// Whether a condition holds; kUnknown where what it is about is not known.
enum class Truth { kYes, kNo, kUnknown };

Truth Both(Truth a, Truth b) {
  if (a == Truth::kNo || b == Truth::kNo) return Truth::kNo;
  return a == Truth::kYes ? b : a;
}

Truth TruthOf(bool value) { return value ? Truth::kYes : Truth::kNo; }

// The mask that the kernel's hooks ask with (ima_main.c).
AccessMask MaskOf(PolicyHook hook) {
  switch (hook) {
    case PolicyHook::kMmapCheck:
    case PolicyHook::kBprmCheck:
    case PolicyHook::kCredsCheck:
      return AccessMask::kExec;
    case PolicyHook::kFileCheck:
    case PolicyHook::kModuleCheck:
    case PolicyHook::kFirmwareCheck:
    case PolicyHook::kKexecKernelCheck:
    case PolicyHook::kKexecInitramfsCheck:
    case PolicyHook::kPolicyCheck:
    case PolicyHook::kKexecCmdline:
    case PolicyHook::kKeyCheck:
    case PolicyHook::kCriticalData:
    case PolicyHook::kSetxattrCheck:
      break;
  }
  return AccessMask::kRead;
}

Truth Holds(const absl::optional<IdCondition>& condition, uint32_t id) {
  if (!condition.has_value()) return Truth::kYes;
  switch (condition->comparison) {
    case Comparison::kEqual:
      return TruthOf(id == condition->id);
    case Comparison::kGreater:
      return TruthOf(id > condition->id);
    case Comparison::kLess:
      break;
  }
  return TruthOf(id < condition->id);
}

template <typename T>
Truth Equals(const absl::optional<T>& wanted, const absl::optional<T>& actual) {
  if (!wanted.has_value()) return Truth::kYes;
  return actual.has_value() ? TruthOf(*wanted == *actual) : Truth::kUnknown;
}

Truth Applies(const PolicyRule& rule, const PolicySubject& subject, PolicyHook hook) {
  if (rule.hook.has_value() && *rule.hook != hook) return Truth::kNo;
  if (rule.mask.has_value() && rule.mask->mask != MaskOf(hook)) return Truth::kNo;
  Truth truth = Equals(rule.file_system_magic, subject.file_system_magic);
  truth = Both(truth, Equals(rule.file_system_name, subject.file_system_name));
  truth = Both(truth, Holds(rule.owner, subject.owner));
  truth = Both(truth, Holds(rule.group, subject.group));
  return rule.circumstances.empty() ? truth : Both(truth, Truth::kUnknown);
}

bool IsAboutAppraisal(const PolicyRule& rule) {
  return rule.action == PolicyAction::kAppraise || rule.action == PolicyAction::kDontAppraise;
}

// The condition of `rule` that is not known.
std::string CircumstanceOf(const PolicyRule& rule, const PolicySubject& subject) {
  if (!rule.circumstances.empty()) return rule.circumstances.front();
  if (rule.file_system_name.has_value() && !subject.file_system_name.has_value()) {
    return absl::StrCat("fsname=", *rule.file_system_name);
  }
  return "fsmagic=";
}

// True when it makes no difference which of the two decides; a null one is "no rule".
bool SameOutcome(const PolicyRule& a, const PolicyRule* b) {
  const PolicyAction none = PolicyAction::kDontAppraise;
  const PolicyAction other = b == nullptr ? none : b->action;
  if (a.action != other) return false;
  return a.action == none || (a.requirement == b->requirement && a.algorithms == b->algorithms);
}

}  // namespace

PolicyDecision Decide(const Policy& policy, const PolicySubject& subject, PolicyHook hook) {
  std::vector<const PolicyRule*> doubtful;
  const PolicyRule* decisive = nullptr;
  for (const PolicyRule& rule : policy.rules) {
    if (!IsAboutAppraisal(rule)) continue;
    const Truth applies = Applies(rule, subject, hook);
    if (applies == Truth::kUnknown) doubtful.push_back(&rule);
    if (applies != Truth::kYes) continue;
    decisive = &rule;
    break;
  }
  const auto differs =
      std::find_if(doubtful.begin(), doubtful.end(),
                   [decisive](const PolicyRule* rule) { return !SameOutcome(*rule, decisive); });
  if (differs != doubtful.end()) {
    return {Coverage::kDepends, *differs, CircumstanceOf(**differs, subject)};
  }
  if (decisive == nullptr) return {};
  const bool appraised = decisive->action == PolicyAction::kAppraise;
  return {appraised ? Coverage::kAppraised : Coverage::kExempt, decisive, ""};
}

}  // namespace jet::ima

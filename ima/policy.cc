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

Truth Holds(const absl::optional<IdCondition>& condition, const absl::optional<uint32_t>& id) {
  if (!condition.has_value()) return Truth::kYes;
  if (!id.has_value()) return Truth::kUnknown;
  switch (condition->comparison) {
    case Comparison::kEqual:
      return TruthOf(*id == condition->id);
    case Comparison::kGreater:
      return TruthOf(*id > condition->id);
    case Comparison::kLess:
      break;
  }
  return TruthOf(*id < condition->id);
}

template <typename T>
Truth Equals(const absl::optional<T>& wanted, const absl::optional<T>& actual) {
  if (!wanted.has_value()) return Truth::kYes;
  return actual.has_value() ? TruthOf(*wanted == *actual) : Truth::kUnknown;
}

Truth Applies(const PolicyRule& rule, const PolicySubject& subject, const PolicyAccess& access) {
  if (rule.hook.has_value() && *rule.hook != access.hook) return Truth::kNo;
  if (rule.mask.has_value() && rule.mask->mask != access.mask) return Truth::kNo;
  Truth truth = Equals(rule.file_system_magic, subject.file_system_magic);
  truth = Both(truth, Equals(rule.file_system_name, subject.file_system_name));
  truth = Both(truth, Holds(rule.owner, subject.owner));
  truth = Both(truth, Holds(rule.group, subject.group));
  return rule.circumstances.empty() ? truth : Both(truth, Truth::kUnknown);
}

// An action and its opposite: of each family the first rule that matches counts.
enum class Family { kMeasuring, kAppraising, kAuditing, kHashing };

constexpr Family kFamilies[] = {Family::kMeasuring, Family::kAppraising, Family::kAuditing,
                                Family::kHashing};

Family FamilyOf(PolicyAction action) {
  switch (action) {
    case PolicyAction::kMeasure:
    case PolicyAction::kDontMeasure:
      return Family::kMeasuring;
    case PolicyAction::kAudit:
      return Family::kAuditing;
    case PolicyAction::kHash:
    case PolicyAction::kDontHash:
      return Family::kHashing;
    case PolicyAction::kAppraise:
    case PolicyAction::kDontAppraise:
      break;
  }
  return Family::kAppraising;
}

// The rules of a family that come into question at an access.
struct Candidates {
  std::vector<const PolicyRule*> doubtful;  // before `decisive`
  const PolicyRule* decisive = nullptr;     // the first that applies for certain
};

Candidates FindCandidates(const Policy& policy, const PolicySubject& subject,
                          const PolicyAccess& access, Family family) {
  Candidates found;
  for (const PolicyRule& rule : policy.rules) {
    if (FamilyOf(rule.action) != family) continue;
    const Truth applies = Applies(rule, subject, access);
    if (applies == Truth::kUnknown) found.doubtful.push_back(&rule);
    if (applies != Truth::kYes) continue;
    found.decisive = &rule;
    break;
  }
  return found;
}

// Whether the kernel takes the fs-verity digest for the file's.
struct VerityWish {
  Truth truth = Truth::kNo;
  const PolicyRule* rule = nullptr;  // for kUnknown: the first that may apply or not
};

VerityWish WishOf(const Candidates& candidates) {
  const bool decided = candidates.decisive != nullptr && candidates.decisive->verity;
  const auto differs =
      std::find_if(candidates.doubtful.begin(), candidates.doubtful.end(),
                   [decided](const PolicyRule* rule) { return rule->verity != decided; });
  if (differs != candidates.doubtful.end()) return {Truth::kUnknown, *differs};
  return {TruthOf(decided), nullptr};
}

VerityWish Either(const VerityWish& a, const VerityWish& b) {
  if (a.truth == Truth::kYes || b.truth == Truth::kNo) return a;
  return b.truth == Truth::kYes || a.truth == Truth::kNo ? b : a;
}

// The flags of every rule that matches count, whatever its action.
VerityWish FindWish(const Policy& policy, const PolicySubject& subject,
                    const std::vector<PolicyAccess>& accesses) {
  VerityWish wish;
  if (std::none_of(policy.rules.begin(), policy.rules.end(),
                   [](const PolicyRule& rule) { return rule.verity; })) {
    return wish;
  }
  for (const PolicyAccess& access : accesses) {
    for (const Family family : kFamilies) {
      wish = Either(wish, WishOf(FindCandidates(policy, subject, access, family)));
    }
  }
  return wish;
}

Requirement WithVerity(Requirement requirement) {
  return requirement == Requirement::kHashOrSignature ? Requirement::kVerityDigest
                                                      : Requirement::kVeritySignature;
}

// The condition of `rule` that is not known.
std::string CircumstanceOf(const PolicyRule& rule, const PolicySubject& subject) {
  if (!rule.circumstances.empty()) return rule.circumstances.front();
  if (rule.file_system_name.has_value() && !subject.file_system_name.has_value()) {
    return absl::StrCat("fsname=", *rule.file_system_name);
  }
  if (rule.owner.has_value() && !subject.owner.has_value()) return "fowner";
  if (rule.group.has_value() && !subject.group.has_value()) return "fgroup";
  return "fsmagic=";
}

// True when it makes no difference which of the two decides; a null one is "no rule".
bool SameOutcome(const PolicyRule& a, const PolicyRule* b) {
  const PolicyAction none = PolicyAction::kDontAppraise;
  const PolicyAction other = b == nullptr ? none : b->action;
  if (a.action != other) return false;
  return a.action == none || (a.requirement == b->requirement && a.algorithms == b->algorithms);
}

PolicyDecision Depends(const PolicyRule& rule, const PolicySubject& subject) {
  return {Coverage::kDepends, &rule, Requirement::kHashOrSignature, CircumstanceOf(rule, subject)};
}

}  // namespace

PolicyDecision Decide(const Policy& policy, const PolicySubject& subject,
                      const std::vector<PolicyAccess>& accesses) {
  const Candidates candidates =
      FindCandidates(policy, subject, accesses.back(), Family::kAppraising);
  const PolicyRule* const decisive = candidates.decisive;
  const auto differs =
      std::find_if(candidates.doubtful.begin(), candidates.doubtful.end(),
                   [decisive](const PolicyRule* rule) { return !SameOutcome(*rule, decisive); });
  if (differs != candidates.doubtful.end()) return Depends(**differs, subject);
  if (decisive == nullptr) return {};
  if (decisive->action != PolicyAction::kAppraise) {
    return {Coverage::kExempt, decisive, Requirement::kHashOrSignature, ""};
  }
  const VerityWish wish = FindWish(policy, subject, accesses);
  if (wish.truth == Truth::kUnknown) return Depends(*wish.rule, subject);
  const Requirement requirement =
      wish.truth == Truth::kYes ? WithVerity(decisive->requirement) : decisive->requirement;
  return {Coverage::kAppraised, decisive, requirement, ""};
}

}  // namespace jet::ima

// Whether the words of a policy's rule go together, and which words there are. For
// ima/policy_parser.cc.
#ifndef JET_IMA_POLICY_VALIDATION_H_
#define JET_IMA_POLICY_VALIDATION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ima/policy.h"

namespace jet::ima {

// A word that a rule has, as bits of a set (the kernel's IMA_MASK, IMA_FSMAGIC, ...).
enum RuleWord : uint32_t {
  kMaskWord = 1U << 0,
  kMagicWord = 1U << 1,
  kNameWord = 1U << 2,
  kUuidWord = 1U << 3,
  kUidWord = 1U << 4,
  kEuidWord = 1U << 5,
  kGidWord = 1U << 6,
  kEgidWord = 1U << 7,
  kOwnerWord = 1U << 8,
  kGroupWord = 1U << 9,
  kSignatureWord = 1U << 10,  // appraise_type=
  kModsigWord = 1U << 11,     // appraise_type=imasig|modsig; kSignatureWord as well
  kBlacklistWord = 1U << 12,
  kAlgorithmsWord = 1U << 13,
  kVerityWord = 1U << 14,
  kDirectIoWord = 1U << 15,
  kPcrWord = 1U << 16,
  kTemplateWord = 1U << 17,
  kKeyringsWord = 1U << 18,
  kLabelWord = 1U << 19,
  kSecurityWord = 1U << 20,  // obj_*=, subj_*=
};

// Checks the action and the hook of `rule` against the set `words` as ima_validate_rule of Linux
// 6.1 does. INVALID_ARGUMENT naming what does not go together. Pure.
absl::Status ValidateRule(const PolicyRule& rule, uint32_t words);

// True for the name of a hash that appraise_algos= may hold ("sha256"). Thread-safe.
bool IsKernelHashName(absl::string_view name);

}  // namespace jet::ima

#endif  // JET_IMA_POLICY_VALIDATION_H_

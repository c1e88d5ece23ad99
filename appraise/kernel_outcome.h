// What the kernel does with a file that it is about to use in one way.
#ifndef JET_APPRAISE_KERNEL_OUTCOME_H_
#define JET_APPRAISE_KERNEL_OUTCOME_H_

#include <vector>

#include "appraise/explanation.h"
#include "appraise/outcome.h"
#include "ima/policy.h"

namespace jet::appraise {

// Foretells what becomes of a file at the last of `accesses`, as process_measurement and
// ima_appraise_measurement of Linux 6.1 do; those before it are what the kernel asked just before
// (ima::Decide). The mode (ima_appraise=) is left to the caller. The result refers to the policy of
// `input`. Pure.
Outcome ForetellOutcome(const ExplanationInput& input,
                        const std::vector<ima::PolicyAccess>& accesses);

}  // namespace jet::appraise

#endif  // JET_APPRAISE_KERNEL_OUTCOME_H_

// What the kernel does with a file that it is about to use in one way.
#ifndef JET_APPRAISE_KERNEL_OUTCOME_H_
#define JET_APPRAISE_KERNEL_OUTCOME_H_

#include <string>

#include "appraise/explanation.h"
#include "ima/policy.h"

namespace jet::appraise {

enum class Fate {
  kRuns,          // appraised and good
  kRefused,       // or would be, in a mode that only records it
  kNotAppraised,  // used whatever it is
  kUnknown,
};

// A value.
struct Outcome {
  Fate fate = Fate::kUnknown;
  std::string cause;      // the kernel's word after cause=; empty for one that is not known
  std::string operation;  // the audit record's word after op=
  std::string log_line;   // what the kernel logs besides; empty: nothing
  std::string why;        // a clause: "its signature is valid"; for kUnknown what is not known
  const ima::PolicyRule* rule = nullptr;  // that decides; null without one
};

// Foretells it for `hook`, as process_measurement and ima_appraise_measurement of Linux 6.1 do. The
// mode (ima_appraise=) is left to the caller. The result refers to the policy of `input`. Pure.
Outcome ForetellOutcome(const ExplanationInput& input, ima::PolicyHook hook);

// True when the appraisal was made under Rule::kSigv3.
bool IsOfVerity(const Appraisal& appraisal);

// True when it is known that the ring which the kernel's IMA uses lacks `certificate`'s key.
bool RingLacks(const KernelFacts& kernel, const pki::Certificate& certificate);

// True when that ring is seen to hold a key that goes by the signature's key id.
bool RingHasKeyId(const ExplanationInput& input);

}  // namespace jet::appraise

#endif  // JET_APPRAISE_KERNEL_OUTCOME_H_

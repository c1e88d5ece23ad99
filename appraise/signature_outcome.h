// What the kernel does with a signature: whether it finds and uses the key.
#ifndef JET_APPRAISE_SIGNATURE_OUTCOME_H_
#define JET_APPRAISE_SIGNATURE_OUTCOME_H_

#include <cstddef>

#include "appraise/explanation.h"
#include "appraise/outcome.h"

namespace jet::appraise {

// Foretells what becomes of a file whose signature the kernel verifies as the appraisal did
// (integrity_digsig_verify of Linux 6.1). Pure.
Outcome ForetellSignature(const ExplanationInput& input);

// True when it is known that the ring which the kernel's IMA uses lacks `certificate`'s key.
bool RingLacks(const KernelFacts& kernel, const pki::Certificate& certificate);

// The number of keys of that ring that are seen to go by the signature's key id, of which the
// kernel tries only the first.
size_t RingKeysOfKeyId(const ExplanationInput& input);

// True when .ima_blacklist is seen to hold a key that goes by the signature's key id.
bool IsBlacklisted(const ExplanationInput& input);

// True when whether that ring has a key cannot be seen, and the kernel has IMA.
bool IsRingHidden(const KernelFacts& kernel);

}  // namespace jet::appraise

#endif  // JET_APPRAISE_SIGNATURE_OUTCOME_H_

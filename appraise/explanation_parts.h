// The parts of an explanation. For appraise/explanation.cc.
#ifndef JET_APPRAISE_EXPLANATION_PARTS_H_
#define JET_APPRAISE_EXPLANATION_PARTS_H_

#include <vector>

#include "appraise/explanation.h"

namespace jet::appraise {

// Each appends what it has to say to `findings`.

// What the kernel does with the file; returns whether it refuses it in some use.
bool AddOutcomes(const ExplanationInput& input, std::vector<Finding>& findings);

// Who signed it, and what the kernel's keyring has to do with it.
void AddSigner(const ExplanationInput& input, std::vector<Finding>& findings);

// What became of content and attribute.
void AddContent(const ExplanationInput& input, std::vector<Finding>& findings);

// What of this kernel and of the file's place matters.
void AddSurroundings(const ExplanationInput& input, std::vector<Finding>& findings);

}  // namespace jet::appraise

#endif  // JET_APPRAISE_EXPLANATION_PARTS_H_

// Says in plain words what the kernel will do with a file, why, and what to do about it.
#ifndef JET_APPRAISE_EXPLANATION_H_
#define JET_APPRAISE_EXPLANATION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "appraise/appraisal.h"
#include "appraise/file_facts.h"
#include "appraise/trust_set.h"
#include "ima/kernel_facilities.h"
#include "ima/kernel_state.h"
#include "ima/policy_in_force.h"
#include "ima/trust_anchors.h"

namespace jet::appraise {

// One thing to know about a file.
struct Finding {
  std::string id;      // stable, for programs: "refused", "content-changed"
  std::string text;    // whole sentences
  std::string remedy;  // what to do about it, in whole sentences; empty when nothing is to be done
};

// The kernel that a file is explained for. A value; the same for every file of a run.
struct KernelFacts {
  ima::KernelState state;
  ima::KernelFacilities facilities;
  ima::PolicyInForce policy;
  ima::KernelRing ring;  // that its IMA uses: .ima, or the _ima that this process finds
};

struct ExplanationInput {
  const Appraisal& appraisal;
  const FileFacts& file;
  const KernelFacts& kernel;
  const TrustSet& trust;
  absl::Time now;
  std::string path;  // as a word of a shell, for commands in remedies
  // The name of a signature file that lies beside it.
  absl::optional<std::string> signature_file;
};

// Explains an appraisal of a file's security.ima. First comes what the kernel does (ids
// "refused", "runs", "not-appraised", "unknown-outcome"; one for each way to use the file, or for
// several), then why, then what else matters, then what could not be read ("not-readable"). Quotes
// the kernel's own words: cause=, errno, lines of its log. Pure.
std::vector<Finding> Explain(const ExplanationInput& input);

// Explains that security.ima could not be read for `error`; empty when there is nothing to say
// beyond it. With a kernel it begins with what that does, as Explain does. Pure.
std::vector<Finding> ExplainError(const absl::Status& error, const FileFacts& file,
                                  const KernelFacts* kernel = nullptr);

}  // namespace jet::appraise

#endif  // JET_APPRAISE_EXPLANATION_H_

// jet-appraise --explain: what the kernel will do with a file, why, and what to do about it.
#ifndef JET_CLI_APPRAISE_EXPLANATION_H_
#define JET_CLI_APPRAISE_EXPLANATION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "appraise/explanation.h"
#include "base/file_selection.h"
#include "cli/command.h"
#include "cli/option_parser.h"

namespace jet::cli {

struct ExplanationOptions {
  bool explain = false;
  absl::optional<std::string> policy;  // --policy: a file
};

// Declares --explain and --policy.
void DeclareExplanation(OptionParser& parser, ExplanationOptions& options);

// Explains appraisals for the running kernel, of which it reads everything once. Thread-safe.
class Explainer {
 public:
  // Null without --explain; `rule` is what the appraisals are made under. A usage error when the
  // options contradict each other.
  static absl::StatusOr<std::unique_ptr<const Explainer>> Open(const Session& session,
                                                               const ExplanationOptions& options,
                                                               appraise::Rule rule);

  std::vector<appraise::Finding> Explain(const base::SelectedFile& file,
                                         const appraise::Appraisal& appraisal,
                                         const appraise::TrustSet& trust) const;

  // The same of a file without a verdict; `file` is null where it could not be opened.
  std::vector<appraise::Finding> ExplainError(const base::SelectedFile* file,
                                              const absl::Status& error) const;

 private:
  explicit Explainer(appraise::KernelFacts kernel) : kernel_(std::move(kernel)) {}

  const appraise::KernelFacts kernel_;
};

// The findings as lines below a result.
std::vector<std::string> FindingLines(const std::vector<appraise::Finding>& findings);

// The findings as an array of objects.
Json FindingObjects(const std::vector<appraise::Finding>& findings);

}  // namespace jet::cli

#endif  // JET_CLI_APPRAISE_EXPLANATION_H_

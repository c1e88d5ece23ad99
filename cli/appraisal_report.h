// What jet-appraise says of one file.
#ifndef JET_CLI_APPRAISAL_REPORT_H_
#define JET_CLI_APPRAISAL_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "appraise/appraisal.h"
#include "base/file_selection.h"
#include "cli/appraise_explanation.h"
#include "cli/output.h"
#include "cli/trust.h"

namespace jet::cli {

struct AppraisalReportOptions {
  const char* signature_source = "xattr";
  const Explainer* explainer = nullptr;  // null: nothing is explained
  bool every_file = true;                // say and explain also what is good
  bool require_current = false;
  bool summary_only = false;  // nothing about any file but errors
};

// What matters of an appraisal besides its verdict.
struct SignerStanding {
  absl::optional<bool> in_keyring;       // whether this kernel's keyring holds the key, if known
  absl::optional<absl::Status> current;  // of a valid signature: OK, or why its dates do not hold
};

// Prints verdicts: a line for people or an object for programs. Thread-safe.
class AppraisalReport {
 public:
  AppraisalReport(Output& output, const Trust& trust, AppraisalReportOptions options);

  SignerStanding StandingOf(const appraise::Appraisal& appraisal) const;

  void Print(const base::SelectedFile& file, const appraise::Appraisal& appraisal,
             const SignerStanding& standing);

  // Explains why a file has no verdict, with --explain; `file` is null where it could not be
  // opened.
  std::vector<appraise::Finding> Explain(const absl::Status& error,
                                         const base::SelectedFile* file) const;

  // A file without a verdict. To people the error and the findings have been said.
  void PrintError(const std::string& path, const absl::Status& error,
                  const std::vector<appraise::Finding>& findings);

  // A file that was passed over: only with --verbose.
  void PrintSkipped(const std::string& path, base::SkipReason reason);

 private:
  bool Passes(const appraise::Appraisal& appraisal, const SignerStanding& standing) const;
  std::vector<std::string> WarningsOf(const appraise::Appraisal& appraisal,
                                      const SignerStanding& standing) const;
  Json ObjectOf(const std::string& path, const appraise::Appraisal& appraisal,
                const SignerStanding& standing) const;
  ResultLine LineOf(const std::string& path, const appraise::Appraisal& appraisal,
                    const SignerStanding& standing) const;
  std::string RingHint(const appraise::Appraisal& appraisal) const;

  Output& output_;
  const Trust& trust_;
  const AppraisalReportOptions options_;
  const absl::Time now_;
};

}  // namespace jet::cli

#endif  // JET_CLI_APPRAISAL_REPORT_H_

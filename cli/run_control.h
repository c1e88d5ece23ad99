// What runs over many files have in common: when they end early, and what is said at their end.
#ifndef JET_CLI_RUN_CONTROL_H_
#define JET_CLI_RUN_CONTROL_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/file_selection.h"
#include "cli/file_options.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"

namespace jet::cli {

// As long as it lives, an interrupt only ends the run, in order, and on a terminal there is a line
// that tells how far it is. Thread-safe. At most one at a time.
class RunControl {
 public:
  RunControl(Output& output, const FileOptions& files);

  // Makes `selection` end when the run is to end.
  void Choose(base::FileSelectionOptions& selection) const;

  // True once no more files are to be taken: after an interrupt, or with --fail-fast a failure.
  bool stopped() const { return Interrupt::requested() || failed_fast_; }

  // Says and counts that `path` failed: "path: not signed: why", with the lines `below` it.
  void Fail(const std::string& path, absl::string_view what, const absl::Status& why,
            const std::vector<std::string>& below = {});

  // A file of `bytes` is done with.
  void Done(off_t bytes);
  // The same for the open file `fd`, if it is one.
  void DoneWith(int fd);

  // The folder `path` is on another file system and is not entered.
  void NotEntered(const std::string& path);

  size_t failed() const { return failed_; }

  // Ends the line on the terminal and says what is to be known before the summary is read: the
  // failures once more where other lines followed them, folders not entered, and whether the run
  // ended early. Once, when no thread works any more.
  void End();

 private:
  void RepeatFailures();

  Output& output_;
  const bool repeats_failures_;
  const bool fail_fast_;
  const Interrupt interrupt_;
  std::unique_ptr<Progress> progress_;
  std::atomic<size_t> failed_{0};
  std::atomic<bool> failed_fast_{false};
  std::atomic<size_t> not_entered_{0};
  std::mutex mutex_;
  std::vector<std::string> failures_;  // the first of them
  size_t printed_at_first_failure_ = 0;
};

}  // namespace jet::cli

#endif  // JET_CLI_RUN_CONTROL_H_

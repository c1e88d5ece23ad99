// The options that choose files, shared by jet-sign and jet-appraise.
#ifndef JET_CLI_FILE_OPTIONS_H_
#define JET_CLI_FILE_OPTIONS_H_

#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "base/file_selection.h"
#include "cli/command.h"
#include "cli/option_parser.h"

namespace jet::cli {

struct FileOptions {
  std::vector<std::string> paths;
  bool recursive = false;
  bool any_file = false;
  bool scripts = false;
  bool modules = false;
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  bool one_file_system = false;  // which is the default
  bool cross_file_systems = false;
  bool fail_fast = false;
  bool keep_going = false;  // which is the default
  bool follow_links = false;
  bool allow_empty = false;
  absl::optional<std::string> files_from;  // a file with paths, "-" for standard input
  bool null_separated = false;
  int jobs = 0;  // 0: one per processor
};

// Declares PATH..., -r, what chooses among the files of folders, --files-from, -0, --jobs,
// --allow-empty, --fail-fast and --keep-going.
void DeclareFiles(OptionParser& parser, FileOptions& options);

// Adds the paths of --files-from to those of the command line and takes what the configuration says
// where the command line says nothing. A usage error when there is no path at all, or options
// contradict each other.
absl::Status CompleteFiles(const Session& session, FileOptions& options);

base::FileSelectionOptions SelectionOf(const FileOptions& options, base::NamedLinks named_links);

// Returns `path` as it stands in messages: an empty one would not be seen.
std::string NameForMessage(const std::string& path);

// Why a file of a tree was skipped, in words for the summary.
const char* SkipReasonText(base::SkipReason reason);

// How many files were skipped, and why. Thread-safe.
struct SkipCounts {
  std::array<std::atomic<size_t>, base::kSkipReasons> by_reason = {};  // by base::SkipReason

  void Add(base::SkipReason reason) { ++by_reason.at(static_cast<size_t>(reason)); }
  size_t all() const {
    size_t sum = 0;
    for (const std::atomic<size_t>& count : by_reason) sum += count;
    return sum;
  }
};

// Returns the counts as a summary has them: "skipped 3 (2 not ELF, 1 script)".
std::string SkippedText(const SkipCounts& counts);

}  // namespace jet::cli

#endif  // JET_CLI_FILE_OPTIONS_H_

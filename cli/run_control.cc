#include "cli/run_control.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace jet::cli {
namespace {

constexpr size_t kMostRepeated = 20;

// Where patterns choose among the files, their sizes together say nothing.
std::vector<std::string> PathsToMeasure(const FileOptions& files) {
  return files.include.empty() && files.exclude.empty() ? files.paths : std::vector<std::string>();
}

}  // namespace

RunControl::RunControl(Output& output, const FileOptions& files)
    : output_(output),
      repeats_failures_(files.recursive && !output.json()),
      fail_fast_(files.fail_fast) {
  if (output.shows_progress()) {
    progress_ = std::make_unique<Progress>(output, PathsToMeasure(files));
  }
}

void RunControl::Choose(base::FileSelectionOptions& selection) const {
  selection.stopped = [this] { return stopped(); };
}

void RunControl::Fail(const std::string& path, absl::string_view what, const absl::Status& why,
                      const std::vector<std::string>& below) {
  const std::string line = absl::StrCat(NameForMessage(path), ": ", what, ": ", why.message());
  output_.Error(line, below);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failures_.empty()) printed_at_first_failure_ = output_.printed();
    if (failures_.size() < kMostRepeated) failures_.push_back(line);
  }
  ++failed_;
  if (fail_fast_) failed_fast_ = true;
}

void RunControl::Done(off_t bytes) {
  if (progress_ != nullptr) progress_->Done(static_cast<uint64_t>(bytes));
}

void RunControl::DoneWith(int fd) {
  struct stat status = {};
  if (progress_ != nullptr && fd >= 0 && fstat(fd, &status) == 0) Done(status.st_size);
}

void RunControl::NotEntered(const std::string& path) {
  ++not_entered_;
  if (output_.verbose()) output_.Result({path, "not-entered", " (another file system)"});
}

void RunControl::RepeatFailures() {
  if (!repeats_failures_ || failures_.empty()) return;
  const size_t since = output_.printed() - printed_at_first_failure_;
  if (since < failed_) return;  // nothing else was printed
  std::vector<std::string> lines = failures_;
  if (failed_ > lines.size()) {
    lines.push_back(absl::StrCat("and ", failed_ - lines.size(), " more"));
  }
  output_.Error("failed:", lines);
}

void RunControl::End() {
  progress_.reset();
  RepeatFailures();
  if (not_entered_ > 0) {
    output_.Note(absl::StrCat(not_entered_.load(),
                              not_entered_ == 1 ? " folder is on another file system and was"
                                                : " folders are on other file systems and were",
                              " not entered (--cross-file-systems enters them)"));
  }
  if (Interrupt::requested()) {
    output_.Error("interrupted before the end: files may be left that were not looked at");
  } else if (failed_fast_) {
    output_.Error("ended at the first failure: files may be left that were not looked at");
  }
}

}  // namespace jet::cli

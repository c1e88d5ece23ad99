#include <atomic>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file_run.h"
#include "base/status_macros.h"
#include "base/xattr.h"
#include "cli/confirmation.h"
#include "cli/escape.h"
#include "cli/file_commands.h"
#include "cli/run_control.h"

namespace jet::cli {
namespace {

// Removes the signatures of a run's files, prints what became of each and counts.
class StripRun : public base::FileRunHandler {
 public:
  StripRun(Session& session, RunControl& control, const SignCommandOptions& options)
      : output_(session.output),
        control_(control),
        dry_run_(options.dry_run),
        line_per_file_(!options.files.recursive || options.dry_run || session.output.verbose()) {}

  void OnFile(base::SelectedFile file, int /*worker*/) override {
    const absl::StatusOr<bool> had_one = Strip(file.fd.get());
    if (!had_one.ok()) {
      OnError(file.path, had_one.status());
      return;
    }
    ++(*had_one ? stripped_ : without_);
    control_.Done(file.status.st_size);
    const char* word = "without-signature";
    if (*had_one) word = dry_run_ ? "would-strip" : "stripped";
    if (output_.json()) Print(file.path, word, "");
    if (line_per_file_ && (*had_one || output_.verbose() || !dry_run_)) {
      output_.Result({file.path, word, ""});
    }
  }

  void OnSkipped(const std::string& path, base::SkipReason reason, int fd) override {
    skipped_.Add(reason);
    control_.DoneWith(fd);
    if (output_.json()) Print(path, "skipped", SkipReasonText(reason));
    if (output_.verbose()) {
      output_.Result({path, "skipped", absl::StrCat(" (", SkipReasonText(reason), ")")});
    }
  }

  void OnNotEntered(const std::string& path) override { control_.NotEntered(path); }

  void OnError(const std::string& path, const absl::Status& error) override {
    control_.Fail(path, "not stripped", error);
    if (output_.json()) Print(path, "failed", error.message());
  }

  size_t looked_at() const { return stripped_ + without_; }

  void PrintSummary() const {
    const size_t done = dry_run_ ? 0 : stripped_.load();
    output_.Object({{"type", "summary"},
                    {"stripped", done},
                    {"would_strip", stripped_ - done},
                    {"without_signature", without_.load()},
                    {"skipped", skipped_.all()},
                    {"failed", control_.failed()},
                    {"complete", !control_.stopped()}});
    output_.Line(absl::StrCat(dry_run_ ? "would strip " : "stripped ", stripped_.load(),
                              ", without signature ", without_.load(), ", ", SkippedText(skipped_),
                              ", failed ", control_.failed()));
  }

 private:
  // Returns whether there was a signature, good or not.
  absl::StatusOr<bool> Strip(int fd) const {
    JET_ASSIGN_OR_RETURN(const absl::optional<base::Bytes> value,
                         base::GetXattr(fd, base::kSecurityIma));
    if (!value.has_value()) return false;
    if (!dry_run_) JET_RETURN_IF_ERROR(base::RemoveXattr(fd, base::kSecurityIma));
    return true;
  }

  void Print(const std::string& path, const char* result, absl::string_view detail) {
    Json object;
    object["type"] = "file";
    AddPath(object, path);
    object["result"] = result;
    if (!detail.empty()) object["detail"] = std::string(detail);
    output_.Object(object);
  }

  Output& output_;
  RunControl& control_;
  const bool dry_run_;
  const bool line_per_file_;
  std::atomic<size_t> stripped_{0};  // or would be
  std::atomic<size_t> without_{0};
  SkipCounts skipped_;
};

absl::Status CheckOptions(const SignCommandOptions& options) {
  const bool key = !options.key.key_name.empty() || !options.key.certificate.empty() ||
                   !options.key.private_key.source.empty();
  if (key) return UsageError("--strip needs no key: it removes signatures by whatever key");
  if (options.hash.has_value() || options.force) {
    return UsageError("--strip signs nothing: --hash and --force do not go with it");
  }
  if (options.verity || options.enable_verity) {
    return UsageError(
        "--strip removes signatures of every kind: --verity and --enable-verity do not go with it");
  }
  const SignatureDestinationOptions& destination = options.destination;
  if (destination.suffix.has_value() || destination.manifest.has_value() ||
      destination.output_dir.has_value() || destination.best_effort) {
    return UsageError(
        "--strip removes security.ima: --detached, --manifest and --output-dir do not go with it");
  }
  return absl::OkStatus();
}

absl::Status Confirm(const SignCommandOptions& options) {
  if (options.yes || options.dry_run) return absl::OkStatus();
  const std::vector<std::string>& paths = options.files.paths;
  std::string what = absl::StrCat(paths.size(), " paths");
  if (paths.size() == 1) what = absl::StrCat("'", Escape(paths.front()), "'");
  return Confirm(Question{
      absl::StrCat("Remove the signatures of ", what, "? No kernel that appraises runs the files."),
      "removing signatures cannot be undone", "nothing was removed"});
}

}  // namespace

absl::StatusOr<ExitStatus> RunStrip(Session& session, SignCommandOptions options) {
  JET_RETURN_IF_ERROR(CheckOptions(options));
  JET_RETURN_IF_ERROR(CompleteFiles(session, options.files));
  JET_RETURN_IF_ERROR(Confirm(options));
  base::FileSelectionOptions selection =
      SelectionOf(options.files, options.files.follow_links ? base::NamedLinks::kFollow
                                                            : base::NamedLinks::kRefuse);
  RunControl control(session.output, options.files);
  control.Choose(selection);
  StripRun run(session, control, options);
  base::RunOverFiles(options.files.paths, selection,
                     base::WorkerCount(options.files.jobs, options.files.paths, selection), run);
  control.End();
  run.PrintSummary();
  if (control.failed() > 0 || control.stopped()) return ExitStatus::kCouldNotDo;
  if (run.looked_at() > 0 || options.files.allow_empty) return ExitStatus::kGood;
  return absl::FailedPreconditionError(
      "no file was found to strip (--allow-empty makes that no failure)");
}

}  // namespace jet::cli

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "appraise/appraisal.h"
#include "base/file.h"
#include "base/file_run.h"
#include "base/status_macros.h"
#include "base/xattr.h"
#include "cli/appraisal_report.h"
#include "cli/appraise_explanation.h"
#include "cli/command.h"
#include "cli/confinement.h"
#include "cli/file_commands.h"
#include "cli/option_parser.h"
#include "cli/run_control.h"
#include "cli/signature_source.h"
#include "cli/trust.h"
#include "crypto/digest.h"

namespace jet::cli {
namespace {

using appraise::Verdict;

// True when the file has no security.ima, as far as can be told.
bool IsUnsigned(int fd) {
  const absl::StatusOr<absl::optional<base::Bytes>> value = base::GetXattr(fd, base::kSecurityIma);
  return !value.ok() || !value->has_value();
}

struct AppraiseRunOptions {
  const FileOptions& files;
  int workers;
  appraise::Rule rule;
};

// Judges the files of a run, has the verdicts printed and counts them.
class AppraiseRun : public base::FileRunHandler {
 public:
  // `source` is where the signatures are; null for the files' own attributes.
  AppraiseRun(RunControl& control, const appraise::TrustSet& trust, SignatureSource* source,
              AppraisalReport& report, const AppraiseRunOptions& options)
      : control_(control),
        trust_(trust),
        source_(source),
        report_(report),
        files_(options.files),
        rule_(options.rule),
        hashers_(static_cast<size_t>(options.workers)) {}

  void OnFile(base::SelectedFile file, int worker) override {
    Judge(file, worker);
    control_.Done(file.status.st_size);
  }

  void OnSkipped(const std::string& path, base::SkipReason reason, int fd) override {
    Skip(path, reason, reason == base::SkipReason::kUnwantedScript && IsUnsigned(fd));
    control_.DoneWith(fd);
  }

  void OnNotEntered(const std::string& path) override { control_.NotEntered(path); }

  void OnError(const std::string& path, const absl::Status& error) override {
    Fail(path, error, /*file=*/nullptr);
  }

  // Files that a manifest lists and that the run has not met are failures.
  void FailMissing(const ManifestSource& manifest, const std::string& root) {
    std::string prefix = base::WithoutTrailingSlashes(root);
    if (prefix == "/") prefix.clear();
    const base::PathFilter filter(files_.include, files_.exclude);
    for (const std::string& path_in_tree : manifest.NotMet()) {
      const std::string path = absl::StrCat(prefix, "/", path_in_tree);
      if (failed_paths_.count(path) > 0 || !filter.Reaches(path_in_tree)) continue;
      OnError(path,
              absl::NotFoundError("the manifest lists it, and there is no such regular file"));
    }
  }

  size_t count(Verdict verdict) const { return counts_.at(static_cast<size_t>(verdict)); }
  size_t judged() const {
    size_t all = 0;
    for (const std::atomic<size_t>& count : counts_) all += count;
    return all;
  }
  // Valid files whose key this kernel's keyring does not hold.
  size_t not_in_keyring() const { return not_in_keyring_; }
  // Valid files whose signer's certificate is not current.
  size_t not_current() const { return not_current_; }
  size_t skipped() const { return skipped_; }
  size_t unsigned_scripts() const { return unsigned_scripts_; }

 private:
  void Judge(const base::SelectedFile& file, int worker) {
    crypto::Hasher& hasher = hashers_.at(static_cast<size_t>(worker));
    if (source_ == nullptr) {
      Report(file, appraise::AppraiseFile(file.fd.get(), trust_, hasher, rule_));
      return;
    }
    const absl::StatusOr<absl::optional<FoundSignature>> found = source_->Find(file);
    if (!found.ok()) {
      OnError(file.path, found.status());
    } else if (found->has_value()) {
      Report(file, AppraiseFound(file.fd.get(), **found, trust_, hasher, rule_));
    } else if (WantsSignature(files_, file.kind)) {
      ReportNone(file, hasher);
    } else {
      Skip(file.path, base::SkipReasonOf(file.kind),
           /*unsigned_script=*/file.kind == base::FileKind::kScript);
    }
  }

  void ReportNone(const base::SelectedFile& file, crypto::Hasher& hasher) {
    absl::StatusOr<appraise::Appraisal> appraisal =
        appraise::AppraiseFileWith(file.fd.get(), absl::nullopt, trust_, hasher, rule_);
    if (appraisal.ok()) appraisal->detail = source_->WhyNone(file);
    Report(file, appraisal);
  }

  void Report(const base::SelectedFile& file,
              const absl::StatusOr<appraise::Appraisal>& appraisal) {
    if (!appraisal.ok()) {
      Fail(file.path, appraisal.status(), &file);
      return;
    }
    const SignerStanding standing = report_.StandingOf(*appraisal);
    ++counts_.at(static_cast<size_t>(appraisal->verdict));
    if (appraisal->verdict == Verdict::kValid && standing.in_keyring == false) ++not_in_keyring_;
    if (standing.current.has_value() && !standing.current->ok()) ++not_current_;
    report_.Print(file, *appraisal, standing);
  }

  // `file` is null where it could not be opened.
  void Fail(const std::string& path, const absl::Status& error, const base::SelectedFile* file) {
    if (source_ != nullptr) {
      const std::lock_guard<std::mutex> lock(mutex_);
      failed_paths_.insert(path);
    }
    const std::vector<appraise::Finding> findings = report_.Explain(error, file);
    control_.Fail(path, "not appraised", error, FindingLines(findings));
    report_.PrintError(path, error, findings);
  }

  void Skip(const std::string& path, base::SkipReason reason, bool unsigned_script) {
    ++skipped_;
    if (unsigned_script) ++unsigned_scripts_;
    report_.PrintSkipped(path, reason);
  }

  RunControl& control_;
  const appraise::TrustSet& trust_;
  SignatureSource* const source_;
  AppraisalReport& report_;
  const FileOptions& files_;
  const appraise::Rule rule_;
  std::vector<crypto::Hasher> hashers_;
  std::array<std::atomic<size_t>, appraise::kVerdictCount> counts_ = {};  // indexed by Verdict
  std::atomic<size_t> not_in_keyring_{0};
  std::atomic<size_t> not_current_{0};
  std::atomic<size_t> skipped_{0};
  std::atomic<size_t> unsigned_scripts_{0};
  std::mutex mutex_;
  std::set<std::string> failed_paths_;  // of files that a source was not asked for
};

void PrintSummary(Session& session, const RunControl& control, const AppraiseRun& run,
                  bool scripts_judged) {
  if (run.not_in_keyring() > 0) {
    session.output.Warning(absl::StrCat(run.not_in_keyring(),
                                        " of the valid files are signed by keys that this "
                                        "kernel's keyring does not hold: it refuses them "
                                        "(jet-ima load adds the keys)"));
  }
  if (run.not_current() > 0) {
    session.output.Warning(absl::StrCat(run.not_current(),
                                        " of the valid files are signed with certificates that "
                                        "have expired or are not valid yet; the kernel does not "
                                        "look at that"));
  }
  if (run.unsigned_scripts() > 0 && !scripts_judged) {
    session.output.Note(
        absl::StrCat(run.unsigned_scripts(),
                     " unsigned executable scripts were not judged; the kernel refuses one that is "
                     "executed itself (--scripts judges them)"));
  }
  Json object = {{"type", "summary"}, {"judged", run.judged()}};
  std::string line = absl::StrCat("judged ", run.judged());
  for (const Verdict verdict : appraise::AllVerdicts()) {
    const char* name = appraise::VerdictName(verdict);
    object[absl::StrReplaceAll(name, {{"-", "_"}})] = run.count(verdict);
    if (run.count(verdict) > 0) absl::StrAppend(&line, ", ", name, " ", run.count(verdict));
  }
  object["not_current"] = run.not_current();
  if (run.not_current() > 0) {
    absl::StrAppend(&line, ", of these not current ", run.not_current());
  }
  object["skipped"] = run.skipped();
  object["failed"] = control.failed();
  object["complete"] = !control.stopped();
  session.output.Object(object);
  session.output.Line(
      absl::StrCat(line, ", skipped ", run.skipped(), ", failed ", control.failed()));
}

// Null when no manifest is asked for.
absl::StatusOr<std::unique_ptr<ManifestSource>> OpenManifest(
    const SignatureSourceOptions& options) {
  if (!options.manifest.has_value()) return std::unique_ptr<ManifestSource>();
  return ManifestSource::Open(*options.manifest);
}

absl::Status CheckOptions(const Session& session, const AppraiseCommandOptions& options) {
  if (options.summary_only && options.explanation.explain) {
    return UsageError("--summary-only and --explain contradict each other");
  }
  if (options.summary_only && session.output.quiet()) {
    return UsageError("--summary-only and --quiet contradict each other");
  }
  if (options.verity && options.source.manifest.has_value()) {
    return UsageError("--verity does not go with --manifest: a manifest has no such signatures");
  }
  if (options.explanation.explain &&
      (options.source.suffix.has_value() || options.source.manifest.has_value())) {
    return UsageError(
        "--explain is about security.ima: put the signatures there first (jet-sign apply)");
  }
  return absl::OkStatus();
}

AppraisalReportOptions ReportOptionsOf(const Session& session,
                                       const AppraiseCommandOptions& options,
                                       const SignatureSource* source, const Explainer* explainer) {
  AppraisalReportOptions report;
  if (source != nullptr) report.signature_source = source->name();
  report.explainer = explainer;
  report.every_file = !options.files.recursive || session.output.verbose();
  report.require_current = options.require_current;
  report.summary_only = options.summary_only;
  return report;
}

}  // namespace

absl::StatusOr<ExitStatus> RunAppraise(Session& session, AppraiseCommandOptions options) {
  JET_RETURN_IF_ERROR(CheckOptions(session, options));
  JET_RETURN_IF_ERROR(CheckSignatureSource(options.source, options.files));
  JET_RETURN_IF_ERROR(CompleteFiles(session, options.files));
  JET_ASSIGN_OR_RETURN(const std::unique_ptr<ManifestSource> manifest,
                       OpenManifest(options.source));
  absl::optional<DetachedSource> detached;
  if (options.source.suffix.has_value()) detached.emplace(*options.source.suffix);
  SignatureSource* source = manifest.get();
  if (detached.has_value()) source = &*detached;
  const appraise::Rule rule = options.verity ? appraise::Rule::kSigv3 : appraise::Rule::kImasig;
  JET_ASSIGN_OR_RETURN(const std::unique_ptr<const Explainer> explainer,
                       Explainer::Open(session, options.explanation, rule));
  JET_ASSIGN_OR_RETURN(const Trust trust, OpenTrust(session, options.trust));
  base::FileSelectionOptions selection = SelectionOf(options.files, base::NamedLinks::kFollow);
  if (source != nullptr) source->Choose(selection);
  // A manifest names its files, wherever below the root they are mounted.
  if (manifest != nullptr && !options.files.one_file_system) selection.cross_file_systems = true;
  const int workers = base::WorkerCount(options.files.jobs, options.files.paths, selection);
  // After everything else is open, and before there are threads: of the workers, and of the
  // progress.
  ConfineTo(options.files, {detached.has_value(), options.explanation.explain}, session.output);
  RunControl control(session.output, options.files);
  control.Choose(selection);
  AppraisalReport report(session.output, trust,
                         ReportOptionsOf(session, options, source, explainer.get()));
  AppraiseRun run(control, trust.set, source, report, {options.files, workers, rule});
  base::RunOverFiles(options.files.paths, selection, workers, run);
  if (manifest != nullptr && !control.stopped()) {
    run.FailMissing(*manifest, *options.source.root);
  }
  control.End();
  PrintSummary(session, control, run, options.files.scripts);
  if (control.failed() > 0 || control.stopped()) return ExitStatus::kCouldNotDo;
  if (run.judged() == 0 && !options.files.allow_empty) {
    return absl::FailedPreconditionError(
        "no file was found to appraise (--allow-empty makes that no failure)");
  }
  const bool all_current = !options.require_current || run.not_current() == 0;
  return run.count(Verdict::kValid) == run.judged() && all_current ? ExitStatus::kGood
                                                                   : ExitStatus::kNo;
}

RunFunction DeclareAppraise(OptionParser& parser) {
  auto options = std::make_shared<AppraiseCommandOptions>();
  DeclareFiles(parser, options->files);
  DeclareTrust(parser, options->trust);
  DeclareSignatureSource(parser, options->source);
  parser.Flag("--verity", options->verity,
              "Judge as under digest_type=verity appraise_type=sigv3 rules: fs-verity signatures");
  DeclareExplanation(parser, options->explanation);
  parser.Flag("--require-current", options->require_current,
              "A valid signature fails when its certificate has expired or is not valid yet");
  parser.Flag("--summary-only", options->summary_only, "Print nothing but the summary and errors");
  return [options](Session& session) { return RunAppraise(session, *options); };
}

}  // namespace jet::cli

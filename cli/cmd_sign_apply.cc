#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "appraise/appraisal.h"
#include "base/file.h"
#include "base/file_run.h"
#include "base/hex.h"
#include "base/open_beneath.h"
#include "base/status_macros.h"
#include "base/worker_pool.h"
#include "cli/command.h"
#include "cli/file_options.h"
#include "cli/option_parser.h"
#include "cli/run_control.h"
#include "cli/signature_source.h"
#include "cli/trust.h"
#include "cli/verity_option.h"
#include "crypto/digest.h"
#include "sign/apply_signature.h"
#include "sign/sidecar.h"
#include "sign/xattr_store.h"

namespace jet::cli {
namespace {

using sign::ApplyResult;

struct ApplyCommandOptions {
  FileOptions files;
  SignatureSourceOptions source;
  TrustOptions trust;
  bool dry_run = false;
  bool best_effort = false;
  int workers = 1;
};

struct Counts {
  std::array<std::atomic<size_t>, 4> by_result = {};  // indexed by sign::ApplyResult
  std::atomic<size_t> missing{0};                     // files without a signature
  std::atomic<size_t> not_permitted{0};
  std::atomic<size_t> verity_not_enabled{0};  // of those applied, or already there
  SkipCounts skipped;

  size_t of(ApplyResult result) const { return by_result.at(static_cast<size_t>(result)); }
};

// What became of one signature.
struct Application {
  absl::StatusOr<ApplyResult> result;
  absl::optional<appraise::Appraisal> appraisal;  // of the signature; nullopt when there was none
};

// True for a signature of the file. Whether fs-verity is enabled before or after it is written does
// not matter.
bool IsGood(appraise::Verdict verdict) {
  return verdict == appraise::Verdict::kValid || verdict == appraise::Verdict::kVerityNotEnabled;
}

// Applies signatures, prints what became of each and counts.
class ApplyRun : public base::FileRunHandler {
 public:
  ApplyRun(Session& session, RunControl& control, const Trust& trust, SignatureSource& source,
           const ApplyCommandOptions& options)
      : output_(session.output),
        control_(control),
        trust_(trust),
        source_(source),
        options_(options),
        hashers_(static_cast<size_t>(options.workers)),
        line_per_file_(!options.files.recursive || session.output.verbose()) {}

  void OnFile(base::SelectedFile file, int worker) override {
    const absl::StatusOr<absl::optional<FoundSignature>> found = source_.Find(file);
    if (!found.ok()) {
      OnError(file.path, found.status());
    } else if (found->has_value()) {
      Apply(file.path, file.fd.get(), **found, worker);
    } else if (WantsSignature(options_.files, file.kind)) {
      ReportMissing(file);
    } else {
      OnSkipped(file.path, base::SkipReasonOf(file.kind), file.fd.get());
      return;
    }
    control_.Done(file.status.st_size);
  }

  void OnSkipped(const std::string& path, base::SkipReason reason, int fd) override {
    counts_.skipped.Add(reason);
    control_.DoneWith(fd);
    ReportWord(path, "skipped", SkipReasonText(reason));
    if (output_.verbose()) {
      output_.Result({path, "skipped", absl::StrCat(" (", SkipReasonText(reason), ")")});
    }
  }

  void OnNotEntered(const std::string& path) override { control_.NotEntered(path); }

  void OnError(const std::string& path, const absl::Status& error) override {
    control_.Fail(path, "not applied", error);
    ReportWord(path, "failed", error.message());
  }

  // Applies `found` to the open file `fd`.
  void Apply(const std::string& path, int fd, const FoundSignature& found, int worker) {
    const Application application = TryToApply(fd, found, hashers_.at(static_cast<size_t>(worker)));
    const absl::Status& status = application.result.status();
    if (absl::IsPermissionDenied(status) && options_.best_effort) {
      ReportNotPermitted(path, status);
    } else if (!status.ok()) {
      OnError(path, status);
    } else {
      Report(path, *application.result, *application.appraisal);
    }
  }

  const Counts& counts() const { return counts_; }
  const std::string& why_not_permitted() const { return why_not_permitted_; }

 private:
  Application TryToApply(int fd, const FoundSignature& found, crypto::Hasher& hasher) {
    Application application{ApplyResult::kRefused, absl::nullopt};
    const absl::StatusOr<struct stat> status = base::StatDescriptor(fd, "the file");
    if (!status.ok()) return {status.status(), absl::nullopt};
    // Names of one inode have to wait for each other: writing the attribute under one of them looks
    // like a change to whoever checks another.
    std::unique_lock<std::mutex> lock(inode_mutexes_.at(status->st_ino % inode_mutexes_.size()),
                                      std::defer_lock);
    if (status->st_nlink > 1) lock.lock();
    const auto check = [&]() -> absl::StatusOr<bool> {
      const appraise::Rule rule = appraise::RuleForValue(found.value);
      JET_ASSIGN_OR_RETURN(application.appraisal,
                           AppraiseFound(fd, found, trust_.set, hasher, rule));
      return IsGood(application.appraisal->verdict);
    };
    sign::XattrStore store(fd);
    application.result = sign::ApplySignature(fd, found.value, check, store, {options_.dry_run});
    return application;
  }

  void Report(const std::string& path, ApplyResult result, const appraise::Appraisal& appraisal) {
    ++counts_.by_result.at(static_cast<size_t>(result));
    const bool not_enabled = appraisal.verdict == appraise::Verdict::kVerityNotEnabled;
    if (not_enabled) ++counts_.verity_not_enabled;
    if (output_.json()) PrintObject(path, result, appraisal);
    const char* word = sign::ApplyResultName(result);
    if (result == ApplyResult::kRefused) {
      output_.Result(
          {path, word,
           absl::StrCat(": ", appraise::VerdictName(appraisal.verdict), ": ", appraisal.detail),
           Tone::kBad});
    } else if (line_per_file_) {
      output_.Result({path, word,
                      absl::StrCat(" (key ", appraisal.key->name, ", ", appraisal.hash_name, ")",
                                   not_enabled ? "; fs-verity is not enabled on it" : ""),
                      Tone::kGood});
    }
  }

  void ReportMissing(const base::SelectedFile& file) {
    ++counts_.missing;
    const std::string why = source_.WhyNone(file);
    ReportWord(file.path, "missing-signature", why);
    output_.Result({file.path, "missing-signature", absl::StrCat(": ", why), Tone::kBad});
  }

  void ReportNotPermitted(const std::string& path, const absl::Status& error) {
    ++counts_.not_permitted;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (why_not_permitted_.empty()) why_not_permitted_ = std::string(error.message());
    }
    ReportWord(path, "not-permitted", error.message());
    if (line_per_file_) {
      output_.Result({path, "not-permitted", absl::StrCat(": ", error.message()), Tone::kDoubtful});
    }
  }

  Json Object(const std::string& path, const char* result) const {
    Json object;
    object["type"] = "file";
    AddPath(object, path);
    object["result"] = result;
    object["signature_source"] = source_.name();
    return object;
  }

  void ReportWord(const std::string& path, const char* word, absl::string_view detail) {
    if (!output_.json()) return;
    Json object = Object(path, word);
    object["detail"] = std::string(detail);
    output_.Object(object);
  }

  void PrintObject(const std::string& path, ApplyResult result,
                   const appraise::Appraisal& appraisal) {
    Json object = Object(path, sign::ApplyResultName(result));
    object["verdict"] = appraise::VerdictName(appraisal.verdict);
    const bool known = appraisal.key != nullptr;
    object["key_name"] = known ? Json(appraisal.key->name) : Json(nullptr);
    object["key_id"] =
        appraisal.key_id.has_value() ? Json(ima::KeyIdText(*appraisal.key_id)) : Json(nullptr);
    object["hash_algorithm"] =
        appraisal.hash_name.empty() ? Json(nullptr) : Json(appraisal.hash_name);
    object["digest"] = appraisal.digest.has_value()
                           ? Json(base::HexEncode(appraisal.digest->value()))
                           : Json(nullptr);
    if (result == ApplyResult::kRefused) object["detail"] = appraisal.detail;
    output_.Object(object);
  }

  Output& output_;
  RunControl& control_;
  const Trust& trust_;
  SignatureSource& source_;
  const ApplyCommandOptions& options_;
  std::vector<crypto::Hasher> hashers_;
  const bool line_per_file_;
  std::array<std::mutex, 64> inode_mutexes_;  // of files with several names
  Counts counts_;
  std::mutex mutex_;
  std::string why_not_permitted_;
};

// Opens each file that the manifest lists and the options choose, and nothing else.
absl::Status ApplyManifest(const ManifestSource& manifest, const ApplyCommandOptions& options,
                           const RunControl& control, ApplyRun& run) {
  const std::string& root = *options.source.root;
  JET_ASSIGN_OR_RETURN(const base::UniqueFd folder,
                       base::OpenAt(AT_FDCWD, root, O_RDONLY | O_DIRECTORY));
  std::string prefix = base::WithoutTrailingSlashes(root);
  if (prefix == "/") prefix.clear();
  const auto apply = [&](const sign::ManifestEntry* entry, int worker) {
    if (control.stopped()) return;
    const std::string path = absl::StrCat(prefix, "/", entry->path);
    const absl::StatusOr<base::UniqueFd> fd = base::OpenBeneath(folder.get(), entry->path);
    const absl::StatusOr<FoundSignature> found = SignatureOf(*entry);
    if (!fd.ok() || !found.ok()) {
      run.OnError(path, fd.ok() ? found.status() : fd.status());
    } else {
      run.Apply(path, fd->get(), *found, worker);
    }
  };
  base::WorkerPool<const sign::ManifestEntry*> pool(options.workers, /*capacity=*/1024, apply);
  const base::PathFilter filter(options.files.include, options.files.exclude);
  for (const sign::ManifestEntry& entry : manifest.entries()) {
    if (control.stopped()) break;
    if (filter.Reaches(entry.path)) {
      pool.Submit(&entry);
    } else {
      run.OnSkipped(absl::StrCat(prefix, "/", entry.path), base::SkipReason::kExcluded, /*fd=*/-1);
    }
  }
  pool.Finish();
  return absl::OkStatus();
}

void PrintSummary(Session& session, const RunControl& control, const ApplyRun& run, bool dry_run) {
  const Counts& counts = run.counts();
  if (counts.not_permitted > 0) {
    session.output.Warning(
        absl::StrCat(counts.not_permitted.load(),
                     " signatures could not be applied: ", run.why_not_permitted()));
  }
  if (counts.verity_not_enabled > 0) session.output.Note(VerityNote(counts.verity_not_enabled));
  session.output.Object({{"type", "summary"},
                         {"applied", counts.of(ApplyResult::kApplied)},
                         {"would_apply", counts.of(ApplyResult::kWouldApply)},
                         {"already_valid", counts.of(ApplyResult::kAlreadyValid)},
                         {"refused", counts.of(ApplyResult::kRefused)},
                         {"missing_signature", counts.missing.load()},
                         {"not_permitted", counts.not_permitted.load()},
                         {"skipped", counts.skipped.all()},
                         {"failed", control.failed()},
                         {"complete", !control.stopped()}});
  session.output.Line(
      absl::StrCat(dry_run ? "would apply " : "applied ",
                   counts.of(dry_run ? ApplyResult::kWouldApply : ApplyResult::kApplied),
                   ", already valid ", counts.of(ApplyResult::kAlreadyValid), ", refused ",
                   counts.of(ApplyResult::kRefused), ", missing signature ", counts.missing.load(),
                   ", not permitted ", counts.not_permitted.load(), ", ",
                   SkippedText(counts.skipped), ", failed ", control.failed()));
}

absl::StatusOr<ExitStatus> StatusOf(const RunControl& control, const Counts& counts,
                                    bool allow_empty) {
  if (control.failed() > 0 || control.stopped() || counts.not_permitted > 0)
    return ExitStatus::kCouldNotDo;
  if (counts.of(ApplyResult::kRefused) > 0 || counts.missing > 0) return ExitStatus::kNo;
  size_t done = 0;
  for (const std::atomic<size_t>& count : counts.by_result) done += count;
  if (done > 0 || allow_empty) return ExitStatus::kGood;
  return absl::FailedPreconditionError(
      "no signature was found to apply (--allow-empty makes that no failure)");
}

absl::StatusOr<ExitStatus> RunApply(Session& session, ApplyCommandOptions options) {
  JET_RETURN_IF_ERROR(CheckSignatureSource(options.source, options.files));
  JET_RETURN_IF_ERROR(CompleteFiles(session, options.files));
  if (options.source.manifest.has_value() && options.files.one_file_system) {
    return UsageError("--one-file-system is for walks: a manifest names its files");
  }
  std::unique_ptr<ManifestSource> manifest;
  if (options.source.manifest.has_value()) {
    JET_ASSIGN_OR_RETURN(manifest, ManifestSource::Open(*options.source.manifest));
  }
  DetachedSource detached(options.source.suffix.value_or(sign::kDefaultSidecarSuffix));
  SignatureSource* source = &detached;
  if (manifest != nullptr) source = manifest.get();
  JET_ASSIGN_OR_RETURN(const Trust trust, OpenTrust(session, options.trust));
  base::FileSelectionOptions selection =
      SelectionOf(options.files, options.files.follow_links ? base::NamedLinks::kFollow
                                                            : base::NamedLinks::kRefuse);
  source->Choose(selection);
  options.workers = base::WorkerCount(options.files.jobs, options.files.paths, selection);
  RunControl control(session.output, options.files);
  control.Choose(selection);
  ApplyRun run(session, control, trust, *source, options);
  if (manifest != nullptr) {
    JET_RETURN_IF_ERROR(ApplyManifest(*manifest, options, control, run));
  } else {
    base::RunOverFiles(options.files.paths, selection, options.workers, run);
  }
  control.End();
  PrintSummary(session, control, run, options.dry_run);
  return StatusOf(control, run.counts(), options.files.allow_empty);
}

}  // namespace

RunFunction DeclareSignApply(OptionParser& parser) {
  auto options = std::make_shared<ApplyCommandOptions>();
  DeclareFiles(parser, options->files);
  parser.Flag("-H", options->files.follow_links, "Follow links named on the command line");
  DeclareSignatureSource(parser, options->source);
  DeclareTrust(parser, options->trust);
  parser.Flag("--best-effort", options->best_effort,
              "Count files whose security.ima may not be changed instead of failing each");
  parser.Flag("--dry-run", options->dry_run, "Do everything but write");
  return [options](Session& session) { return RunApply(session, *options); };
}

}  // namespace jet::cli

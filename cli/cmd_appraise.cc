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
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/xattr.h"
#include "cli/command.h"
#include "cli/file_commands.h"
#include "cli/key_report.h"
#include "cli/keyring_option.h"
#include "cli/option_parser.h"
#include "cli/run_control.h"
#include "cli/signature_source.h"
#include "cli/trust.h"
#include "crypto/digest.h"

namespace jet::cli {
namespace {

using appraise::Verdict;

Tone ToneOf(Verdict verdict) {
  if (verdict == Verdict::kValid) return Tone::kGood;
  return verdict == Verdict::kAmbiguousKey ? Tone::kDoubtful : Tone::kBad;
}

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

// Judges the files of a run, prints the verdicts and counts them.
class AppraiseRun : public base::FileRunHandler {
 public:
  // `source` is where the signatures are; null for the files' own attributes.
  AppraiseRun(Session& session, RunControl& control, const Trust& trust, SignatureSource* source,
              const AppraiseRunOptions& options)
      : output_(session.output),
        control_(control),
        trust_(trust),
        source_(source),
        files_(options.files),
        rule_(options.rule),
        hashers_(static_cast<size_t>(options.workers)),
        line_per_file_(!options.files.recursive || session.output.verbose()) {}

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
    if (source_ != nullptr) {
      const std::lock_guard<std::mutex> lock(mutex_);
      failed_paths_.insert(path);
    }
    control_.Fail(path, "not appraised", error);
    if (!output_.json()) return;
    Json object;
    object["type"] = "file";
    AddPath(object, path);
    object["verdict"] = nullptr;
    object["error"] = std::string(error.message());
    output_.Object(object);
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
  size_t skipped() const { return skipped_; }
  size_t unsigned_scripts() const { return unsigned_scripts_; }

 private:
  void Judge(const base::SelectedFile& file, int worker) {
    crypto::Hasher& hasher = hashers_.at(static_cast<size_t>(worker));
    if (source_ == nullptr) {
      Report(file.path, appraise::AppraiseFile(file.fd.get(), trust_.set, hasher, rule_));
      return;
    }
    const absl::StatusOr<absl::optional<FoundSignature>> found = source_->Find(file);
    if (!found.ok()) {
      OnError(file.path, found.status());
    } else if (found->has_value()) {
      Report(file.path, AppraiseFound(file.fd.get(), **found, trust_.set, hasher, rule_));
    } else if (WantsSignature(files_, file.kind)) {
      ReportNone(file, hasher);
    } else {
      Skip(file.path, base::SkipReasonOf(file.kind),
           /*unsigned_script=*/file.kind == base::FileKind::kScript);
    }
  }

  void ReportNone(const base::SelectedFile& file, crypto::Hasher& hasher) {
    absl::StatusOr<appraise::Appraisal> appraisal =
        appraise::AppraiseFileWith(file.fd.get(), absl::nullopt, trust_.set, hasher, rule_);
    if (appraisal.ok()) appraisal->detail = source_->WhyNone(file);
    Report(file.path, appraisal);
  }

  void Report(const std::string& path, const absl::StatusOr<appraise::Appraisal>& appraisal) {
    if (!appraisal.ok()) {
      OnError(path, appraisal.status());
      return;
    }
    ++counts_.at(static_cast<size_t>(appraisal->verdict));
    if (appraisal->verdict == Verdict::kValid && InKernelKeyring(*appraisal) == false) {
      ++not_in_keyring_;
    }
    if (output_.json()) PrintObject(path, *appraisal);
    if (line_per_file_ || appraisal->verdict != Verdict::kValid) PrintLine(path, *appraisal);
  }

  void Skip(const std::string& path, base::SkipReason reason, bool unsigned_script) {
    ++skipped_;
    if (unsigned_script) ++unsigned_scripts_;
    if (output_.verbose()) {
      output_.Result({path, "skipped", absl::StrCat(" (", SkipReasonText(reason), ")")});
    }
  }

  absl::optional<bool> InKernelKeyring(const appraise::Appraisal& appraisal) const {
    if (appraisal.key == nullptr || !trust_.ring.has_value()) return absl::nullopt;
    return ima::HoldsKeyOf(*trust_.ring, appraisal.key->certificate);
  }

  void PrintObject(const std::string& path, const appraise::Appraisal& appraisal) {
    Json object;
    object["type"] = "file";
    AddPath(object, path);
    object["verdict"] = appraise::VerdictName(appraisal.verdict);
    const bool known = appraisal.key != nullptr;
    object["key_name"] = known ? Json(appraisal.key->name) : Json(nullptr);
    object["key_id"] =
        appraisal.key_id.has_value() ? Json(ima::KeyIdText(*appraisal.key_id)) : Json(nullptr);
    object["ski"] =
        known ? Json(SubjectKeyIdentifierText(appraisal.key->certificate)) : Json(nullptr);
    object["hash_algorithm"] =
        appraisal.hash_name.empty() ? Json(nullptr) : Json(appraisal.hash_name);
    object["digest"] = appraisal.digest.has_value()
                           ? Json(base::HexEncode(appraisal.digest->value()))
                           : Json(nullptr);
    object["signature_version"] = appraisal.signature_version.has_value()
                                      ? Json(*appraisal.signature_version)
                                      : Json(nullptr);
    object["kernel_cause"] =
        appraisal.kernel_cause.empty() ? Json(nullptr) : Json(appraisal.kernel_cause);
    object["trust"] = trust_.source;
    object["signature_source"] = source_ == nullptr ? "xattr" : source_->name();
    const absl::optional<bool> in_keyring = InKernelKeyring(appraisal);
    object["in_kernel_keyring"] = in_keyring.has_value() ? Json(*in_keyring) : Json(nullptr);
    object["detail"] = appraisal.detail;
    object["warnings"] = appraisal.warnings;
    if (appraisal.verity_enabled.has_value()) {
      object["fs_verity"] = *appraisal.verity_enabled ? "enabled" : "not-enabled";
    }
    output_.Object(object);
  }

  void PrintLine(const std::string& path, const appraise::Appraisal& appraisal) {
    std::string rest;
    if (appraisal.verdict == Verdict::kValid) {
      absl::StrAppend(&rest, " (key ", appraisal.key->name, ", ", appraisal.hash_name, ")");
      const absl::optional<bool> in_keyring = InKernelKeyring(appraisal);
      if (in_keyring.has_value() && !*in_keyring) {
        absl::StrAppend(&rest,
                        "; but this kernel's keyring does not hold the key, so it refuses "
                        "the file (jet-ima load adds it)");
      }
      for (const std::string& warning : appraisal.warnings) absl::StrAppend(&rest, "; ", warning);
    } else {
      absl::StrAppend(&rest, ": ", appraisal.detail, RingHint(appraisal));
      if (!appraisal.kernel_cause.empty()) {
        absl::StrAppend(&rest, " [kernel: cause=", appraisal.kernel_cause, "]");
      }
    }
    output_.Result(
        {path, appraise::VerdictName(appraisal.verdict), rest, ToneOf(appraisal.verdict)});
  }

  // The reverse of the hint above: the kernel holds a key that is not among the trusted ones.
  std::string RingHint(const appraise::Appraisal& appraisal) const {
    if (appraisal.verdict != Verdict::kUnknownKey || !trust_.ring.has_value() ||
        !appraisal.key_id.has_value() || trust_.source == absl::string_view("keyring")) {
      return "";
    }
    for (const ima::KeyringMember& member : *trust_.ring) {
      if (!member.subject_key_identifier.has_value()) continue;
      if (base::Tail(*member.subject_key_identifier, appraisal.key_id->size()) ==
          base::ByteSpan(*appraisal.key_id)) {
        return "; but this kernel's keyring holds one that has it";
      }
    }
    return "";
  }

  Output& output_;
  RunControl& control_;
  const Trust& trust_;
  SignatureSource* const source_;
  const FileOptions& files_;
  const appraise::Rule rule_;
  std::vector<crypto::Hasher> hashers_;
  const bool line_per_file_;
  std::array<std::atomic<size_t>, appraise::kVerdictCount> counts_ = {};  // indexed by Verdict
  std::atomic<size_t> not_in_keyring_{0};
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

}  // namespace

absl::StatusOr<ExitStatus> RunAppraise(Session& session, AppraiseCommandOptions options) {
  if (options.verity && options.source.manifest.has_value()) {
    return UsageError("--verity does not go with --manifest: a manifest has no such signatures");
  }
  JET_RETURN_IF_ERROR(CheckSignatureSource(options.source, options.files));
  JET_RETURN_IF_ERROR(CompleteFiles(session, options.files));
  JET_ASSIGN_OR_RETURN(const std::unique_ptr<ManifestSource> manifest,
                       OpenManifest(options.source));
  absl::optional<DetachedSource> detached;
  if (options.source.suffix.has_value()) detached.emplace(*options.source.suffix);
  SignatureSource* source = manifest.get();
  if (detached.has_value()) source = &*detached;
  JET_ASSIGN_OR_RETURN(const Trust trust, OpenTrust(session, options.trust));
  base::FileSelectionOptions selection = SelectionOf(options.files, base::NamedLinks::kFollow);
  if (source != nullptr) source->Choose(selection);
  // A manifest names its files, wherever below the root they are mounted.
  if (manifest != nullptr && !options.files.one_file_system) selection.cross_file_systems = true;
  const int workers = base::WorkerCount(options.files.jobs, options.files.paths, selection);
  RunControl control(session.output, options.files);
  control.Choose(selection);
  const appraise::Rule rule = options.verity ? appraise::Rule::kSigv3 : appraise::Rule::kImasig;
  AppraiseRun run(session, control, trust, source, {options.files, workers, rule});
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
  return run.count(Verdict::kValid) == run.judged() ? ExitStatus::kGood : ExitStatus::kNo;
}

RunFunction DeclareAppraise(OptionParser& parser) {
  auto options = std::make_shared<AppraiseCommandOptions>();
  DeclareFiles(parser, options->files);
  DeclareTrust(parser, options->trust);
  DeclareSignatureSource(parser, options->source);
  parser.Flag("--verity", options->verity,
              "Judge as under digest_type=verity appraise_type=sigv3 rules: fs-verity signatures");
  return [options](Session& session) { return RunAppraise(session, *options); };
}

}  // namespace jet::cli

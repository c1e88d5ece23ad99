#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file_run.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/file_commands.h"
#include "cli/option_parser.h"
#include "cli/run_control.h"
#include "cli/verity_option.h"
#include "crypto/digest.h"
#include "sign/file_signer.h"
#include "sign/verity_enabling.h"

namespace jet::cli {
namespace {

struct Counts {
  std::array<std::atomic<size_t>, 4> by_result = {};  // indexed by sign::SignResult
  SkipCounts skipped;
  std::atomic<size_t> incomplete = 0;  // copies that could not keep everything
  VerityCounts verity;

  size_t of(sign::SignResult result) const { return by_result.at(static_cast<size_t>(result)); }
};

const char* ChangeDetectionText(base::ChangeDetection method) {
  return method == base::ChangeDetection::kLease ? "lease" : "timestamps";
}

// What is signed with, and where to.
struct Signing {
  const sign::FileSigner& signer;
  const SigningKey& key;
  SignatureDestination& destination;
};

// Signs the files of a run, prints what became of each and counts.
class SignRun : public base::FileRunHandler {
 public:
  SignRun(Session& session, RunControl& control, const Signing& signing,
          const SignCommandOptions& options, int workers)
      : output_(session.output),
        control_(control),
        signer_(signing.signer),
        key_(signing.key),
        destination_(signing.destination),
        force_(options.force),
        hashers_(static_cast<size_t>(workers)),
        line_per_file_(!options.files.recursive || session.output.verbose()) {}

  void OnFile(base::SelectedFile file, int worker) override {
    const absl::StatusOr<sign::SignOutcome> outcome =
        destination_.Sign(signer_, file, hashers_.at(static_cast<size_t>(worker)));
    if (!outcome.ok()) {
      OnError(file.path, outcome.status());
      return;
    }
    ++counts_.by_result.at(static_cast<size_t>(outcome->result));
    counts_.verity.Add(outcome->verity);
    control_.Done(file.status.st_size);
    if (!outcome->lost.empty()) {
      ++counts_.incomplete;
      output_.Warning(absl::StrCat(
          NameForMessage(file.path),
          ": the copy could not keep everything: ", absl::StrJoin(outcome->lost, "; ")));
    }
    if (output_.json()) PrintObject(file.path, *outcome);
    if (line_per_file_ || outcome->result == sign::SignResult::kWouldSign) {
      PrintLine(file.path, *outcome);
    }
  }

  void OnSkipped(const std::string& path, base::SkipReason reason, int fd) override {
    counts_.skipped.Add(reason);
    control_.DoneWith(fd);
    if (output_.json()) {
      Json object = Object(path, "skipped");
      object["detail"] = SkipReasonText(reason);
      output_.Object(object);
    }
    if (output_.verbose()) {
      output_.Result({path, "skipped", absl::StrCat(" (", SkipReasonText(reason), ")")});
    }
  }

  void OnNotEntered(const std::string& path) override { control_.NotEntered(path); }

  void OnError(const std::string& path, const absl::Status& error) override {
    const bool enabled = sign::VerityWasEnabled(error);
    if (enabled) counts_.verity.Add(sign::VerityState::kEnabledNow);
    control_.Fail(path, "not signed", error);
    if (output_.json()) {
      Json object = Object(path, "failed");
      object["detail"] = std::string(error.message());
      if (enabled) object["fs_verity"] = VerityStateName(sign::VerityState::kEnabledNow);
      output_.Object(object);
    }
  }

  const Counts& counts() const { return counts_; }

 private:
  static Json Object(const std::string& path, const char* result) {
    Json object;
    object["type"] = "file";
    AddPath(object, path);
    object["result"] = result;
    return object;
  }

  void PrintObject(const std::string& path, const sign::SignOutcome& outcome) {
    Json object = Object(path, sign::SignResultName(outcome.result));
    const bool kept = outcome.result == sign::SignResult::kKept;
    object["key_name"] = kept ? outcome.previous_key_name : key_.name;
    object["key_id"] = kept ? Json(nullptr) : Json(ima::KeyIdText(signer_.key_id()));
    object["hash_algorithm"] = crypto::NameOf(outcome.digest.algorithm());
    object["digest"] = base::HexEncode(outcome.digest.value());
    object["xattr_size"] = outcome.value.size();
    object["reason"] = ReasonOf(outcome);
    object["change_detection"] = ChangeDetectionText(outcome.change_detection);
    object["signature_destination"] = destination_.name();
    if (outcome.verity.has_value()) object["fs_verity"] = VerityStateName(*outcome.verity);
    if (!outcome.lost.empty()) object["lost"] = outcome.lost;
    output_.Object(object);
  }

  void PrintLine(const std::string& path, const sign::SignOutcome& outcome) {
    const char* word = sign::SignResultName(outcome.result);
    if (outcome.result == sign::SignResult::kKept) {
      output_.Result({path, word,
                      absl::StrCat(": signed by ", outcome.previous_key_name,
                                   " (--force replaces it)", VerityText(outcome.verity)),
                      Tone::kDoubtful});
      return;
    }
    if (outcome.result == sign::SignResult::kWouldSign) {
      PrintWouldSign(path, outcome);
      return;
    }
    output_.Result(
        {path, word,
         absl::StrCat(" (key ", key_.name, ", ", crypto::NameOf(outcome.digest.algorithm()), ")",
                      VerityText(outcome.verity)),
         Tone::kGood});
  }

  void PrintWouldSign(const std::string& path, const sign::SignOutcome& outcome) {
    const bool replaces = force_ && *outcome.previous != sign::Previous::kNone;
    std::string why = sign::PreviousText(*outcome.previous);
    if (*outcome.previous == sign::Previous::kValidByKnownKey) {
      absl::StrAppend(&why, ", ", outcome.previous_key_name);
    }
    output_.Result({path, replaces ? "would-replace" : sign::SignResultName(outcome.result),
                    absl::StrCat(" (", why, ")", VerityText(outcome.verity)), Tone::kGood});
  }

  // Why it was, or would be, signed; null where it was not, or --force did not let it matter.
  static Json ReasonOf(const sign::SignOutcome& outcome) {
    const bool was_signed = outcome.result == sign::SignResult::kSigned ||
                            outcome.result == sign::SignResult::kWouldSign;
    if (!was_signed || !outcome.previous.has_value()) return nullptr;
    return sign::PreviousText(*outcome.previous);
  }

  Output& output_;
  RunControl& control_;
  const sign::FileSigner& signer_;
  const SigningKey& key_;
  SignatureDestination& destination_;
  const bool force_;
  std::vector<crypto::Hasher> hashers_;
  const bool line_per_file_;
  Counts counts_;
};

void PrintSummary(Session& session, const RunControl& control, const Counts& counts,
                  const SignCommandOptions& options) {
  using sign::SignResult;
  const bool dry_run = options.dry_run;
  const size_t enabled_now = counts.verity.of(sign::VerityState::kEnabledNow);
  const size_t not_enabled = counts.verity.of(sign::VerityState::kNotEnabled);
  if (not_enabled > 0 && !options.enable_verity) session.output.Note(VerityNote(not_enabled));
  Json object = {{"type", "summary"},
                 {"signed", counts.of(SignResult::kSigned)},
                 {"would_sign", counts.of(SignResult::kWouldSign)},
                 {"already_valid", counts.of(SignResult::kAlreadyValid)},
                 {"kept", counts.of(SignResult::kKept)},
                 {"incomplete", counts.incomplete.load()},
                 {"skipped", counts.skipped.all()},
                 {"failed", control.failed()},
                 {"complete", !control.stopped()}};
  if (options.enable_verity) object["verity_enabled"] = enabled_now;
  session.output.Object(object);
  session.output.Line(absl::StrCat(
      dry_run ? "would sign " : "signed ",
      counts.of(dry_run ? SignResult::kWouldSign : SignResult::kSigned), ", already valid ",
      counts.of(SignResult::kAlreadyValid), ", kept ", counts.of(SignResult::kKept), ", ",
      SkippedText(counts.skipped), ", failed ", control.failed(),
      counts.incomplete > 0 ? absl::StrCat(", incomplete ", counts.incomplete.load()) : "",
      enabled_now > 0 ? absl::StrCat(", fs-verity enabled on ", enabled_now) : ""));
}

}  // namespace

absl::StatusOr<ExitStatus> RunSign(Session& session, SignCommandOptions options) {
  if (options.strip) return RunStrip(session, std::move(options));
  if (options.yes) return UsageError("--yes is for --strip: signing asks nothing");
  JET_RETURN_IF_ERROR(CheckVerity(options));
  JET_RETURN_IF_ERROR(CompleteFiles(session, options.files));
  const absl::StatusOr<crypto::HashAlgorithm> hash = crypto::ParseSigningHash(
      options.hash.value_or(session.configuration.hash.value_or(std::string("sha256"))));
  if (!hash.ok()) return UsageError(hash.status().message());
  if (options.verity) JET_RETURN_IF_ERROR(CheckVerityHash(*hash));
  JET_ASSIGN_OR_RETURN(const std::unique_ptr<SignatureDestination> destination,
                       MakeSignatureDestination(options.destination, options.files));
  JET_ASSIGN_OR_RETURN(const SigningKey key, OpenSigningKey(session, options.key));
  sign::FileSignerOptions signer_options;
  signer_options.hash = *hash;
  signer_options.force = options.force;
  signer_options.dry_run = options.dry_run;
  if (options.verity) signer_options.kind = ima::SignatureKind::kVerity;
  signer_options.enable_verity = options.enable_verity;
  signer_options.any_hash = !options.hash.has_value();
  JET_ASSIGN_OR_RETURN(
      const sign::FileSigner signer,
      sign::FileSigner::New(*key.signer, key.certificate, key.known, signer_options));
  base::FileSelectionOptions selection =
      SelectionOf(options.files, options.files.follow_links ? base::NamedLinks::kFollow
                                                            : base::NamedLinks::kRefuse);
  destination->Choose(selection);
  const int workers = base::WorkerCount(options.files.jobs, options.files.paths, selection);
  RunControl control(session.output, options.files);
  control.Choose(selection);
  SignRun run(session, control, {signer, key, *destination}, options, workers);
  base::RunOverFiles(options.files.paths, selection, workers, run);
  control.End();
  PrintSummary(session, control, run.counts(), options);
  if (control.failed() > 0 || control.stopped()) {
    if (options.destination.manifest.has_value()) {
      session.output.Error(
          absl::StrCat("the manifest is not written: it would lack the files that ",
                       control.failed() > 0 ? "failed" : "were not looked at"));
    }
    return ExitStatus::kCouldNotDo;
  }
  const auto& results = run.counts().by_result;
  const bool none =
      std::all_of(results.begin(), results.end(), [](const auto& n) { return n == 0; });
  if (none && !options.files.allow_empty) {
    return absl::FailedPreconditionError(
        "no file was found to sign (--allow-empty makes that no failure)");
  }
  if (!options.dry_run) JET_RETURN_IF_ERROR(destination->Finish());
  return ExitStatus::kGood;
}

RunFunction DeclareSign(OptionParser& parser) {
  auto options = std::make_shared<SignCommandOptions>();
  DeclareFiles(parser, options->files);
  parser.Flag("-H", options->files.follow_links, "Follow links named on the command line");
  DeclareSigningKey(parser, options->key);
  parser.Value("--hash", options->hash, "NAME", "sha256, sha384 or sha512 (sha256)");
  parser.Flag("--force", options->force, "Sign again whatever valid signature there is");
  parser.Flag("--dry-run", options->dry_run,
              "Do everything but write; say what would be written, and why");
  parser.Flag("--strip", options->strip, "Remove the signatures instead; needs no key");
  parser.Flag("--yes", options->yes, "With --strip: do not ask");
  DeclareSignatureDestination(parser, options->destination);
  parser.Flag("--verity", options->verity,
              "Sign fs-verity digests, for digest_type=verity appraise_type=sigv3 rules");
  parser.Flag("--enable-verity", options->enable_verity,
              "With --verity: enable fs-verity as well; the file is read-only for ever");
  return [options](Session& session) { return RunSign(session, *options); };
}

}  // namespace jet::cli

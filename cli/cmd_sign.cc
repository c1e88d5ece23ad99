#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file_run.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "cli/command.h"
#include "cli/file_commands.h"
#include "cli/option_parser.h"
#include "crypto/digest.h"
#include "sign/file_signer.h"

namespace jet::cli {
namespace {

struct Counts {
  std::array<size_t, 4> by_result = {};  // indexed by sign::SignResult
  SkipCounts skipped;
  size_t incomplete = 0;  // copies that could not keep everything
  size_t failed = 0;

  size_t of(sign::SignResult result) const { return by_result.at(static_cast<size_t>(result)); }
};

const char* ChangeDetectionText(base::ChangeDetection method) {
  return method == base::ChangeDetection::kLease ? "lease" : "timestamps";
}

struct RunShape {
  int workers;
  bool line_per_file;
};

// Signs the files of a run, prints what became of each and counts.
class SignRun : public base::FileRunHandler {
 public:
  SignRun(Session& session, const sign::FileSigner& signer, const SigningKey& key,
          SignatureDestination& destination, const RunShape& shape)
      : output_(session.output),
        signer_(signer),
        key_(key),
        destination_(destination),
        hashers_(static_cast<size_t>(shape.workers)),
        line_per_file_(shape.line_per_file || session.output.verbose()) {}

  void OnFile(base::SelectedFile file, int worker) override {
    const absl::StatusOr<sign::SignOutcome> outcome =
        destination_.Sign(signer_, file, hashers_.at(static_cast<size_t>(worker)));
    if (!outcome.ok()) {
      OnError(file.path, outcome.status());
      return;
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++counts_.by_result.at(static_cast<size_t>(outcome->result));
      if (!outcome->lost.empty()) ++counts_.incomplete;
    }
    if (!outcome->lost.empty()) {
      output_.Warning(absl::StrCat(
          NameForMessage(file.path),
          ": the copy could not keep everything: ", absl::StrJoin(outcome->lost, "; ")));
    }
    if (output_.json()) PrintObject(file.path, *outcome);
    if (line_per_file_) PrintLine(file.path, *outcome);
  }

  void OnSkipped(const std::string& path, base::SkipReason reason, int /*fd*/) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      counts_.skipped.Add(reason);
    }
    if (output_.json()) {
      Json object = Object(path, "skipped");
      object["detail"] = SkipReasonText(reason);
      output_.Object(object);
    }
    if (output_.verbose()) {
      output_.Result({path, "skipped", absl::StrCat(" (", SkipReasonText(reason), ")")});
    }
  }

  void OnError(const std::string& path, const absl::Status& error) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++counts_.failed;
    }
    output_.Error(absl::StrCat(NameForMessage(path), ": not signed: ", error.message()));
    if (output_.json()) {
      Json object = Object(path, "failed");
      object["detail"] = std::string(error.message());
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
    object["key_name"] = kept ? outcome.kept_key_name : key_.name;
    object["key_id"] = kept ? Json(nullptr) : Json(ima::KeyIdText(signer_.key_id()));
    object["hash_algorithm"] = crypto::NameOf(outcome.digest.algorithm());
    object["digest"] = base::HexEncode(outcome.digest.value());
    object["xattr_size"] = outcome.value.size();
    object["change_detection"] = ChangeDetectionText(outcome.change_detection);
    object["signature_destination"] = destination_.name();
    if (!outcome.lost.empty()) object["lost"] = outcome.lost;
    output_.Object(object);
  }

  void PrintLine(const std::string& path, const sign::SignOutcome& outcome) {
    const char* word = sign::SignResultName(outcome.result);
    if (outcome.result == sign::SignResult::kKept) {
      output_.Result({path, word,
                      absl::StrCat(": signed by ", outcome.kept_key_name, " (--force replaces it)"),
                      Tone::kDoubtful});
      return;
    }
    output_.Result(
        {path, word,
         absl::StrCat(" (key ", key_.name, ", ", crypto::NameOf(outcome.digest.algorithm()), ")"),
         Tone::kGood});
  }

  Output& output_;
  const sign::FileSigner& signer_;
  const SigningKey& key_;
  SignatureDestination& destination_;
  std::vector<crypto::Hasher> hashers_;
  const bool line_per_file_;
  std::mutex mutex_;
  Counts counts_;
};

void PrintSummary(Session& session, const Counts& counts, bool dry_run) {
  using sign::SignResult;
  session.output.Object({{"type", "summary"},
                         {"signed", counts.of(SignResult::kSigned)},
                         {"would_sign", counts.of(SignResult::kWouldSign)},
                         {"already_valid", counts.of(SignResult::kAlreadyValid)},
                         {"kept", counts.of(SignResult::kKept)},
                         {"incomplete", counts.incomplete},
                         {"skipped", counts.skipped.all()},
                         {"failed", counts.failed}});
  session.output.Line(absl::StrCat(
      dry_run ? "would sign " : "signed ",
      counts.of(dry_run ? SignResult::kWouldSign : SignResult::kSigned), ", already valid ",
      counts.of(SignResult::kAlreadyValid), ", kept ", counts.of(SignResult::kKept), ", ",
      SkippedText(counts.skipped), ", failed ", counts.failed,
      counts.incomplete > 0 ? absl::StrCat(", incomplete ", counts.incomplete) : ""));
}

}  // namespace

absl::StatusOr<ExitStatus> RunSign(Session& session, SignCommandOptions options) {
  JET_RETURN_IF_ERROR(CompleteFiles(session, options.files));
  const absl::StatusOr<crypto::HashAlgorithm> hash = crypto::ParseSigningHash(
      options.hash.value_or(session.configuration.hash.value_or(std::string("sha256"))));
  if (!hash.ok()) return UsageError(hash.status().message());
  JET_ASSIGN_OR_RETURN(const std::unique_ptr<SignatureDestination> destination,
                       MakeSignatureDestination(options.destination, options.files));
  JET_ASSIGN_OR_RETURN(const SigningKey key, OpenSigningKey(session, options.key));
  sign::FileSignerOptions signer_options;
  signer_options.hash = *hash;
  signer_options.force = options.force;
  signer_options.dry_run = options.dry_run;
  JET_ASSIGN_OR_RETURN(
      const sign::FileSigner signer,
      sign::FileSigner::New(*key.signer, key.certificate, key.known, signer_options));
  base::FileSelectionOptions selection =
      SelectionOf(options.files, options.files.follow_links ? base::NamedLinks::kFollow
                                                            : base::NamedLinks::kRefuse);
  destination->Choose(selection);
  const int workers = base::WorkerCount(options.files.jobs, options.files.paths, selection);
  SignRun run(session, signer, key, *destination,
              {workers, /*line_per_file=*/!options.files.recursive});
  base::RunOverFiles(options.files.paths, selection, workers, run);
  PrintSummary(session, run.counts(), options.dry_run);
  if (run.counts().failed > 0) {
    if (options.destination.manifest.has_value()) {
      session.output.Error("the manifest is not written: it would lack the files that failed");
    }
    return ExitStatus::kCouldNotDo;
  }
  const auto& results = run.counts().by_result;
  const bool none = std::all_of(results.begin(), results.end(), [](size_t n) { return n == 0; });
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
  parser.Flag("--dry-run", options->dry_run, "Do everything but write");
  DeclareSignatureDestination(parser, options->destination);
  return [options](Session& session) { return RunSign(session, *options); };
}

}  // namespace jet::cli

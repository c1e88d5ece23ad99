#include "cli/appraisal_report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/hex.h"
#include "cli/file_options.h"
#include "cli/key_report.h"
#include "ima/mirror.h"
#include "ima/signing_certificate.h"

namespace jet::cli {
namespace {

using appraise::Appraisal;
using appraise::Verdict;

Tone ToneOf(Verdict verdict, bool passes) {
  if (passes) return Tone::kGood;
  return verdict == Verdict::kAmbiguousKey ? Tone::kDoubtful : Tone::kBad;
}

// The value, or null.
template <typename Value>
Json JsonOf(const absl::optional<Value>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

std::string CauseText(const Appraisal& appraisal) {
  if (appraisal.kernel_cause.empty()) return "";
  return absl::StrCat(" [kernel: cause=", appraisal.kernel_cause, "]");
}

}  // namespace

AppraisalReport::AppraisalReport(Output& output, const Trust& trust, AppraisalReportOptions options)
    : output_(output), trust_(trust), options_(options), now_(absl::Now()) {}

SignerStanding AppraisalReport::StandingOf(const Appraisal& appraisal) const {
  SignerStanding standing;
  if (appraisal.key == nullptr) return standing;
  const pki::Certificate& certificate = appraisal.key->certificate;
  if (trust_.ring.has_value()) standing.in_keyring = ima::HoldsKeyOf(*trust_.ring, certificate);
  if (appraisal.verdict == Verdict::kValid) standing.current = ima::CheckDates(certificate, now_);
  return standing;
}

bool AppraisalReport::Passes(const Appraisal& appraisal, const SignerStanding& standing) const {
  if (appraisal.verdict != Verdict::kValid) return false;
  return !options_.require_current || !standing.current.has_value() || standing.current->ok();
}

void AppraisalReport::Print(const base::SelectedFile& file, const Appraisal& appraisal,
                            const SignerStanding& standing) {
  if (options_.summary_only) return;
  const bool passes = Passes(appraisal, standing);
  absl::optional<std::vector<appraise::Finding>> findings;
  if (options_.explainer != nullptr && (!passes || options_.every_file)) {
    findings = options_.explainer->Explain(file, appraisal, trust_.set);
  }
  if (output_.json()) {
    Json object = ObjectOf(file.path, appraisal, standing);
    if (findings.has_value()) object["explanation"] = FindingObjects(*findings);
    output_.Object(object);
  }
  if (passes && !options_.every_file) return;
  ResultLine line = LineOf(file.path, appraisal, standing);
  if (findings.has_value()) line.below = FindingLines(*findings);
  output_.Result(line);
}

std::vector<appraise::Finding> AppraisalReport::Explain(const absl::Status& error,
                                                        const base::SelectedFile* file) const {
  if (options_.explainer == nullptr) return {};
  return options_.explainer->ExplainError(file, error);
}

void AppraisalReport::PrintError(const std::string& path, const absl::Status& error,
                                 const std::vector<appraise::Finding>& findings) {
  if (!output_.json() || options_.summary_only) return;
  Json object;
  object["type"] = "file";
  AddPath(object, path);
  object["verdict"] = nullptr;
  object["error"] = std::string(error.message());
  if (!findings.empty()) object["explanation"] = FindingObjects(findings);
  output_.Object(object);
}

void AppraisalReport::PrintSkipped(const std::string& path, base::SkipReason reason) {
  if (options_.summary_only || !output_.verbose()) return;
  output_.Result({path, "skipped", absl::StrCat(" (", SkipReasonText(reason), ")")});
}

std::vector<std::string> AppraisalReport::WarningsOf(const Appraisal& appraisal,
                                                     const SignerStanding& standing) const {
  std::vector<std::string> warnings = appraisal.warnings;
  if (standing.current.has_value() && !standing.current->ok()) {
    warnings.emplace_back(standing.current->message());
  }
  return warnings;
}

Json AppraisalReport::ObjectOf(const std::string& path, const Appraisal& appraisal,
                               const SignerStanding& standing) const {
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
  object["hash_algorithm"] = TextOrNull(appraisal.hash_name);
  object["digest"] = appraisal.digest.has_value() ? Json(base::HexEncode(appraisal.digest->value()))
                                                  : Json(nullptr);
  object["signature_version"] = JsonOf(appraisal.signature_version);
  object["kernel_cause"] = TextOrNull(appraisal.kernel_cause);
  object["trust"] = trust_.source;
  object["signature_source"] = options_.signature_source;
  object["in_kernel_keyring"] = JsonOf(standing.in_keyring);
  object["signer_current"] =
      standing.current.has_value() ? Json(standing.current->ok()) : Json(nullptr);
  object["detail"] = appraisal.detail;
  object["warnings"] = WarningsOf(appraisal, standing);
  if (appraisal.verity_enabled.has_value()) {
    object["fs_verity"] = *appraisal.verity_enabled ? "enabled" : "not-enabled";
  }
  return object;
}

ResultLine AppraisalReport::LineOf(const std::string& path, const Appraisal& appraisal,
                                   const SignerStanding& standing) const {
  std::string rest;
  const bool passes = Passes(appraisal, standing);
  if (appraisal.verdict == Verdict::kValid) {
    absl::StrAppend(&rest, " (key ", appraisal.key->name, ", ", appraisal.hash_name, ")");
    if (standing.in_keyring == false) {
      absl::StrAppend(&rest,
                      "; but this kernel's keyring does not hold the key, so it refuses "
                      "the file (jet-ima load adds it)");
    }
    for (const std::string& warning : WarningsOf(appraisal, standing)) {
      absl::StrAppend(&rest, "; ", warning);
    }
    if (!passes) absl::StrAppend(&rest, ", and --require-current is given");
  } else {
    absl::StrAppend(&rest, ": ", appraisal.detail, RingHint(appraisal), CauseText(appraisal));
  }
  return {
      path, appraise::VerdictName(appraisal.verdict), rest, ToneOf(appraisal.verdict, passes), {}};
}

// The reverse of the hint above: the kernel holds a key that is not among the trusted ones.
std::string AppraisalReport::RingHint(const Appraisal& appraisal) const {
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

}  // namespace jet::cli

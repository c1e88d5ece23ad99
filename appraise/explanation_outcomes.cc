#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "appraise/explanation_parts.h"
#include "appraise/kernel_outcome.h"

namespace jet::appraise {
namespace {

// A way to use a file.
struct Use {
  ima::PolicyHook hook;
  const char* when;     // "When it is ..."
  const char* symptom;  // the words for EACCES that whoever does it reads
};

constexpr Use kExecuted = {ima::PolicyHook::kBprmCheck, "executed", "'Permission denied'"};
constexpr Use kMapped = {ima::PolicyHook::kMmapCheck,
                         "mapped for execution, as shared objects and programs are",
                         "of the loader 'failed to map segment from shared object'"};
constexpr Use kLoaded = {ima::PolicyHook::kModuleCheck, "loaded as a kernel module",
                         "'Permission denied'"};
constexpr Use kRead = {ima::PolicyHook::kFileCheck, "opened for reading", "'Permission denied'"};

std::vector<Use> UsesOf(const FileFacts& file) {
  switch (file.kind) {
    case base::FileKind::kElf:
      return {kExecuted, kMapped};
    case base::FileKind::kScript:
      return {kExecuted};
    case base::FileKind::kObjectFile:
    case base::FileKind::kKernelModule:
      return {kLoaded};
    case base::FileKind::kDebugFile:
    case base::FileKind::kOther:
      break;
  }
  if ((file.mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0) return {kExecuted, kRead};
  return {kRead};
}

// Uses that come to the same.
struct CommonOutcome {
  std::vector<Use> uses;
  std::vector<const ima::PolicyRule*> rules;
  Outcome outcome;
};

bool SameOutcome(const Outcome& a, const Outcome& b) {
  return a.fate == b.fate && a.cause == b.cause && a.why == b.why;
}

std::vector<CommonOutcome> CommonOutcomes(const ExplanationInput& input) {
  std::vector<CommonOutcome> all;
  for (const Use& use : UsesOf(input.file)) {
    Outcome outcome = ForetellOutcome(input, use.hook);
    const auto same = std::find_if(all.begin(), all.end(), [&outcome](const CommonOutcome& known) {
      return SameOutcome(known.outcome, outcome);
    });
    if (same == all.end()) {
      all.push_back({{use}, {outcome.rule}, std::move(outcome)});
      continue;
    }
    same->uses.push_back(use);
    if (same->rules.back() != outcome.rule) same->rules.push_back(outcome.rule);
  }
  return all;
}

std::string When(const CommonOutcome& common) {
  return absl::StrCat("When it is ",
                      absl::StrJoin(common.uses, " or ", [](std::string* out, const Use& use) {
                        absl::StrAppend(out, use.when);
                      }));
}

// " (the running policy, line 2: dont_appraise fsmagic=0x1021994)"; empty without a rule that
// anybody could look up.
std::string ByWhichRules(const CommonOutcome& common, const ima::PolicyInForce& policy) {
  if (policy.origin == ima::PolicyOrigin::kAssumed) return "";
  std::vector<std::string> parts;
  for (const ima::PolicyRule* rule : common.rules) {
    if (rule != nullptr) parts.push_back(absl::StrCat("line ", rule->line, ": ", rule->text));
  }
  if (parts.empty()) return "";
  return absl::StrCat(" (", policy.name, ", ", absl::StrJoin(parts, "; "), ")");
}

std::string SymptomsText(const CommonOutcome& common) {
  std::vector<std::string> texts;
  for (const Use& use : common.uses) {
    if (texts.empty() || texts.back() != use.symptom) texts.emplace_back(use.symptom);
  }
  return absl::StrCat("EACCES (", absl::StrJoin(texts, "; "), ")");
}

// How sentences call the kernel that decides.
const char* TheKernel(const ExplanationInput& input) {
  const bool has_ima = input.kernel.state.ima.word != ima::Presence::kAbsent;
  return has_ima ? "the kernel" : "such a kernel";
}

std::string RecordText(const Outcome& outcome) {
  if (outcome.cause.empty()) return "";
  const std::string line =
      outcome.log_line.empty() ? "" : absl::StrCat(", after '", outcome.log_line, "' in its log");
  return absl::StrCat(". Its audit record has op=", outcome.operation, " cause=", outcome.cause,
                      line);
}

std::string RefusalText(const ExplanationInput& input, const CommonOutcome& common) {
  const std::string record = RecordText(common.outcome);
  switch (input.kernel.state.appraise.word) {
    case ima::AppraiseMode::kLog:
      return absl::StrCat(
          "the kernel lets it pass all the same and only records it "
          "(ima_appraise=log)",
          record);
    case ima::AppraiseMode::kFix:
      return absl::StrCat(
          "the kernel lets it pass all the same (ima_appraise=fix), and writes a "
          "hash where there is no signature",
          record);
    case ima::AppraiseMode::kUnknown:
      // Also of a kernel without IMA.
      break;
    case ima::AppraiseMode::kEnforce:
    case ima::AppraiseMode::kOff:
    case ima::AppraiseMode::kNotSupported:
      break;
  }
  const bool doubtful = input.kernel.state.ima.word != ima::Presence::kAbsent &&
                        input.kernel.state.appraise.word == ima::AppraiseMode::kUnknown;
  return absl::StrCat(TheKernel(input), " refuses it with ", SymptomsText(common),
                      doubtful ? ", unless it only logs (its mode is not known)" : "", record);
}

Finding FindingOf(const ExplanationInput& input, const CommonOutcome& common) {
  const std::string rules = ByWhichRules(common, input.kernel.policy);
  const std::string when = absl::StrCat(When(common), ", ");
  const char* kernel = TheKernel(input);
  const std::string& why = common.outcome.why;
  switch (common.outcome.fate) {
    case Fate::kRuns:
      return {"runs", absl::StrCat(when, kernel, " lets it pass: ", why, rules, "."), ""};
    case Fate::kNotAppraised:
      return {"not-appraised",
              absl::StrCat(when, kernel, " lets it pass without a look at it: ", why, rules, "."),
              ""};
    case Fate::kUnknown:
      return {"unknown-outcome",
              absl::StrCat(when, "what ", kernel, " does is not known: ", why, rules, "."), ""};
    case Fate::kRefused:
      break;
  }
  return {"refused", absl::StrCat(when, RefusalText(input, common), ". Why: ", why, rules, "."),
          ""};
}

std::string KernelName(const ima::KernelState& state) {
  return state.release.empty() ? "This kernel" : absl::StrCat("This kernel (", state.release, ")");
}

// What the answer rests on, where that is not the running kernel's own policy.
void AddBasis(const ExplanationInput& input, std::vector<Finding>& findings) {
  const ima::KernelState& state = input.kernel.state;
  const ima::PolicyInForce& policy = input.kernel.policy;
  if (state.ima.word == ima::Presence::kAbsent) {
    const std::string wanted =
        policy.origin == ima::PolicyOrigin::kFile
            ? absl::StrCat("the policy ", policy.name)
            : "a policy that wants signatures on what is executed, mapped and loaded";
    findings.push_back({"kernel-without-ima",
                        absl::StrCat(KernelName(state), " has no IMA (", state.ima.why,
                                     ") and appraises nothing. What follows is about a kernel "
                                     "that has it, with ",
                                     wanted, "."),
                        ""});
    return;
  }
  if (policy.origin != ima::PolicyOrigin::kAssumed) return;
  findings.push_back(
      {"policy-assumed",
       absl::StrCat("The running policy could not be read: ", policy.why,
                    ". One is assumed that wants signatures on what is executed, mapped and "
                    "loaded."),
       "Name the file that the policy was loaded from with --policy."});
}

bool AppraisesNothing(const ima::KernelState& state) {
  return state.appraise.word == ima::AppraiseMode::kOff ||
         state.appraise.word == ima::AppraiseMode::kNotSupported;
}

}  // namespace

bool AddOutcomes(const ExplanationInput& input, std::vector<Finding>& findings) {
  const ima::KernelState& state = input.kernel.state;
  if (AppraisesNothing(state)) {
    findings.push_back({"not-appraised",
                        absl::StrCat(KernelName(state), " appraises nothing (", state.appraise.why,
                                     ") and lets the file pass without a look at it."),
                        ""});
    return false;
  }
  AddBasis(input, findings);
  bool refused = false;
  for (const CommonOutcome& common : CommonOutcomes(input)) {
    refused = refused || common.outcome.fate == Fate::kRefused;
    findings.push_back(FindingOf(input, common));
  }
  return refused;
}

}  // namespace jet::appraise

#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "appraise/explanation_parts.h"
#include "appraise/kernel_outcome.h"

namespace jet::appraise {
namespace {

constexpr char kDenied[] = "'Permission denied'";

// What the kernel asks its policy about on the way to a use, and what whoever does it reads when
// that is refused with EACCES.
struct Step {
  ima::PolicyAccess access;
  const char* symptom;
};

constexpr Step kOpenToExecute = {{ima::PolicyHook::kFileCheck, ima::AccessMask::kExec}, kDenied};
constexpr Step kOpenToRead = {{ima::PolicyHook::kFileCheck, ima::AccessMask::kRead}, kDenied};
constexpr Step kExecute = {{ima::PolicyHook::kBprmCheck, ima::AccessMask::kExec}, kDenied};
constexpr Step kTakeCredentials = {{ima::PolicyHook::kCredsCheck, ima::AccessMask::kExec}, kDenied};
constexpr Step kLoad = {{ima::PolicyHook::kModuleCheck, ima::AccessMask::kRead}, kDenied};
constexpr ima::PolicyAccess kMap = {ima::PolicyHook::kMmapCheck, ima::AccessMask::kExec};

enum class UseKind { kExecuted, kProgramMapped, kLibraryMapped, kInterpreted, kLoaded, kRead };

// A way to use a file.
struct Use {
  UseKind kind;
  std::string when;         // "When it is ..."
  std::vector<Step> steps;  // in the kernel's order
  size_t first = 0;         // the step at which it begins; those before belong to another use
  bool minor = false;       // not worth a sentence when the file is not appraised
};

// execve: do_open_execat, then ima_bprm_check, which asks twice.
Use Executed() {
  return {UseKind::kExecuted, "executed", {kOpenToExecute, kExecute, kTakeCredentials}};
}

// execve maps the program when there is nothing to go back to any more.
Use ProgramMapped() {
  Use use = Executed();
  use.kind = UseKind::kProgramMapped;
  use.when = "mapped for execution as a program";
  use.first = use.steps.size();
  use.steps.push_back(
      {kMap, "of a program that execve has started 'Segmentation fault', status 139"});
  return use;
}

Use LibraryMapped() {
  const Step open = {kOpenToRead.access, "of the loader 'cannot open shared object file'"};
  const Step map = {kMap, "of the loader 'failed to map segment from shared object'"};
  return {UseKind::kLibraryMapped, "mapped for execution as a shared object", {open, map}};
}

Use Interpreted() {
  Use use = {UseKind::kInterpreted, "opened by its interpreter", {kOpenToRead}};
  use.minor = true;
  return use;
}

Use Loaded() { return {UseKind::kLoaded, "loaded as a kernel module", {kOpenToRead, kLoad}}; }

Use Read() { return {UseKind::kRead, "opened for reading", {kOpenToRead}}; }

std::vector<Use> UsesOf(const FileFacts& file) {
  switch (file.kind) {
    case base::FileKind::kElf:
      return {Executed(), ProgramMapped(), LibraryMapped()};
    case base::FileKind::kScript:
      return {Executed(), Interpreted()};
    case base::FileKind::kObjectFile:
    case base::FileKind::kKernelModule:
      return {Loaded()};
    case base::FileKind::kDebugFile:
    case base::FileKind::kOther:
      break;
  }
  if ((file.mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0) return {Executed(), Read()};
  return {Read()};
}

struct UseOutcome {
  Outcome outcome;
  const char* symptom;  // of the step that decides
};

// The fate of a use of several steps is the first of this order that one of them has.
int Weight(const Outcome& outcome) {
  switch (outcome.fate) {
    case Fate::kRefused:
      return 4;
    case Fate::kUnknown:
      return 3;
    case Fate::kRuns:
      return 2;
    case Fate::kNotAppraised:
      break;
  }
  return outcome.rule != nullptr ? 1 : 0;
}

UseOutcome ForetellUse(const ExplanationInput& input, const Use& use) {
  std::vector<ima::PolicyAccess> accesses;
  absl::optional<UseOutcome> decisive;
  for (size_t i = 0; i < use.steps.size(); ++i) {
    accesses.push_back(use.steps[i].access);
    if (i < use.first) continue;
    Outcome outcome = ForetellOutcome(input, accesses);
    if (decisive.has_value() && Weight(outcome) <= Weight(decisive->outcome)) continue;
    decisive = {std::move(outcome), use.steps[i].symptom};
  }
  return *std::move(decisive);
}

// Uses that come to the same.
struct CommonOutcome {
  std::vector<Use> uses;
  std::vector<const char*> symptoms;  // one for each use
  std::vector<const ima::PolicyRule*> rules;
  Outcome outcome;
};

bool SameOutcome(const Outcome& a, const Outcome& b) {
  return a.fate == b.fate && a.cause == b.cause && a.why == b.why;
}

void AddUse(Use use, UseOutcome found, std::vector<CommonOutcome>& all) {
  Outcome& outcome = found.outcome;
  const auto same = std::find_if(all.begin(), all.end(), [&outcome](const CommonOutcome& known) {
    return SameOutcome(known.outcome, outcome);
  });
  if (same == all.end()) {
    all.push_back({{std::move(use)}, {found.symptom}, {outcome.rule}, std::move(outcome)});
    return;
  }
  same->uses.push_back(std::move(use));
  same->symptoms.push_back(found.symptom);
  if (std::find(same->rules.begin(), same->rules.end(), outcome.rule) == same->rules.end()) {
    same->rules.push_back(outcome.rule);
  }
}

std::vector<CommonOutcome> CommonOutcomes(const ExplanationInput& input) {
  std::vector<CommonOutcome> all;
  for (Use& use : UsesOf(input.file)) {
    UseOutcome found = ForetellUse(input, use);
    if (use.minor && found.outcome.fate == Fate::kNotAppraised) continue;
    AddUse(std::move(use), std::move(found), all);
  }
  return all;
}

bool Includes(const CommonOutcome& common, UseKind kind) {
  return std::any_of(common.uses.begin(), common.uses.end(),
                     [kind](const Use& use) { return use.kind == kind; });
}

std::string When(const CommonOutcome& common) {
  const bool mapped_anyhow =
      Includes(common, UseKind::kProgramMapped) && Includes(common, UseKind::kLibraryMapped);
  std::vector<std::string> parts;
  for (const Use& use : common.uses) {
    if (!mapped_anyhow || use.kind == UseKind::kExecuted) {
      parts.push_back(use.when);
    } else if (use.kind == UseKind::kProgramMapped) {
      parts.emplace_back("mapped for execution, as shared objects and programs are");
    }
  }
  return absl::StrCat("When it is ", absl::StrJoin(parts, " or "));
}

// " (the running policy, line 2: dont_appraise fsmagic=0x1021994)"; empty without a rule that
// anybody could look up.
std::string ByWhichRules(const CommonOutcome& common, const ima::PolicyInForce& policy) {
  if (policy.origin == ima::PolicyOrigin::kAssumed) return "";
  std::vector<std::string> parts;
  for (const ima::PolicyRule* rule : common.rules) {
    if (rule != nullptr)
      parts.push_back(absl::StrCat("line ", rule->line, ": ", Shortened(rule->text)));
  }
  if (parts.empty()) return "";
  return absl::StrCat(" (", policy.name, ", ", absl::StrJoin(parts, "; "), ")");
}

std::string SymptomsText(const CommonOutcome& common) {
  std::vector<absl::string_view> texts;
  for (size_t i = 0; i < common.uses.size(); ++i) {
    // A program that may not be executed is never mapped.
    const bool never =
        common.uses[i].kind == UseKind::kProgramMapped && Includes(common, UseKind::kExecuted);
    const absl::string_view symptom = common.symptoms[i];
    if (never || std::find(texts.begin(), texts.end(), symptom) != texts.end()) continue;
    texts.push_back(symptom);
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
    case ima::AppraiseMode::kUnknown:  // also of a kernel without IMA
    case ima::AppraiseMode::kEnforce:
    case ima::AppraiseMode::kOff:
    case ima::AppraiseMode::kNotSupported:
      break;
  }
  const bool doubtful = input.kernel.state.ima.word != ima::Presence::kAbsent &&
                        input.kernel.state.appraise.word == ima::AppraiseMode::kUnknown;
  const std::string& unless = common.outcome.unless;
  return absl::StrCat(TheKernel(input), " refuses it with ", SymptomsText(common),
                      unless.empty() ? "" : absl::StrCat(", unless ", unless),
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

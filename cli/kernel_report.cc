#include "cli/kernel_report.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/mirror_comparison.h"

namespace jet::cli {
namespace {

const char* PresenceName(ima::Presence presence) {
  switch (presence) {
    case ima::Presence::kPresent:
      return "present";
    case ima::Presence::kAbsent:
      return "absent";
    case ima::Presence::kUnknown:
      break;
  }
  return "unknown";
}

const char* PolicyName(ima::PolicyState policy) {
  switch (policy) {
    case ima::PolicyState::kFinal:
      return "final";
    case ima::PolicyState::kOpen:
      return "open";
    case ima::PolicyState::kUnknown:
      break;
  }
  return "unknown";
}

std::string WithReason(const std::string& text, const std::string& why) {
  return why.empty() ? text : absl::StrCat(text, " (", why, ")");
}

std::string PresenceText(const ima::Told<ima::Presence>& ima) {
  switch (ima.word) {
    case ima::Presence::kPresent:
      return WithReason("present", ima.why);
    case ima::Presence::kAbsent:
      return WithReason("not in this kernel", ima.why);
    case ima::Presence::kUnknown:
      break;
  }
  return WithReason("not seen", ima.why);
}

std::string PolicyText(const ima::KernelState& state) {
  std::string text;
  switch (state.policy) {
    case ima::PolicyState::kFinal:
      text = "loaded, and final until the kernel restarts";
      break;
    case ima::PolicyState::kOpen:
      text = "may still be loaded or extended";
      break;
    case ima::PolicyState::kUnknown:
      text = "not known";
      break;
  }
  if (state.appraise_rules.has_value()) {
    absl::StrAppend(&text, "; ", *state.appraise_rules, " appraise rules in force");
  }
  if (!state.boot_policies.empty()) {
    absl::StrAppend(&text, "; at boot: ", absl::StrJoin(state.boot_policies, ", "));
  }
  return text;
}

void PrintObjects(Session& session, const ima::KernelState& state) {
  session.output.Object({{"type", "check"},
                         {"check", "ima"},
                         {"result", PresenceName(state.ima.word)},
                         {"detail", state.ima.why}});
  if (state.ima.word != ima::Presence::kPresent) return;
  session.output.Object({{"type", "check"},
                         {"check", "appraise-mode"},
                         {"result", ima::AppraiseModeName(state.appraise.word)},
                         {"detail", state.appraise.why}});
  session.output.Object(
      {{"type", "check"},
       {"check", "policy"},
       {"result", PolicyName(state.policy)},
       {"appraise_rules",
        state.appraise_rules.has_value() ? Json(*state.appraise_rules) : Json(nullptr)},
       {"boot_policies", state.boot_policies}});
}

void PrintRing(Session& session, const std::string& name, const char* word, Json keys,
               const std::string& why) {
  session.output.Object({{"type", "check"},
                         {"check", "kernel-keyring"},
                         {"name", name},
                         {"result", word},
                         {"keys", std::move(keys)},
                         {"detail", why}});
}

// Sorts the names of the rings into what is said of them.
struct RingTexts {
  std::vector<std::string> present;
  std::vector<std::string> absent;
  std::vector<std::string> hidden;
};

void ReportRing(Session& session, const ima::KernelRing& ring, RingTexts& texts) {
  switch (ring.sight) {
    case ima::RingSight::kListed:
      texts.present.push_back(absl::StrCat(ring.name, " (", KeysText(ring.members.size()), ")"));
      PrintRing(session, ring.name, "present", ring.members.size(), "");
      return;
    case ima::RingSight::kAbsent:
      texts.absent.push_back(ring.name);
      PrintRing(session, ring.name, "absent", nullptr, "");
      return;
    case ima::RingSight::kHidden:
      texts.hidden.push_back(WithReason(ring.name, ring.why));
      PrintRing(session, ring.name, "hidden", nullptr, ring.why);
      return;
  }
}

}  // namespace

void ReportKernel(Session& session, const ima::KernelState& state) {
  PrintObjects(session, state);
  Fields fields = {{"Kernel IMA", PresenceText(state.ima)}};
  if (state.ima.word == ima::Presence::kPresent) {
    fields.emplace_back("Appraise Mode",
                        WithReason(ima::AppraiseModeName(state.appraise.word), state.appraise.why));
    fields.emplace_back("Policy", PolicyText(state));
  }
  session.output.Labelled(fields);
  for (const std::string& unreadable : state.unreadable) session.output.Note(unreadable);
}

void ReportKernelRings(Session& session, const std::vector<ima::KernelRing>& rings) {
  RingTexts texts;
  for (const ima::KernelRing& ring : rings) ReportRing(session, ring, texts);
  Fields fields;
  if (!texts.present.empty()) {
    fields.emplace_back("Kernel Keyrings", absl::StrJoin(texts.present, ", "));
  }
  if (!texts.absent.empty()) {
    fields.emplace_back("Not In This Kernel", absl::StrJoin(texts.absent, ", "));
  }
  if (!texts.hidden.empty()) {
    fields.emplace_back("Cannot Be Seen", absl::StrJoin(texts.hidden, "; "));
  }
  session.output.Labelled(fields);
}

}  // namespace jet::cli

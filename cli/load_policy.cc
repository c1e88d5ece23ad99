#include "cli/load_policy.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "ima/acceptance.h"
#include "ima/kernel_facilities.h"
#include "ima/kernel_state.h"
#include "ima/policy_in_force.h"
#include "ima/policy_load.h"

namespace jet::cli {
namespace {

absl::Status CheckKeys(const std::vector<pki::Certificate>& loaded,
                       const ima::KernelState& kernel) {
  const bool usable =
      std::any_of(loaded.begin(), loaded.end(), [&kernel](const pki::Certificate& certificate) {
        return ima::CanVerifyWith(certificate, kernel).word != ima::Acceptance::kRefused;
      });
  if (usable) return absl::OkStatus();
  return absl::FailedPreconditionError(
      loaded.empty() ? "no key of the keystore is in the kernel's keyring, so nothing could run"
                     : "this kernel can verify with none of the keystore's keys, so nothing could "
                       "run");
}

PolicyPlan PlanFor(Session& session, const ima::KernelState& kernel) {
  if (kernel.appraise.word == ima::AppraiseMode::kEnforce) return PolicyPlan::kEnforce;
  session.output.Warning(absl::StrCat(
      "the kernel refuses nothing by the policy: ", ima::AppraiseModeName(kernel.appraise.word),
      " (", kernel.appraise.why, ")"));
  return PolicyPlan::kObserve;
}

// What is not registered now comes with a module that modprobe loads, which the policy may refuse.
void NoteMissingHashes(Session& session, const ima::KernelState& kernel) {
  if (!kernel.algorithms.has_value()) return;
  std::vector<std::string> missing;
  for (const char* hash : {"sha384", "sha512"}) {
    if (ima::SupportsHash(kernel, hash) != true) missing.emplace_back(hash);
  }
  if (missing.empty()) return;
  session.output.Note(absl::StrCat(
      "this kernel has not loaded ", absl::StrJoin(missing, " and "),
      ": once the policy is in force it may not be able to, and what is signed with them would "
      "not run (modprobe sha512)"));
}

void Report(Session& session, const std::string& path, const char* word, Tone tone) {
  session.output.Object(
      {{"type", "check"}, {"check", "load-policy"}, {"file", path}, {"result", word}});
  session.output.Result({"policy", word, absl::StrCat(" ('", path, "')"), tone});
}

}  // namespace

absl::StatusOr<PolicyPlan> PlanPolicy(Session& session, const std::string& path,
                                      const std::vector<pki::Certificate>& loaded) {
  JET_ASSIGN_OR_RETURN(const bool switched_off, ima::PolicyIsSwitchedOff());
  if (switched_off) {
    Report(session, path, "switched-off", Tone::kPlain);
    session.output.Note("the policy is not loaded: the kernel's command line says jet.policy=off");
    return PolicyPlan::kSwitchedOff;
  }
  JET_RETURN_IF_ERROR(ima::ReadPolicyFile(path).status());
  const ima::KernelState kernel = ima::ReadKernelState();
  JET_RETURN_IF_ERROR(ima::CheckTakesPolicy(kernel));
  JET_RETURN_IF_ERROR(CheckKeys(loaded, kernel));
  NoteMissingHashes(session, kernel);
  return PlanFor(session, kernel);
}

absl::Status LoadPolicy(Session& session, const std::string& path) {
  JET_RETURN_IF_ERROR(ima::LoadPolicy(path));
  Report(session, path, "loaded", Tone::kGood);
  return absl::OkStatus();
}

}  // namespace jet::cli

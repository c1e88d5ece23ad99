#include "ima/policy_in_force.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "ima/policy_load.h"

namespace jet::ima {
namespace {

constexpr char kRunningPolicy[] = "the running policy";

constexpr char kImasigRules[] =
    "appraise func=BPRM_CHECK appraise_type=imasig\n"
    "appraise func=MMAP_CHECK mask=MAY_EXEC appraise_type=imasig\n"
    "appraise func=MODULE_CHECK appraise_type=imasig\n";

constexpr char kSigv3Rules[] =
    "appraise func=BPRM_CHECK digest_type=verity appraise_type=sigv3\n"
    "appraise func=MMAP_CHECK mask=MAY_EXEC digest_type=verity appraise_type=sigv3\n"
    "appraise func=MODULE_CHECK appraise_type=imasig\n";

// default_appraise_rules without its last rule, which depends on the configuration.
constexpr char kTcbExemptions[] =
    "dont_appraise fsmagic=0x9fa0\n"
    "dont_appraise fsmagic=0x62656572\n"
    "dont_appraise fsmagic=0x64626720\n"
    "dont_appraise fsmagic=0x01021994\n"
    "dont_appraise fsmagic=0x858458f6\n"
    "dont_appraise fsmagic=0x1cd1\n"
    "dont_appraise fsmagic=0x42494e4d\n"
    "dont_appraise fsmagic=0x73636673\n"
    "dont_appraise fsmagic=0xf97cff8c\n"
    "dont_appraise fsmagic=0x43415d53\n"
    "dont_appraise fsmagic=0x6e736673\n"
    "dont_appraise fsmagic=0xde5e81e4\n"
    "dont_appraise fsmagic=0x27e0eb\n"
    "dont_appraise fsmagic=0x63677270\n";

bool IsSet(const KernelState& state, const char* option) {
  return state.config.has_value() && state.config->Of(option) == KernelConfig::Value::kYes;
}

PolicyInForce Assumed(std::string why) {
  PolicyInForce found;
  found.name = "the assumed policy";
  found.why = std::move(why);
  return found;
}

PolicyInForce Shown(absl::string_view text) {
  PolicyInForce found;
  found.origin = PolicyOrigin::kKernel;
  found.name = kRunningPolicy;
  if (absl::StripAsciiWhitespace(text).empty()) return found;
  absl::StatusOr<Policy> policy = ParsePolicy(text, PolicyText::kShown);
  if (!policy.ok()) {
    return Assumed(
        absl::StrCat(kKernelPolicyFile, " is not understood: ", policy.status().message()));
  }
  found.policy = *std::move(policy);
  return found;
}

PolicyInForce OfBoot(const KernelState& state) {
  PolicyInForce found;
  found.origin = PolicyOrigin::kBoot;
  const std::string text = BootPolicyText(state);
  found.name = state.boot_policies.empty() ? "the policy that the kernel was built with"
                                           : absl::StrCat("the policy of ima_policy=",
                                                          absl::StrJoin(state.boot_policies, "|"));
  if (text.empty()) return found;
  // Never fails: a test parses all of it.
  found.policy = ParsePolicy(text, PolicyText::kWritten).value_or(Policy());
  return found;
}

// True when the kernel has no policy but its own: the file that takes one goes when it was used,
// unless the kernel takes several.
bool NoneWasLoaded(const KernelState& state) {
  return state.policy == PolicyState::kOpen && state.config.has_value() &&
         !IsSet(state, "IMA_WRITE_POLICY");
}

std::string WhyHidden(const KernelState& state, const absl::Status& error) {
  if (absl::IsNotFound(error)) {
    return "one was loaded, and this kernel shows it to nobody (CONFIG_IMA_READ_POLICY)";
  }
  if (state.config.has_value() && !IsSet(state, "IMA_READ_POLICY")) {
    return absl::StrCat("this kernel shows it to nobody: CONFIG_IMA_READ_POLICY is not set in ",
                        state.config->path());
  }
  return std::string(error.message());
}

}  // namespace

std::string BootPolicyText(const KernelState& state) {
  const auto asked = [&state](const char* name) {
    return std::find(state.boot_policies.begin(), state.boot_policies.end(), name) !=
           state.boot_policies.end();
  };
  std::string text;
  if (asked("secure_boot") || IsSet(state, "IMA_APPRAISE_REQUIRE_MODULE_SIGS")) {
    absl::StrAppend(&text, "appraise func=MODULE_CHECK appraise_type=imasig\n");
  }
  if (asked("appraise_tcb")) {
    const bool signed_init = IsSet(state, "IMA_APPRAISE_SIGNED_INIT");
    absl::StrAppend(&text, kTcbExemptions, "appraise fowner=0",
                    signed_init ? " appraise_type=imasig\n" : "\n");
  }
  return text;
}

namespace {

PolicyInForce FindPolicy(const std::string& root, const KernelState& state) {
  if (state.ima.word == Presence::kAbsent) return Assumed("this kernel has no IMA");
  const absl::StatusOr<base::Bytes> content = base::ReadFile(root + kKernelPolicyFile, kMaxPolicy);
  if (content.ok()) return Shown(base::AsText(*content));
  if (state.ima.word != Presence::kPresent || state.policy == PolicyState::kUnknown) {
    return Assumed("whether this kernel has IMA and which policy is not known");
  }
  if (NoneWasLoaded(state)) return OfBoot(state);
  return Assumed(WhyHidden(state, content.status()));
}

}  // namespace

PolicyInForce ReadPolicyInForce(const std::string& root, const KernelState& state,
                                AssumedRules assumed) {
  PolicyInForce found = FindPolicy(root, state);
  if (found.origin != PolicyOrigin::kAssumed) return found;
  const char* rules = assumed == AssumedRules::kSigv3 ? kSigv3Rules : kImasigRules;
  // Never fails: a test parses both.
  found.policy = ParsePolicy(rules, PolicyText::kWritten).value_or(Policy());
  return found;
}

absl::StatusOr<PolicyInForce> ReadPolicyFile(const std::string& path) {
  JET_ASSIGN_OR_RETURN(const base::Bytes content, base::ReadFile(path, kMaxPolicy));
  absl::StatusOr<Policy> policy = ParsePolicy(base::AsText(content), PolicyText::kWritten);
  if (!policy.ok()) return base::Annotate(policy.status(), absl::StrCat("policy '", path, "'"));
  PolicyInForce found;
  found.origin = PolicyOrigin::kFile;
  found.policy = *std::move(policy);
  found.name = absl::StrCat("'", path, "'");
  return found;
}

}  // namespace jet::ima

// The IMA policy: which files the kernel appraises, and what it wants of them.
#ifndef JET_IMA_POLICY_H_
#define JET_IMA_POLICY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace jet::ima {

// The largest policy that is read, in bytes.
inline constexpr size_t kMaxPolicy = 1024 * 1024;

enum class PolicyAction {
  kMeasure,
  kDontMeasure,
  kAppraise,
  kDontAppraise,
  kAudit,
  kHash,
  kDontHash,
};

// What the kernel is about to do with a file (func=).
enum class PolicyHook {
  kFileCheck,    // open it
  kMmapCheck,    // map it for execution: shared objects, and programs too
  kBprmCheck,    // execute it: programs and scripts
  kCredsCheck,   // the same, with the credentials that it will have
  kModuleCheck,  // load it as a kernel module
  kFirmwareCheck,
  kKexecKernelCheck,
  kKexecInitramfsCheck,
  kPolicyCheck,
  kKexecCmdline,
  kKeyCheck,
  kCriticalData,
  kSetxattrCheck,
};

enum class AccessMask { kExec, kWrite, kRead, kAppend };

struct MaskCondition {
  AccessMask mask = AccessMask::kExec;
  bool any_of = false;  // written with ^
};

enum class Comparison { kEqual, kGreater, kLess };

struct IdCondition {
  Comparison comparison = Comparison::kEqual;
  uint32_t id = 0;
};

// What the kernel asks its policy about: a hook, and the access that is wanted there (ima_main.c).
struct PolicyAccess {
  PolicyHook hook = PolicyHook::kFileCheck;
  AccessMask mask = AccessMask::kRead;
};

// What a rule that appraises wants of a file.
enum class Requirement {
  kHashOrSignature,
  kVerityDigest,       // the same, of the fs-verity digest: another rule says digest_type=verity
  kSignature,          // appraise_type=imasig
  kSignatureOrModsig,  // imasig|modsig: a signature appended to a module counts too
  kVeritySignature,    // digest_type=verity appraise_type=sigv3
};

// One rule. A value.
struct PolicyRule {
  size_t line = 0;   // of the text, from 1
  std::string text;  // as it stands there
  PolicyAction action = PolicyAction::kAppraise;
  absl::optional<PolicyHook> hook;
  absl::optional<MaskCondition> mask;
  absl::optional<uint64_t> file_system_magic;
  absl::optional<std::string> file_system_name;
  absl::optional<IdCondition> owner;
  absl::optional<IdCondition> group;
  // Conditions that a file alone does not decide, as written: who executes it (uid=, gid=, ...),
  // labels of a security module, the UUID of the file system.
  std::vector<std::string> circumstances;
  Requirement requirement = Requirement::kHashOrSignature;
  bool verity = false;                  // digest_type=verity, of whatever action
  std::vector<std::string> algorithms;  // appraise_algos=; empty: all
};

struct Policy {
  std::vector<PolicyRule> rules;
};

// Where a policy's text is from.
enum class PolicyText {
  kWritten,  // to be loaded: what the kernel refuses is an error
  kShown,    // read from the kernel, which shows what it does not take (appraise_type before
             // digest_type)
};

// Parses a policy as Linux 6.1 does (ima_policy.c, ima_parse_rule and ima_validate_rule); of words
// that only its configuration decides on (modsig, keyrings=, labels, templates) all are taken.
// INVALID_ARGUMENT naming the line of the first rule that the kernel refuses, and for a text
// without any rule.
absl::StatusOr<Policy> ParsePolicy(absl::string_view text, PolicyText kind);

// What the rules are asked about. Names and numbers that are not known are left out.
struct PolicySubject {
  absl::optional<uint64_t> file_system_magic;
  absl::optional<std::string> file_system_name;
  absl::optional<uint32_t> owner;
  absl::optional<uint32_t> group;
};

enum class Coverage {
  kAppraised,
  kExempt,   // by a dont_appraise rule
  kNoRule,   // none is about it
  kDepends,  // on circumstances that are not known
};

struct PolicyDecision {
  Coverage coverage = Coverage::kNoRule;
  // The rule that decides; for kDepends the first that may apply or not. Null for kNoRule. Owned by
  // the policy.
  const PolicyRule* rule = nullptr;
  // For kAppraised: what is wanted of the file by `rule`, and by the rules besides it whose
  // digest_type= the kernel adds to it.
  Requirement requirement = Requirement::kHashOrSignature;
  std::string circumstance;  // for kDepends: "uid=0"
};

// Finds the first rule that appraises or exempts `subject` at the last of `accesses`
// (ima_match_policy); those before it are what the kernel asked about the file just before, whose
// digest_type= it keeps (process_measurement). Rules that may apply or not are passed over where
// that makes no difference. `accesses` is not empty. Pure.
PolicyDecision Decide(const Policy& policy, const PolicySubject& subject,
                      const std::vector<PolicyAccess>& accesses);

// "BPRM_CHECK"
const char* PolicyHookName(PolicyHook hook);

}  // namespace jet::ima

#endif  // JET_IMA_POLICY_H_

// The policy that a file will meet: the running kernel's, or what is taken for it.
#ifndef JET_IMA_POLICY_IN_FORCE_H_
#define JET_IMA_POLICY_IN_FORCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "ima/kernel_state.h"
#include "ima/policy.h"

namespace jet::ima {

enum class PolicyOrigin {
  kFile,     // of a file that was named
  kKernel,   // read from the kernel
  kBoot,     // built into the kernel and chosen by its command line; none loaded since
  kAssumed,  // the kernel's cannot be read: signatures on what is executed, mapped and loaded
};

// What the rules of an assumed policy want.
enum class AssumedRules {
  kImasig,  // signatures over the content of files
  kSigv3,   // signatures over their fs-verity digests
};

// A value.
struct PolicyInForce {
  PolicyOrigin origin = PolicyOrigin::kAssumed;
  Policy policy;     // no rules: nothing is appraised
  std::string name;  // how sentences call it: "the running policy", "'F'"
  std::string why;   // for kAssumed: why it had to be assumed
};

// Finds the policy of the kernel that `state` is of, whose files are below `root` ("" outside of
// tests). Never fails: what cannot be read or understood is kAssumed, with such rules as `assumed`
// says.
PolicyInForce ReadPolicyInForce(const std::string& root, const KernelState& state,
                                AssumedRules assumed = AssumedRules::kImasig);

// Reads the policy in the file at `path`. INVALID_ARGUMENT, naming the line, for one that the
// kernel refuses.
absl::StatusOr<PolicyInForce> ReadPolicyFile(const std::string& path);

// The rules of ima_policy= (ima_policy.c, ima_init_policy) as text, empty when none appraises.
// `state` knows the command line and the configuration.
std::string BootPolicyText(const KernelState& state);

}  // namespace jet::ima

#endif  // JET_IMA_POLICY_IN_FORCE_H_

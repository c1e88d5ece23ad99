// Gives the running kernel its policy.
#ifndef JET_IMA_POLICY_LOAD_H_
#define JET_IMA_POLICY_LOAD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ima/kernel_state.h"

namespace jet::ima {

// The file that takes a policy.
inline constexpr char kKernelPolicyFile[] = "/sys/kernel/security/ima/policy";

// OK when the kernel that `state` is of may be given a policy. FAILED_PRECONDITION when it has no
// IMA or no appraisal, when that cannot be told, and when it was given one before and takes no
// other until it restarts. Pure.
absl::Status CheckTakesPolicy(const KernelState& state);

// Loads the policy in the file at `path` into the kernel, all of it or nothing. INVALID_ARGUMENT
// naming the line that the kernel refuses, be it by ParsePolicy, before the kernel is given
// anything, or by the kernel itself; FAILED_PRECONDITION when it takes no other policy any more;
// UNAVAILABLE while somebody else loads one; PERMISSION_DENIED when it wants the file to be signed
// and the signature is missing or not good. A kernel that wants a signature is given the path
// instead of the rules (ima_fs.c, ima_write_policy). `kernel_file` is what takes the rules.
absl::Status LoadPolicy(const std::string& path,
                        const std::string& kernel_file = kKernelPolicyFile);

// True when the kernel's command line (proc/cmdline below `root`, "" outside of tests) says
// jet.policy=off: no policy is to be loaded.
absl::StatusOr<bool> PolicyIsSwitchedOff(const std::string& root = "");

}  // namespace jet::ima

#endif  // JET_IMA_POLICY_LOAD_H_

// What can be told of the running kernel's IMA without asking it to run something.
#ifndef JET_IMA_KERNEL_STATE_H_
#define JET_IMA_KERNEL_STATE_H_

#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "ima/kernel_config.h"

namespace jet::ima {

enum class Presence { kPresent, kAbsent, kUnknown };

// What becomes of a file that does not pass: ima_appraise=.
enum class AppraiseMode {
  kEnforce,       // refused
  kLog,           // runs, and is recorded
  kFix,           // runs, and its hash is written anew
  kOff,           // nothing is appraised
  kNotSupported,  // the kernel was built without appraisal
  kUnknown,
};

enum class PolicyState {
  kFinal,  // one was loaded, and the kernel takes no other until it restarts
  kOpen,   // may still be loaded or extended
  kUnknown,
};

// A word with the reason for it, in words for people.
template <typename Word>
struct Told {
  Word word;
  std::string why;
};

// A value.
struct KernelState {
  std::string release;                  // uname -r
  absl::optional<KernelConfig> config;  // where it could be read
  Told<Presence> ima = {Presence::kUnknown, ""};
  // The next three are kUnknown and nullopt where IMA is not present.
  Told<AppraiseMode> appraise = {AppraiseMode::kUnknown, ""};
  PolicyState policy = PolicyState::kUnknown;
  absl::optional<size_t> appraise_rules;  // of the policy in force, where the kernel shows it
  // What the command line asks for with ima_policy= (and the older ima_tcb, ima_appraise_tcb):
  // "tcb", "appraise_tcb", "secure_boot", ...
  std::vector<std::string> boot_policies;
  // The names of /proc/crypto: what is registered by now; modules may add more on demand.
  absl::optional<std::vector<std::string>> algorithms;
  // What could not be read although it is there, and why.
  std::vector<std::string> unreadable;
};

// Reads it from the files below `root` ("" outside of tests): sys/kernel/security/ima,
// proc/cmdline, proc/mounts, proc/crypto, the kernel's configuration and the firmware's SecureBoot
// variable. What is missing or may not be read leaves its part unknown and never fails the rest.
KernelState ReadKernelState(const std::string& root, const std::string& release);

// The same of the running kernel.
KernelState ReadKernelState();

// The kernel's words: "enforce", "log", "fix", "off"; "not-supported" and "unknown".
const char* AppraiseModeName(AppraiseMode mode);

// True when the kernel can verify with ECDSA keys on the curve called `curve` by it ("p256"): it is
// registered. nullopt when a module may bring it, or nothing is known. Linux takes EC certificates
// into a keyring all the same.
absl::optional<bool> SupportsEcdsa(const KernelState& state, const std::string& curve);

}  // namespace jet::ima

#endif  // JET_IMA_KERNEL_STATE_H_

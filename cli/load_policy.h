// `jet-ima load --policy`: the kernel gets its policy once it has the keys.
#ifndef JET_CLI_LOAD_POLICY_H_
#define JET_CLI_LOAD_POLICY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "pki/certificate.h"

namespace jet::cli {

// What became of a policy that is about to be loaded.
enum class PolicyPlan {
  kEnforce,      // the kernel will refuse by it
  kObserve,      // it will not (ima_appraise=log, say); warned of
  kSwitchedOff,  // jet.policy=off: it is not to be loaded; noted
};

// Checks all that can be known before the kernel is given the policy in the file at `path`, which
// it may take once only. `loaded` are the certificates of the keystore that its keyring holds.
// FAILED_PRECONDITION when it can verify with none of them, so that nothing would run; otherwise
// the statuses of ima::CheckTakesPolicy and ima::ReadPolicyFile.
absl::StatusOr<PolicyPlan> PlanPolicy(Session& session, const std::string& path,
                                      const std::vector<pki::Certificate>& loaded);

// Loads it (ima::LoadPolicy), and reports that.
absl::Status LoadPolicy(Session& session, const std::string& path);

}  // namespace jet::cli

#endif  // JET_CLI_LOAD_POLICY_H_

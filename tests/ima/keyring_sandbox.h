// Processes whose keyrings are nobody else's.
#ifndef JET_TESTS_IMA_KEYRING_SANDBOX_H_
#define JET_TESTS_IMA_KEYRING_SANDBOX_H_

#include <sys/types.h>

#include <string>

#include "absl/functional/function_ref.h"
#include "ima/keyring.h"

namespace jet::test {

// The user whose keyrings the tests may change.
inline constexpr uid_t kSandboxUser = 54321;

inline constexpr char kPassed[] = "passed";

// Runs `work` in a child of its own and returns kPassed, or, when an EXPECT_ or ASSERT_ in it
// failed or it died, what happened. The child is root still.
std::string CheckedInChild(absl::FunctionRef<void()> work);

// The same as kSandboxUser, but with all of root's capabilities: what root may do, this process
// may, while @u is the user's, empty at the beginning and at the end. Its session keyring is
// root's, which does not lead to that @u.
std::string CheckedInSandbox(absl::FunctionRef<void()> work);

// Returns the _ima of the user of this process, which is made if there is none.
ima::Keyring MakeUserIma();

}  // namespace jet::test

#endif  // JET_TESTS_IMA_KEYRING_SANDBOX_H_

// Work done in a process of its own.
#ifndef JET_TESTS_BASE_CHILD_H_
#define JET_TESTS_BASE_CHILD_H_

#include <sys/types.h>

#include <string>

#include "absl/functional/function_ref.h"

namespace jet::test {

inline constexpr uid_t kNobody = 65534;

// Runs `work` in a forked child and returns what it returned: what it changes of its credentials,
// limits, namespaces and mounts ends with it. An exception in it, or its death, is returned as text
// that says so. Call it from a process without other threads. EXPECT_ and ASSERT_ inside `work`
// would be lost: return what is to be checked.
std::string InChild(absl::FunctionRef<std::string()> work);

// Gives up root for good: user and group `id`, no other groups, no capabilities. Throws on failure.
void BecomeUser(uid_t id);

// Enters a mount namespace whose mounts nobody else sees. Throws on failure.
void EnterPrivateMounts();

// Enters a new user namespace, in which this process has all capabilities. Throws on failure.
void EnterUserNamespace();

// True when this process is root; `message` for the tests that need it is below.
bool IsRoot();
inline constexpr char kNeedsRoot[] =
    "this test changes users, mounts or attributes: run it as root";

}  // namespace jet::test

#endif  // JET_TESTS_BASE_CHILD_H_

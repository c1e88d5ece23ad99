// The kernel's own keyrings, found by name.
#ifndef JET_IMA_KERNEL_KEYRING_H_
#define JET_IMA_KERNEL_KEYRING_H_

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "ima/keyring.h"

namespace jet::ima {

// Finds the keyring of the kernel that is called `name`, which begins with a dot. nullopt when this
// process sees none: the kernel has none, or showing it needs root. FAILED_PRECONDITION when a
// forgery stands in its way: libkeyutils reads /proc/keys, where a key's description can forge
// lines, so what it finds is taken only when KEYCTL_DESCRIBE says keyring, uid 0 and exactly
// `name`. That is an error and not "there is none": behind the forgery the kernel may have the
// ring.
absl::StatusOr<absl::optional<KeySerial>> FindKernelKeyring(const char* name);

}  // namespace jet::ima

#endif  // JET_IMA_KERNEL_KEYRING_H_

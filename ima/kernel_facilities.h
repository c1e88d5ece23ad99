// What of the kernel besides IMA's own state decides what becomes of a file.
#ifndef JET_IMA_KERNEL_FACILITIES_H_
#define JET_IMA_KERNEL_FACILITIES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "ima/kernel_state.h"
#include "ima/trust_anchors.h"

namespace jet::ima {

// Keys that IMA takes no signature by (CONFIG_IMA_BLACKLIST_KEYRING).
inline constexpr char kImaBlacklist[] = ".ima_blacklist";

// A value.
struct KernelFacilities {
  Told<Presence> audit = {Presence::kUnknown, ""};  // without it no reason is logged
  Told<Presence> evm = {Presence::kUnknown, ""};    // kPresent: it has keys, and verifies
  // As BlacklistOf says.
  KernelRing blacklist = {kImaBlacklist, RingSight::kAbsent, {}, ""};
  // What could not be read although it is there, and why.
  std::vector<std::string> unreadable;
};

// Reads it from the files below `root` ("" outside of tests): proc/self/loginuid, proc/cmdline,
// sys/kernel/security/evm, the configuration that `state` has, and with "" the kernel's keyrings.
KernelFacilities ReadKernelFacilities(const std::string& root, const KernelState& state);

// What is known of .ima_blacklist, which `found` shows as far as this process sees it: kHidden only
// where the configuration says that this kernel has one. Pure.
KernelRing BlacklistOf(const KernelState& state, KernelRing found);

// True when the kernel has the hash `name` ("sha512") by now, false when it was built without it.
// nullopt when a module may bring it, or nothing is known.
absl::optional<bool> SupportsHash(const KernelState& state, absl::string_view name);

}  // namespace jet::ima

#endif  // JET_IMA_KERNEL_FACILITIES_H_

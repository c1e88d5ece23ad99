// Whether a keyring would take a certificate, and whether the kernel could use it there.
#ifndef JET_IMA_ACCEPTANCE_H_
#define JET_IMA_ACCEPTANCE_H_

#include <string>
#include <vector>

#include "ima/kernel_state.h"
#include "ima/keyring.h"
#include "ima/trust_anchors.h"
#include "pki/certificate.h"

namespace jet::ima {

enum class Acceptance { kAccepted, kRefused, kUnknown };

// What a certificate meets in a keyring.
struct RingCircumstances {
  bool trusted = false;                // Keyring::trusted
  std::vector<KeyringMember> members;  // of the ring
  std::vector<KernelRing> vouching;    // where `trusted`
  KernelState kernel;
};

// Foretells what Keyring::Add would come to, and whether the kernel would then verify with the key;
// `why` says what the answer rests on, and is empty for a plain kAccepted. Signatures are not
// checked: the kernel does not show the keys that vouch. A certificate's dates do not matter to it.
// Pure.
Told<Acceptance> WouldAccept(const pki::Certificate& certificate,
                             const RingCircumstances& circumstances);

// The same for a certificate that the ring holds: kRefused says that the kernel cannot verify with
// it. Pure.
Told<Acceptance> CanVerifyWith(const pki::Certificate& certificate, const KernelState& kernel);

// "accepted", "refused" or "unknown".
const char* AcceptanceName(Acceptance acceptance);

}  // namespace jet::ima

#endif  // JET_IMA_ACCEPTANCE_H_

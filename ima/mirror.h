// Keeps a kernel keyring equal to a set of certificates: first the plan, then its application.
#ifndef JET_IMA_MIRROR_H_
#define JET_IMA_MIRROR_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "ima/keyring.h"
#include "ima/named_certificate.h"
#include "pki/certificate.h"

namespace jet::ima {

// What would make a keyring hold every certificate.
struct MirrorPlan {
  std::vector<NamedCertificate> missing;  // to be added
  std::vector<NamedCertificate> present;  // in the ring already, by their full identifier
  std::vector<KeyringMember> foreign;     // in the ring, not among the certificates: left alone
};

// Compares by the whole subject key identifier. Pure.
MirrorPlan PlanMirror(const std::vector<NamedCertificate>& certificates,
                      const std::vector<KeyringMember>& members);

// What became of one certificate.
struct MirrorResult {
  std::string name;
  absl::StatusOr<KeySerial> added;  // the new key, or why the kernel refused it
};

// Does MirrorCertificate for each of `certificates`; one refusal does not stop the others.
std::vector<MirrorResult> ApplyMirror(const std::vector<NamedCertificate>& certificates,
                                      const std::vector<KeyringMember>& members,
                                      const Keyring& keyring);

// Makes `keyring`, whose members are `members`, hold the key of `certificate` and no other under
// its subject key identifier, and returns the key's serial. It is added also where a member with
// that identifier is there already: an identifier does not prove that the member is this key.
// Members with it that the kernel did not replace by itself are then unlinked. Only where the ring
// takes no keys any more (EPERM) is a member with that identifier taken for the key. ALREADY_EXISTS
// as CheckNoTwinInRing; otherwise the status of Keyring::Add or Unlink.
absl::StatusOr<KeySerial> MirrorCertificate(const pki::Certificate& certificate,
                                            const std::vector<KeyringMember>& members,
                                            const Keyring& keyring);

// True when a member of `members` has the subject key identifier of `certificate`. Pure.
bool HoldsKeyOf(const std::vector<KeyringMember>& members, const pki::Certificate& certificate);

// ALREADY_EXISTS when a ring member that is not `certificate`'s key has an identifier whose last 4
// bytes also name the key of `certificate` (Matches): the kernel would try only one of the two.
// What the member's own serial number and issuer end in cannot be known from its description. Pure.
absl::Status CheckNoTwinInRing(const pki::Certificate& certificate,
                               const std::vector<KeyringMember>& members);

}  // namespace jet::ima

#endif  // JET_IMA_MIRROR_H_

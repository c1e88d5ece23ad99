// The kernel's keyrings whose keys may vouch for certificates that are added to .ima.
#ifndef JET_IMA_TRUST_ANCHORS_H_
#define JET_IMA_TRUST_ANCHORS_H_

#include <string>
#include <vector>

#include "ima/keyring.h"
#include "pki/issuer_reference.h"

namespace jet::ima {

// How much of a keyring this process can see.
enum class RingSight {
  kListed,
  kAbsent,  // this kernel has none by that name
  kHidden,  // it cannot be told, or listed
};

struct KernelRing {
  std::string name;  // ".builtin_trusted_keys"
  RingSight sight = RingSight::kHidden;
  std::vector<KeyringMember> members;  // for kListed: its keys, without the rings linked into it
  std::string why;                     // for kHidden
};

inline constexpr char kBuiltinTrustedKeys[] = ".builtin_trusted_keys";

// Reads .builtin_trusted_keys, .secondary_trusted_keys and .machine, in this order. Each is found
// as .ima is (FindKernelKeyring); what stands in the way of one makes it kHidden.
std::vector<KernelRing> ReadVouchingRings();

// The same for one ring of the kernel.
KernelRing ReadKernelRing(const char* name);

// Returns the member that `issuer` names as far as descriptions tell: by the identifier at its end,
// else, where `issuer` has none, by the name before that. Null when there is none. Pure.
const KeyringMember* FindIssuer(const pki::IssuerReference& issuer,
                                const std::vector<KeyringMember>& members);

// The name that the kernel makes of a subject's parts for a key's description
// (x509_cert_parser.c, x509_fabricate_name).
std::string KernelName(const pki::IssuerReference& issuer);

}  // namespace jet::ima

#endif  // JET_IMA_TRUST_ANCHORS_H_

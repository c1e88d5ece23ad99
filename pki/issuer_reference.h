// How a certificate names the key that signed it.
#ifndef JET_PKI_ISSUER_REFERENCE_H_
#define JET_PKI_ISSUER_REFERENCE_H_

#include <string>

#include "absl/types/optional.h"
#include "base/bytes.h"
#include "pki/certificate.h"

namespace jet::pki {

// A value. The texts are the bytes of the issuer's name as they stand, of the last entry where
// there are several, and empty where there is none: they come from outside, escape them before
// printing.
struct IssuerReference {
  // keyIdentifier of the authorityKeyIdentifier extension (RFC 5280, 4.2.1.1).
  absl::optional<base::Bytes> key_identifier;
  std::string organization;
  std::string common_name;
  std::string email;
};

// Returns what `certificate` says of its issuer; what it does not say is empty. It does not look
// whether the issuer exists or signed it. A copy: it outlives `certificate`. Any thread.
IssuerReference IssuerReferenceOf(const Certificate& certificate);

}  // namespace jet::pki

#endif  // JET_PKI_ISSUER_REFERENCE_H_

// Files with several certificates, as CAs send them.
#ifndef JET_PKI_CERTIFICATE_BUNDLE_H_
#define JET_PKI_CERTIFICATE_BUNDLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "pki/certificate.h"

namespace jet::pki {

// The most certificates that are taken from one file.
inline constexpr size_t kMaxBundle = 32;

// Decodes all certificates of `encoded`, in its order and each once: one or more PEM certificates
// (text around them is skipped), one DER certificate, or a PKCS#7 SignedData (RFC 2315; PEM or
// DER), whose own signatures, if any, are not looked at. INVALID_ARGUMENT when there is no
// certificate, anything else (a private key, say), or bytes after the DER; RESOURCE_EXHAUSTED above
// kMaxBundle.
absl::StatusOr<std::vector<Certificate>> DecodeCertificates(base::ByteSpan encoded);

// Reads the file at `path` (at most kMaxCertificateFile bytes) and decodes it.
absl::StatusOr<std::vector<Certificate>> ReadCertificates(const std::string& path);

// OK when `issuer` issued `certificate`: the names, key identifiers and the issuer's key usage
// agree and the signature verifies (RFC 5280, 6.1.3). NOT_FOUND when it is another issuer by name
// or key identifier; FAILED_PRECONDITION when the issuer's key usage forbids it; UNIMPLEMENTED when
// the signature cannot be verified; UNAUTHENTICATED when it does not match. Dates and
// basicConstraints are not looked at.
absl::Status CheckIssuedBy(const Certificate& certificate, const Certificate& issuer);

// Returns the certificates of `candidates` that lead up from `certificate`, its issuer first, as
// far as they go; `certificate` itself is not among them, and no certificate comes twice. Where
// several candidates issued one certificate, a self-signed one is taken, else the first. When none
// did, but one has the right name, what CheckIssuedBy says of it: UNAUTHENTICATED, say.
absl::StatusOr<std::vector<Certificate>> IssuersOf(const Certificate& certificate,
                                                   const std::vector<Certificate>& candidates);

}  // namespace jet::pki

#endif  // JET_PKI_CERTIFICATE_BUNDLE_H_

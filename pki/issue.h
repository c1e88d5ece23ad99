// Makes certificates for signing keys.
#ifndef JET_PKI_ISSUE_H_
#define JET_PKI_ISSUE_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "crypto/private_key.h"
#include "pki/certificate.h"
#include "pki/subject.h"

namespace jet::pki {

// The bounds within which a certificate is valid.
struct Validity {
  absl::Time not_before;
  absl::Time not_after;
};

// The certificate's own issuer, and the key that signs for it.
struct Issuer {
  const Certificate& certificate;
  const crypto::PrivateKey& key;
};

// Makes a certificate for code signatures (basicConstraints CA:FALSE and keyUsage digitalSignature,
// both critical, subjectKeyIdentifier, authorityKeyIdentifier; SHA-256 or, for P-384, SHA-384),
// signed by its own key.
absl::StatusOr<Certificate> IssueSelfSigned(const crypto::PrivateKey& key, const Subject& subject,
                                            const Validity& validity);

// Makes the same certificate for `key`, signed by `issuer`. FAILED_PRECONDITION when the issuer's
// certificate is no CA, may not sign certificates or does not belong to the issuer's key.
absl::StatusOr<Certificate> IssueBy(const Issuer& issuer, const crypto::PublicKey& key,
                                    const Subject& subject, const Validity& validity);

}  // namespace jet::pki

#endif  // JET_PKI_ISSUE_H_

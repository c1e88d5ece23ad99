// The keys that an appraisal trusts.
#ifndef JET_APPRAISE_TRUST_SET_H_
#define JET_APPRAISE_TRUST_SET_H_

#include <string>
#include <vector>

#include "base/bytes.h"
#include "ima/key_id.h"
#include "ima/named_certificate.h"

namespace jet::appraise {

// What a key id means to a trust set.
struct KeyMatch {
  // Those it matches; owned by the trust set.
  std::vector<const ima::NamedCertificate*> certificates;
  // Keys of a keyring whose certificates are not at hand, by their subject key identifiers.
  std::vector<base::Bytes> without_certificate;
};

// Certificates, and identifiers of keys known only by those. Immutable and thread-safe.
class TrustSet {
 public:
  // Trusts `certificates`; a certificate may come more than once. The other keys are those of a
  // keyring, by their subject key identifiers.
  explicit TrustSet(std::vector<ima::NamedCertificate> certificates,
                    std::vector<base::Bytes> identifiers_without_certificate = {});

  // Finds what `key_id` could mean, as the kernel does (ima::Matches). Several certificates of one
  // and the same public key count once. More than one entry in all is ambiguous: the kernel tries
  // only one of them.
  KeyMatch Find(const ima::KeyId& key_id) const;

  // All of its certificates.
  const std::vector<ima::NamedCertificate>& certificates() const { return certificates_; }

 private:
  std::vector<ima::NamedCertificate> certificates_;
  std::vector<base::Bytes> without_certificate_;
};

}  // namespace jet::appraise

#endif  // JET_APPRAISE_TRUST_SET_H_

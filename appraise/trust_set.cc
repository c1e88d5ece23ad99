#include "appraise/trust_set.h"

#include <algorithm>
#include <utility>

namespace jet::appraise {
TrustSet::TrustSet(std::vector<ima::NamedCertificate> certificates,
                   std::vector<base::Bytes> identifiers_without_certificate)
    : certificates_(std::move(certificates)),
      without_certificate_(std::move(identifiers_without_certificate)) {}

KeyMatch TrustSet::Find(const ima::KeyId& key_id) const {
  KeyMatch match;
  for (const ima::NamedCertificate& candidate : certificates_) {
    if (!ima::Matches(candidate.certificate, key_id)) continue;
    const bool same_key =
        std::any_of(match.certificates.begin(), match.certificates.end(), [&](const auto* found) {
          return found->certificate.public_key() == candidate.certificate.public_key();
        });
    if (!same_key) match.certificates.push_back(&candidate);
  }
  for (const base::Bytes& identifier : without_certificate_) {
    const base::ByteSpan tail = base::Tail(identifier, key_id.size());
    if (tail == base::ByteSpan(key_id)) match.without_certificate.push_back(identifier);
  }
  return match;
}

}  // namespace jet::appraise

// Finds the key and request that a certificate from the CA belongs to, and judges it.
#ifndef JET_JET_CERT_REQUEST_CERTIFICATE_MATCH_H_
#define JET_JET_CERT_REQUEST_CERTIFICATE_MATCH_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "crypto/secret.h"
#include "jet-cert-request/certs_folder.h"
#include "pki/certificate.h"

namespace jet::cert_request {

// By which file the certificate was found to belong to its name.
enum class MatchedBy {
  kPrivateKey,        // NAME_key.pem holds the private key
  kRequest,           // NAME_req.pem holds the public key; the private key is elsewhere
  kRequestKeyLocked,  // the same; NAME_key.pem is there, but was not opened: encrypted or damaged
};

struct Match {
  CertificateName name;
  MatchedBy matched_by = MatchedBy::kRequest;
  pki::Certificate certificate;
  std::vector<pki::Certificate> chain;  // its issuers, as far as the CA sent them
  std::vector<std::string> warnings;
};

struct InstallRules {
  absl::Time now;
  bool allow_weak = false;                     // take a certificate signed with SHA-1 or MD5
  const crypto::Secret* passphrase = nullptr;  // opens encrypted keys; null: they are not opened
};

// Finds the name in `folder` that one of `certificates` belongs to. NOT_FOUND when none belongs to
// a key or request there; FAILED_PRECONDITION when one does and must not be installed: expired, its
// common name is not the name, signed with SHA-1, its issuer's signature does not match, the key
// file holds another key than the request. Warnings: not valid yet, a chain that does not reach its
// root, certificates that belong to nothing, a weakly signed issuer.
absl::StatusOr<Match> MatchCertificate(const CertsFolder& folder,
                                       const std::vector<pki::Certificate>& certificates,
                                       const InstallRules& rules);

}  // namespace jet::cert_request

#endif  // JET_JET_CERT_REQUEST_CERTIFICATE_MATCH_H_

// Puts the certificate that the CA sent back beside the key and request that it belongs to.
#ifndef JET_JET_CERT_REQUEST_INSTALLATION_H_
#define JET_JET_CERT_REQUEST_INSTALLATION_H_

#include <string>

#include "absl/status/statusor.h"
#include "jet-cert-request/certificate_match.h"
#include "jet-cert-request/certs_folder.h"

namespace jet::cert_request {

struct Installed {
  std::string certificate_path;
  std::string chain_path;      // empty when there is no chain
  bool already_there = false;  // all of it was: nothing was written
};

// Writes NAME.pem (0644) and, where there is a chain, NAME_chain.pem, together or not at all. The
// same certificate again is good; another one is ALREADY_EXISTS: it has to be moved away first. The
// caller must be single-threaded.
absl::StatusOr<Installed> InstallCertificate(const CertsFolder& folder, const Match& match);

}  // namespace jet::cert_request

#endif  // JET_JET_CERT_REQUEST_INSTALLATION_H_

// Makes a signing key and its certificate request.
#ifndef JET_JET_CERT_REQUEST_NEW_REQUEST_H_
#define JET_JET_CERT_REQUEST_NEW_REQUEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "crypto/key_type.h"
#include "crypto/secret.h"
#include "jet-cert-request/certs_folder.h"
#include "pki/request.h"
#include "pki/subject.h"

namespace jet::cert_request {

struct NewRequest {
  CertificateName name;
  pki::Subject subject;  // its common name is the name
  crypto::KeyType key_type;
  const crypto::Secret* passphrase = nullptr;  // of the key file; null: it is not encrypted
  std::string key_out;                         // empty: NAME_key.pem in the folder
};

// Where the two files are.
struct RequestFiles {
  std::string private_key_path;
  std::string request_path;
  pki::CertificateRequest request;
};

// OK when no file of `name` is there yet and the key can go to `key_out` (empty: into the folder);
// ALREADY_EXISTS names the file. INVALID_ARGUMENT when `key_out` is in the folder; the errors of
// CheckKeyOut.
absl::Status CheckNameIsFree(const CertsFolder& folder, const CertificateName& name,
                             const std::string& key_out);

// OK when the folder of the file `key_out` is there and the file is not: else ALREADY_EXISTS, or
// what the system says of the folder.
absl::Status CheckKeyOut(const std::string& key_out);

// Makes a key, its request and both files: the key with mode 0600 (PKCS#8; with a passphrase PBES2,
// PBKDF2-HMAC-SHA-256 with kPassphraseIterations, AES-256), the request with 0644. They appear
// together or not at all (base::PublishTogether), and nothing is overwritten: ALREADY_EXISTS.
// `folder` is open for writing. The key is made last: whatever else can fail is tried before.
// INVALID_ARGUMENT when the name or subject breaks a rule, they do not agree, the passphrase is
// empty, or `key_out` is in the folder. The caller must be single-threaded.
absl::StatusOr<RequestFiles> MakeRequestFiles(const CertsFolder& folder, const NewRequest& wanted);

// The request for the next generation of `name`: the subject of its old request with the index one
// higher, a key of the same type (rsa:2048 when that may no longer sign). NOT_FOUND without an old
// request; ALREADY_EXISTS when the next generation has its request already; FAILED_PRECONDITION
// when that cannot be renewed (its common name is another, its subject has attributes that cannot
// be taken over, the index cannot grow).
absl::StatusOr<NewRequest> RenewalOf(const CertsFolder& folder, const CertificateName& name);

}  // namespace jet::cert_request

#endif  // JET_JET_CERT_REQUEST_NEW_REQUEST_H_

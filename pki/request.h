// Certificate requests (PKCS#10, RFC 2986).
#ifndef JET_PKI_REQUEST_H_
#define JET_PKI_REQUEST_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/public_key.h"
#include "crypto/signer.h"
#include "pki/subject.h"

namespace jet::pki {

// One certificate request whose signature verifies with the key in it. Cheap to copy (copies share
// it); immutable and thread-safe.
class CertificateRequest {
 public:
  // Decodes exactly one request, DER or PEM. INVALID_ARGUMENT for anything else, UNAUTHENTICATED
  // when its signature does not match, UNIMPLEMENTED when that cannot be told.
  static absl::StatusOr<CertificateRequest> Decode(base::ByteSpan encoded);

  // Reads the file at `path` (at most kMaxCertificateFile bytes) and decodes it.
  static absl::StatusOr<CertificateRequest> ReadFile(const std::string& path);

  const base::Bytes& der() const;
  std::string Pem() const;
  const crypto::PublicKey& public_key() const;

  // The name in the form of RFC 2253, UTF-8. It comes from outside: escape it before printing.
  const std::string& subject_text() const;
  // The first common name of the subject, empty when there is none.
  const std::string& common_name() const;
  // The name as a Subject; FAILED_PRECONDITION when it says more than that holds (ReadName).
  absl::StatusOr<Subject> GetSubject() const;

 private:
  struct State;
  explicit CertificateRequest(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

// Makes a request for the key of `signer`, wherever that lives, without attributes; signed with
// SHA-256 or, by a P-384 key, SHA-384.
absl::StatusOr<CertificateRequest> MakeRequest(const crypto::Signer& signer,
                                               const Subject& subject);

}  // namespace jet::pki

#endif  // JET_PKI_REQUEST_H_

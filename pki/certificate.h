// X.509 certificates, as far as signing and appraisal need them.
#ifndef JET_PKI_CERTIFICATE_H_
#define JET_PKI_CERTIFICATE_H_

#include <openssl/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "crypto/hash_algorithm.h"
#include "crypto/public_key.h"

namespace jet::pki {

// The largest certificate file that is read, in bytes.
inline constexpr size_t kMaxCertificateFile = 1024 * 1024;

// One X.509 certificate (RFC 5280). Cheap to copy (copies share it); immutable and thread-safe.
class Certificate {
 public:
  // Decodes exactly one certificate, DER or PEM. INVALID_ARGUMENT for anything else: no or several
  // certificates, bytes after the DER, other PEM blocks.
  static absl::StatusOr<Certificate> Decode(base::ByteSpan encoded);

  // The same, of DER only.
  static absl::StatusOr<Certificate> DecodeDer(base::ByteSpan der);

  // Reads the file at `path` and decodes it.
  static absl::StatusOr<Certificate> ReadFile(const std::string& path);

  // Shares `certificate`, which must not be null. For pki/.
  static absl::StatusOr<Certificate> FromX509(X509* certificate);

  // What it was decoded from, as DER.
  const base::Bytes& der() const;
  // The key that it is about.
  const crypto::PublicKey& public_key() const;

  // The value of the subjectKeyIdentifier extension; nullopt when there is none.
  const absl::optional<base::Bytes>& subject_key_identifier() const;

  // The content octets of the serial number INTEGER; the kernel makes its first key id of them and
  // of those of the issuer Name (x509_cert_parser.c).
  const base::Bytes& serial_content() const;
  // The content octets of the issuer Name.
  const base::Bytes& issuer_content() const;

  // Names in the form of RFC 2253, UTF-8. They come from outside: escape them before printing.
  const std::string& subject() const;
  // The issuer's name in the same form.
  const std::string& issuer() const;
  // The serial number in hexadecimal.
  std::string serial() const;
  // The first common name of the subject, empty when there is none.
  const std::string& common_name() const;
  // How many common names the subject has.
  size_t common_name_count() const;

  absl::Time not_before() const;  // the first moment at which it is valid
  absl::Time not_after() const;   // the last one

  bool is_ca() const;                     // basicConstraints CA:TRUE
  bool allows_digital_signature() const;  // no keyUsage, or one with digitalSignature
  bool has_key_usage() const;             // the extension keyUsage, whatever it says
  bool self_issued() const;               // subject and issuer are the same name

  // True when a name in the subject holds a control character, which could forge lines wherever
  // the kernel or a program prints it.
  bool subject_has_control_characters() const;

  // True when the issuer signed it with MD5, SHA-1 or another hash against whose collisions there
  // are less than 112 bits of security, or in a way that cannot be told: whoever can make two files
  // with one such hash can forge it (RFC 6194).
  bool is_weakly_signed() const;

  // The SHA-1 of the public key's BIT STRING: what most CAs make the subject key identifier of
  // (RFC 5280, 4.2.1.2), and what evmctl calls a key by whose certificate has none.
  absl::StatusOr<base::Bytes> PublicKeyIdentifier() const;

  // PEM with the label CERTIFICATE (RFC 7468), a newline at its end.
  std::string Pem() const;

  // The hash of the DER, in hexadecimal.
  absl::StatusOr<std::string> Fingerprint(
      crypto::HashAlgorithm algorithm = crypto::HashAlgorithm::kSha256) const;

  // The OpenSSL object, owned by this one. For pki/.
  X509* x509() const;

 private:
  struct State;
  explicit Certificate(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

}  // namespace jet::pki

#endif  // JET_PKI_CERTIFICATE_H_

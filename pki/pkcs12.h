// PKCS#12 files (RFC 7292): a private key with its certificate.
#ifndef JET_PKI_PKCS12_H_
#define JET_PKI_PKCS12_H_

#include <vector>

#include "absl/status/statusor.h"
#include "crypto/private_key.h"
#include "crypto/secret.h"
#include "pki/certificate.h"

namespace jet::pki {

// What a PKCS#12 file holds for one key.
struct Pkcs12 {
  crypto::PrivateKey private_key;
  Certificate certificate;           // the one that belongs to the key
  std::vector<Certificate> issuers;  // the other certificates, as they come
};

// Decodes the DER of a PKCS#12 file and opens it. `passphrase` is asked once. INVALID_ARGUMENT when
// it is no such file, bytes follow it, or it lacks the key or its certificate; PERMISSION_DENIED
// when the passphrase is wrong; UNIMPLEMENTED for an encryption that OpenSSL 3 has put aside
// (RC2-40, DES).
absl::StatusOr<Pkcs12> DecodePkcs12(const crypto::Secret& encoded,
                                    crypto::PassphraseSource passphrase);

}  // namespace jet::pki

#endif  // JET_PKI_PKCS12_H_

// The four bytes by which a signature names its key, and what they match.
#ifndef JET_IMA_KEY_ID_H_
#define JET_IMA_KEY_ID_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "pki/certificate.h"

namespace jet::ima {

// The keyid field of a signature, in the order of its bytes in the xattr.
using KeyId = std::array<uint8_t, 4>;

// Returns 8 lower-case hexadecimal digits.
std::string KeyIdText(const KeyId& key_id);

// Returns the key id that a signature by the key of `certificate` carries: the last 4 bytes of its
// subject key identifier. FAILED_PRECONDITION without an identifier, or with one under 4 bytes,
// which the kernel never finds (asymmetric_type.c, asymmetric_key_id_partial).
absl::StatusOr<KeyId> KeyIdOf(const pki::Certificate& certificate);

// True when the kernel would find the key of `certificate` by `key_id`: it compares with the end of
// the serial number followed by the issuer name, and with the end of the subject key identifier
// (asymmetric_type.c, asymmetric_match_key_ids; x509_public_key.c).
bool Matches(const pki::Certificate& certificate, const KeyId& key_id);

// True when the key id that a signature by one of the two keys carries (KeyIdOf) would find the
// other key as well. Certificates of one CA all match the end of its name: no signature carries
// that.
bool ShareKeyId(const pki::Certificate& a, const pki::Certificate& b);

}  // namespace jet::ima

#endif  // JET_IMA_KEY_ID_H_

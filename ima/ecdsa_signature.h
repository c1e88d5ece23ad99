// ECDSA signatures as the kernel reads them, which is more laxly than libcrypto does.
#ifndef JET_IMA_ECDSA_SIGNATURE_H_
#define JET_IMA_ECDSA_SIGNATURE_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace jet::ima {

// Rewrites the ECDSA signature `encoded` as the one DER encoding of its r and s, for a curve whose
// numbers have `scalar_size` bytes (32 for P-256, 48 for P-384). Reads what Linux 6.1 reads
// (lib/asn1_decoder.c with crypto/ecdsasignature.asn1, and ecdsa_get_signature_rs in
// crypto/ecdsa.c): lengths in long form of one or two bytes, a SEQUENCE of indefinite length, bytes
// after it, and r and s as unsigned numbers with at most one zero byte before `scalar_size` bytes.
// INVALID_ARGUMENT for everything that the kernel refuses to parse.
absl::StatusOr<base::Bytes> StrictEcdsaSignature(base::ByteSpan encoded, size_t scalar_size);

}  // namespace jet::ima

#endif  // JET_IMA_ECDSA_SIGNATURE_H_

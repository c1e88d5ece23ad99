// From a digest to the value of security.ima.
#ifndef JET_SIGN_SIGN_DIGEST_H_
#define JET_SIGN_SIGN_DIGEST_H_

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/signer.h"
#include "ima/key_id.h"
#include "ima/signature.h"
#include "pki/certificate.h"

namespace jet::sign {

// Returns the key id that signatures by `signer` carry, whose certificate is `certificate`.
// FAILED_PRECONDITION when it is that of another key, or no signature could name it (ima::KeyIdOf).
absl::StatusOr<ima::KeyId> KeyIdOfSigner(const crypto::Signer& signer,
                                         const pki::Certificate& certificate);

// Signs `digest`, which is that of a file's content or, for SignatureKind::kVerity, its fs-verity
// digest; verifies the signature with the public key, and returns the encoded value of
// security.ima (ima/signature.h). `key_id` comes from KeyIdOfSigner. INTERNAL when the signature
// does not verify: such a signature is never handed out. FAILED_PRECONDITION when the digest's
// algorithm is too weak to sign with. Thread-safe.
absl::StatusOr<base::Bytes> SignDigest(const crypto::Signer& signer, const ima::KeyId& key_id,
                                       const crypto::Digest& digest,
                                       ima::SignatureKind kind = ima::SignatureKind::kContent);

}  // namespace jet::sign

#endif  // JET_SIGN_SIGN_DIGEST_H_

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
// FAILED_PRECONDITION when it is that of another key, when such keys may not sign
// (crypto::CheckMaySign), or when no signature could name it (ima::KeyIdOf). Dates, keyUsage and
// the subject are not looked at: call ima::CheckSigningCertificate before, which does.
absl::StatusOr<ima::KeyId> KeyIdOfSigner(const crypto::Signer& signer,
                                         const pki::Certificate& certificate);

// Signs `digest`, which is that of a file's content or, for ima::SignatureKind::kVerity, its
// fs-verity digest; verifies the signature with the public key, and returns the encoded value of
// security.ima (ima/signature.h) with the key id of `certificate`. INTERNAL when the signature does
// not verify: such a signature is never handed out. FAILED_PRECONDITION as of KeyIdOfSigner, and
// when the digest's algorithm is too weak to sign with; INVALID_ARGUMENT for a kVerity digest by
// another than those that fs-verity has. What KeyIdOfSigner does not look at is the caller's to
// check. Thread-safe.
absl::StatusOr<base::Bytes> SignDigest(const crypto::Signer& signer,
                                       const pki::Certificate& certificate,
                                       const crypto::Digest& digest,
                                       ima::SignatureKind kind = ima::SignatureKind::kContent);

// The same for many digests by one signer, whose key id KeyIdOfSigner gave. The key id is written
// as it is and NOT verified: with another one the value is well formed, but the kernel looks for
// another key.
absl::StatusOr<base::Bytes> SignDigest(const crypto::Signer& signer, const ima::KeyId& key_id,
                                       const crypto::Digest& digest,
                                       ima::SignatureKind kind = ima::SignatureKind::kContent);

}  // namespace jet::sign

#endif  // JET_SIGN_SIGN_DIGEST_H_

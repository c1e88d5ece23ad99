// How certificates and requests are signed. Internal to pki/.
#ifndef JET_PKI_SIGNATURE_ALGORITHM_H_
#define JET_PKI_SIGNATURE_ALGORITHM_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "crypto/hash_algorithm.h"
#include "crypto/public_key.h"

namespace jet::pki {

// The hash that is as strong as the key that signs.
crypto::HashAlgorithm HashFor(const crypto::PublicKey& key);

// OK when OpenSSL can verify signatures with the algorithm `nid`; UNIMPLEMENTED when not. Without
// this a signature that cannot be verified looks like one that does not match. `what` was signed.
absl::Status CheckCanVerify(int nid, absl::string_view what);

}  // namespace jet::pki

#endif  // JET_PKI_SIGNATURE_ALGORITHM_H_

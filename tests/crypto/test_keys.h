// Keys for tests: made while the tests run, never stored.
#ifndef JET_TESTS_CRYPTO_TEST_KEYS_H_
#define JET_TESTS_CRYPTO_TEST_KEYS_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/private_key.h"
#include "crypto/secret.h"

namespace jet::test {

// Returns a key of any type, usable or not: "rsa:BITS", "rsa-pss:BITS", "ec:p256", "ec:p384",
// "ec:p521", "ec:secp256k1", "ed25519". Made on first use and kept for the life of the process.
const crypto::PrivateKey& TestKey(const std::string& type);

// Makes another key of `type`.
crypto::PrivateKey NewTestKey(const std::string& type);

// Returns a second object for the same key.
crypto::PrivateKey CloneOf(const crypto::PrivateKey& key);

// Returns the digest of a short text.
crypto::Digest TestDigest(crypto::HashAlgorithm algorithm, absl::string_view text = "content");

// Signs with any RSA or EC key, one that MakeSigner refuses too.
base::Bytes SignAnyway(const crypto::PrivateKey& key, const crypto::Digest& digest);

inline crypto::Secret SecretText(absl::string_view text) {
  return crypto::Secret::CopyOf(base::AsBytes(text));
}

// A passphrase source for keys that have none: being asked is a failure.
absl::StatusOr<crypto::Secret> NoPassphrase();

}  // namespace jet::test

#endif  // JET_TESTS_CRYPTO_TEST_KEYS_H_

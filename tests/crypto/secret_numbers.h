// The numbers of a private key that must stay secret.
#ifndef JET_TESTS_CRYPTO_SECRET_NUMBERS_H_
#define JET_TESTS_CRYPTO_SECRET_NUMBERS_H_

#include <string>
#include <vector>

#include "base/bytes.h"
#include "crypto/private_key.h"

namespace jet::test {

// What masked bytes are XORed with, so that they are not found by who looks for the bytes.
inline constexpr uint8_t kSecretMask = 0x5a;

struct SecretNumber {
  std::string name;    // "d", "p", "q", "dp", "dq", "qinv" of RSA; "scalar" of EC
  base::Bytes masked;  // big endian
};

// Leaves no copy that is not masked. Throws when the key does not show them.
std::vector<SecretNumber> SecretNumbersOf(const crypto::PrivateKey& key);

}  // namespace jet::test

#endif  // JET_TESTS_CRYPTO_SECRET_NUMBERS_H_

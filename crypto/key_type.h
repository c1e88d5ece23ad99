// Key types: which exist, what they are called, what the kernel and this project do with them.
#ifndef JET_CRYPTO_KEY_TYPE_H_
#define JET_CRYPTO_KEY_TYPE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace jet::crypto {

// The kinds of keys that the kernel verifies with, and all others.
enum class KeyAlgorithm { kRsa, kEc, kOther };

// What a key may be used for.
enum class KeyUse {
  kSign,   // generated, imported, signed with and judged
  kJudge,  // judged with a warning, as the kernel accepts it: RSA-512, 1024 and 1536
  kNone,   // the kernel cannot use it
};

// The type of a key. A value.
struct KeyType {
  // RSA or EC.
  KeyAlgorithm algorithm = KeyAlgorithm::kOther;
  int bits = 0;      // of the RSA modulus or the EC group order
  std::string name;  // "rsa:3072", "ec:p256", "ec:p521", "ed25519", "rsa-pss:2048"

  // True when both are the same type.
  friend bool operator==(const KeyType& a, const KeyType& b) { return a.name == b.name; }
};

// Says what a key of this type may be used for. kSign: RSA of 2048, 3072 and 4096 bits, ECDSA over
// P-256 and P-384. kJudge: RSA of 512, 1024 and 1536 bits. kNone: all others, as the kernel cannot
// use them; the sizes of RSA keys are those that Linux 6.1 accepts (crypto/rsa.c).
KeyUse UseOf(const KeyType& type);

// OK when keys of this type may sign. FAILED_PRECONDITION names the type and says why not.
absl::Status CheckMaySign(const KeyType& type);

// Parses the name of a type that may sign: rsa:2048, rsa:3072, rsa:4096, ec:p256, ec:p384.
// INVALID_ARGUMENT lists them for any other name.
absl::StatusOr<KeyType> ParseSigningKeyType(absl::string_view name);

// Returns the names that ParseSigningKeyType knows, as text for help: "rsa:2048, rsa:3072, ...".
std::string SigningKeyTypeNames();

}  // namespace jet::crypto

#endif  // JET_CRYPTO_KEY_TYPE_H_

// What the kernel says of a key.
#ifndef JET_IMA_KEY_FACTS_H_
#define JET_IMA_KEY_FACTS_H_

#include <sys/types.h>

#include <cstdlib>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ima/keyring.h"

namespace jet::ima {

// The types of keys that matter here.
inline constexpr char kKeyringType[] = "keyring";
inline constexpr char kAsymmetricType[] = "asymmetric";

// The keyring that takes only certificates signed by a key that the kernel trusts.
inline constexpr char kTrustedImaName[] = ".ima";

// What KEYCTL_DESCRIBE says of a key. Type and description come from outside.
struct KeyFacts {
  std::string type;
  uid_t owner = 0;
  std::string description;
};

// Describes a key; negative numbers are the special keyrings of keyutils.h.
absl::StatusOr<KeyFacts> DescribeKey(KeySerial serial);

// True for the kernel's own keyring `name`: no user can make a keyring with a dot in front.
bool IsKernelKeyring(const KeyFacts& facts, absl::string_view name);

// Returns all of it in words, for messages.
std::string KeyFactsText(KeySerial serial, const KeyFacts& facts);

// Frees what libkeyutils allocated.
struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};

}  // namespace jet::ima

#endif  // JET_IMA_KEY_FACTS_H_

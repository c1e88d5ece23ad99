// The hash algorithms, as rows of one table.
#ifndef JET_CRYPTO_HASH_ALGORITHM_H_
#define JET_CRYPTO_HASH_ALGORITHM_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace jet::crypto {

// The algorithms that are known here.
enum class HashAlgorithm { kMd5, kSha1, kSha224, kSha256, kSha384, kSha512 };

// The largest digest in the table, in bytes.
inline constexpr size_t kMaxDigestSize = 64;

// What an algorithm is still good for.
enum class HashStrength {
  kSign,   // may be signed with, and is judged
  kJudge,  // is judged with a warning, as the kernel accepts it, and never signed with
};

// What is known of an algorithm.
struct HashAlgorithmRow {
  HashAlgorithm algorithm;  // which one it is
  const char* name;         // as the kernel and OpenSSL spell it: "sha256"
  size_t digest_size;       // bytes
  HashStrength strength;    // what it is good for
};

// Returns all rows; lives as long as the program.
absl::Span<const HashAlgorithmRow> HashAlgorithms();

// Returns the row of `algorithm`.
const HashAlgorithmRow& RowOf(HashAlgorithm algorithm);

// Returns its name: "sha256".
inline const char* NameOf(HashAlgorithm algorithm) { return RowOf(algorithm).name; }

// Finds the algorithm that may be signed with by name. INVALID_ARGUMENT, listing the names that may
// be used, for any other name; for one that is only judged it says so.
absl::StatusOr<HashAlgorithm> ParseSigningHash(absl::string_view name);

}  // namespace jet::crypto

#endif  // JET_CRYPTO_HASH_ALGORITHM_H_

// Digests that know their algorithm, and how to make them.
#ifndef JET_CRYPTO_DIGEST_H_
#define JET_CRYPTO_DIGEST_H_

#include <array>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "crypto/hash_algorithm.h"

namespace jet::crypto {

// The value of a hash function together with its name: the two can never disagree.
class Digest {
 public:
  // INVALID_ARGUMENT when `value` has not the size of `algorithm`.
  static absl::StatusOr<Digest> Make(HashAlgorithm algorithm, base::ByteSpan value);

  // What it was made by.
  HashAlgorithm algorithm() const { return algorithm_; }

  // The bytes; valid as long as this object.
  base::ByteSpan value() const {
    return base::ByteSpan(value_.data(), RowOf(algorithm_).digest_size);
  }

  // True when both are by the same algorithm and have the same bytes.
  friend bool operator==(const Digest& a, const Digest& b) {
    return a.algorithm_ == b.algorithm_ && a.value() == b.value();
  }

 private:
  explicit Digest(HashAlgorithm algorithm) : algorithm_(algorithm) {}

  HashAlgorithm algorithm_;
  std::array<uint8_t, kMaxDigestSize> value_ = {};
};

// Hashes data piece by piece, again and again with the same context and buffer. Not thread-safe:
// one per thread. One that was moved from is like a new one.
class Hasher {
 public:
  Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();

  // Begins a new digest; what was begun before is dropped.
  absl::Status Start(HashAlgorithm algorithm);
  // Adds `data` to it. FAILED_PRECONDITION when no digest was begun, or it is finished.
  absl::Status Update(base::ByteSpan data);
  // Returns the digest of all that was added. The next one needs a Start. FAILED_PRECONDITION as of
  // Update.
  absl::StatusOr<Digest> Finish();

  // Hashes the open file `fd` from its first byte to its end without moving its position. It begins
  // and finishes a digest of its own. ABORTED when not exactly `expected_size` bytes were there to
  // read: the file changed.
  absl::StatusOr<Digest> HashFile(int fd, HashAlgorithm algorithm, uint64_t expected_size);

 private:
  struct State;
  bool started() const;
  absl::StatusOr<Digest> HashToEnd(int fd, HashAlgorithm algorithm, uint64_t expected_size);
  std::unique_ptr<State> state_;  // null when moved from
};

// Returns the digest of `data`.
absl::StatusOr<Digest> ComputeDigest(HashAlgorithm algorithm, base::ByteSpan data);

}  // namespace jet::crypto

#endif  // JET_CRYPTO_DIGEST_H_

// Bytes that must not outlive their use.
#ifndef JET_CRYPTO_SECRET_H_
#define JET_CRYPTO_SECRET_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/bytes.h"

namespace jet::crypto {

// Owns a buffer in OpenSSL's secure heap (locked, kept out of core dumps) where that has room, else
// in ordinary memory; either way it is wiped when it is freed. Move only; cannot be printed or
// compared; read only through Expose(), so that one search finds every reader.
class Secret {
 public:
  Secret() = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  // A secret of `size` zero bytes, to be filled through MutableBytes().
  static Secret OfSize(size_t size);
  // A secret with a copy of `bytes`, which stay where they are.
  static Secret CopyOf(base::ByteSpan bytes);

  // Its number of bytes.
  size_t size() const { return size_; }
  // True when it has none.
  bool empty() const { return size_ == 0; }

  // The bytes; valid as long as this object. Do not copy them.
  base::ByteSpan Expose() const { return base::ByteSpan(data_, size_); }
  // The same, to be written to.
  absl::Span<uint8_t> MutableBytes() { return absl::Span<uint8_t>(data_, size_); }

  // Wipes and forgets the bytes from `size` on.
  void Truncate(size_t size);

 private:
  void Clear();

  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Reads `fd` to its end straight into a secret, leaving no copy behind; waits for what comes, also
// where `fd` does not block. RESOURCE_EXHAUSTED when there are more than `limit` bytes. `name` is
// for messages.
absl::StatusOr<Secret> ReadSecret(int fd, size_t limit, absl::string_view name);

// Fills a new secret of `size` bytes from OpenSSL's private random generator.
absl::StatusOr<Secret> RandomSecret(size_t size);

// Wipes, at the end of its life, the stack below the frame it lives in: libcrypto's arithmetic
// leaves pieces of private numbers there, its PEM reader the passphrase. Make one first in every
// function that hands a private key or passphrase to OpenSSL.
class StackWiper {
 public:
  StackWiper() = default;
  StackWiper(const StackWiper&) = delete;
  StackWiper& operator=(const StackWiper&) = delete;
  ~StackWiper();
};

// Wipes `text`, a secret that had to be in a std::string or array for a moment.
void Wipe(absl::Span<char> text);

}  // namespace jet::crypto

#endif  // JET_CRYPTO_SECRET_H_

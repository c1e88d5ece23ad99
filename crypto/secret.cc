#include "crypto/secret.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/system_error.h"
#include "crypto/openssl_error.h"

namespace jet::crypto {
namespace {

// Holds any private key at once: what is larger is copied while it grows.
constexpr size_t kFirstRead = 4096;

// A copy of `secret` in a buffer of `size` bytes, which is more; the old buffer is wiped by its
// owner.
Secret Grown(const Secret& secret, size_t size) {
  Secret grown = Secret::OfSize(size);
  const base::ByteSpan bytes = secret.Expose();
  std::copy(bytes.begin(), bytes.end(), grown.MutableBytes().begin());
  return grown;
}

// More than libcrypto's private key operations reach down (about 20 KiB), far less than any stack.
constexpr size_t kWipedStack = 64 * 1024;

[[gnu::noinline]] void WipeStackBelow() {
  std::array<uint8_t, kWipedStack> below;
  // OPENSSL_cleanse would take longer for it than all else that is done for a small file.
  explicit_bzero(below.data(), below.size());
}

// What was moved or computed last is still in the vector registers, from where the dynamic linker's
// trampoline or a signal saves it on the stack after that was wiped.
#if defined(__x86_64__)
void ClearVectorRegisters() {
  if (__builtin_cpu_supports("avx")) {
    asm volatile("vzeroall" ::
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  }
  if (__builtin_cpu_supports("avx512f")) {
    // The registers that only these processors have; libc's memcpy is what uses them most.
    asm volatile(
        ".irp n, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "vpxorq %zmm\\n, %zmm\\n, %zmm\\n\n"
        ".endr");
  }
}
#else
void ClearVectorRegisters() {}
#endif

}  // namespace

StackWiper::~StackWiper() {
  WipeStackBelow();
  ClearVectorRegisters();
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    Clear();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

Secret::~Secret() { Clear(); }

void Secret::Clear() {
  OPENSSL_secure_clear_free(data_, capacity_);
  data_ = nullptr;
  size_ = 0;
  capacity_ = 0;
}

Secret Secret::OfSize(size_t size) {
  Secret secret;
  if (size == 0) return secret;
  secret.data_ = static_cast<uint8_t*>(OPENSSL_secure_zalloc(size));
  // A full secure heap must not stop the work: ordinary memory is wiped on free just the same.
  if (secret.data_ == nullptr) {
    DropOpenSslErrors();
    secret.data_ = static_cast<uint8_t*>(OPENSSL_zalloc(size));
  }
  if (secret.data_ == nullptr) throw std::bad_alloc();
  secret.size_ = size;
  secret.capacity_ = size;
  return secret;
}

Secret Secret::CopyOf(base::ByteSpan bytes) {
  Secret secret = OfSize(bytes.size());
  std::copy(bytes.begin(), bytes.end(), secret.data_);
  return secret;
}

void Secret::Truncate(size_t size) {
  if (size >= size_) return;
  OPENSSL_cleanse(data_ + size, size_ - size);
  size_ = size;
}

absl::StatusOr<Secret> ReadSecret(int fd, size_t limit, absl::string_view name) {
  Secret secret = Secret::OfSize(std::min(kFirstRead, limit + 1));
  size_t size = 0;
  while (true) {
    if (size == secret.size()) {
      if (size > limit) {
        return absl::ResourceExhaustedError(
            absl::StrCat("'", name, "' is larger than ", limit, " bytes"));
      }
      secret = Grown(secret, std::min(size * 2, limit + 1));
    }
    const ssize_t count = read(fd, secret.MutableBytes().data() + size, secret.size() - size);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
      if (errno == EAGAIN) base::WaitForInput(fd);
      continue;
    }
    if (count < 0) return base::SystemError(errno, absl::StrCat("cannot read '", name, "'"));
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  secret.Truncate(size);
  return secret;
}

absl::StatusOr<Secret> RandomSecret(size_t size) {
  Secret secret = Secret::OfSize(size);
  if (RAND_priv_bytes(secret.MutableBytes().data(), static_cast<int>(size)) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "cannot get random bytes");
  }
  return secret;
}

void Wipe(absl::Span<char> text) { OPENSSL_cleanse(text.data(), text.size()); }

}  // namespace jet::crypto

#include "crypto/digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"

namespace jet::crypto {
namespace {

// Large enough that system calls do not count, small enough for a core's own cache.
constexpr size_t kReadSize = 256 * 1024;

absl::Status DigestError() { return OpenSslError(absl::StatusCode::kInternal, "cannot hash"); }

absl::Status NotStarted() {
  return absl::FailedPreconditionError("no digest was begun: call Start first");
}

}  // namespace

absl::StatusOr<Digest> Digest::Make(HashAlgorithm algorithm, base::ByteSpan value) {
  const HashAlgorithmRow& row = RowOf(algorithm);
  if (value.size() != row.digest_size) {
    return absl::InvalidArgumentError(absl::StrCat("a ", row.name, " digest has ", row.digest_size,
                                                   " bytes, not ", value.size()));
  }
  Digest digest(algorithm);
  std::copy(value.begin(), value.end(), digest.value_.begin());
  return digest;
}

struct Hasher::State {
  EvpMdCtxPtr context{EVP_MD_CTX_new()};
  // Fetched once per algorithm: a fetch costs more than hashing a small file.
  std::array<OpenSslPtr<EVP_MD, EVP_MD_free>, 6> fetched;
  HashAlgorithm algorithm = HashAlgorithm::kSha256;
  // OpenSSL takes more data after the end of a digest, and calls what comes of it one.
  bool started = false;
  std::vector<uint8_t> buffer;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

bool Hasher::started() const { return state_ != nullptr && state_->started; }

absl::Status Hasher::Start(HashAlgorithm algorithm) {
  if (state_ == nullptr) state_ = std::make_unique<State>();
  state_->started = false;
  auto& fetched = state_->fetched.at(static_cast<size_t>(algorithm));
  if (fetched == nullptr) fetched.reset(EVP_MD_fetch(nullptr, NameOf(algorithm), nullptr));
  if (fetched == nullptr) {
    return OpenSslError(absl::StatusCode::kUnimplemented,
                        absl::StrCat("this OpenSSL does not offer ", NameOf(algorithm)));
  }
  if (EVP_DigestInit_ex2(state_->context.get(), fetched.get(), nullptr) != 1) return DigestError();
  state_->algorithm = algorithm;
  state_->started = true;
  return absl::OkStatus();
}

absl::Status Hasher::Update(base::ByteSpan data) {
  if (!started()) return NotStarted();
  if (EVP_DigestUpdate(state_->context.get(), data.data(), data.size()) != 1) return DigestError();
  return absl::OkStatus();
}

absl::StatusOr<Digest> Hasher::Finish() {
  if (!started()) return NotStarted();
  state_->started = false;
  std::array<uint8_t, EVP_MAX_MD_SIZE> value;
  unsigned size = 0;
  if (EVP_DigestFinal_ex(state_->context.get(), value.data(), &size) != 1) return DigestError();
  return Digest::Make(state_->algorithm, base::ByteSpan(value.data(), size));
}

absl::StatusOr<Digest> Hasher::HashFile(int fd, HashAlgorithm algorithm, uint64_t expected_size) {
  absl::StatusOr<Digest> digest = HashToEnd(fd, algorithm, expected_size);
  state_->started = false;
  return digest;
}

absl::StatusOr<Digest> Hasher::HashToEnd(int fd, HashAlgorithm algorithm, uint64_t expected_size) {
  JET_RETURN_IF_ERROR(Start(algorithm));
  // As large as the file needs: filling a large buffer's pages takes longer than a small file.
  const size_t wanted = static_cast<size_t>(std::min<uint64_t>(expected_size + 1, kReadSize));
  if (state_->buffer.size() < wanted) state_->buffer.resize(wanted);
  const size_t read_size = state_->buffer.size();
  uint64_t position = 0;
  while (true) {
    const ssize_t count = pread(fd, state_->buffer.data(), read_size, static_cast<off_t>(position));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::SystemError(errno, "cannot read the file");
    if (count == 0) break;
    JET_RETURN_IF_ERROR(Update(base::ByteSpan(state_->buffer.data(), static_cast<size_t>(count))));
    position += static_cast<uint64_t>(count);
  }
  if (position != expected_size) {
    return absl::AbortedError("the file changed its size while it was being read");
  }
  return Finish();
}

absl::StatusOr<Digest> ComputeDigest(HashAlgorithm algorithm, base::ByteSpan data) {
  Hasher hasher;
  JET_RETURN_IF_ERROR(hasher.Start(algorithm));
  JET_RETURN_IF_ERROR(hasher.Update(data));
  return hasher.Finish();
}

}  // namespace jet::crypto

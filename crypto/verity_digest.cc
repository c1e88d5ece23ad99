#include "crypto/verity_digest.h"

#include <libfsverity.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/fs_verity.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::crypto {
namespace {

constexpr size_t kReadSize = 256 * 1024;

struct VerityHashRow {
  HashAlgorithm algorithm;
  uint32_t number;
};

constexpr std::array<VerityHashRow, 2> kVerityHashes = {{
    {HashAlgorithm::kSha256, base::kVeritySha256},
    {HashAlgorithm::kSha512, base::kVeritySha512},
}};

absl::StatusOr<uint32_t> NumberOf(HashAlgorithm algorithm) {
  for (const VerityHashRow& row : kVerityHashes) {
    if (row.algorithm == algorithm) return row.number;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("fs-verity has sha256 and sha512, not ", NameOf(algorithm)));
}

absl::StatusOr<Digest> DigestOfNumber(uint32_t number, base::ByteSpan value) {
  for (const VerityHashRow& row : kVerityHashes) {
    if (row.number == number) return Digest::Make(row.algorithm, value);
  }
  return absl::UnimplementedError(
      absl::StrCat("fs-verity of the file uses hash number ", number, ", which is not known here"));
}

// Hands the content of a file out piece by piece: libfsverity asks for single blocks.
class FileReader {
 public:
  explicit FileReader(int fd) : fd_(fd) {}

  // libfsverity_read_fn_t
  static int Read(void* reader, void* to, size_t count) {
    return static_cast<FileReader*>(reader)->Take(static_cast<uint8_t*>(to), count);
  }

  // Why Read failed.
  const absl::Status& status() const { return status_; }

  // True when nothing follows what was handed out.
  absl::StatusOr<bool> AtEnd() {
    if (next_ == held_) JET_RETURN_IF_ERROR(Fill());
    return next_ == held_;
  }

 private:
  int Take(uint8_t* to, size_t count) {
    while (count > 0) {
      if (next_ == held_) status_ = Fill();
      if (status_.ok() && next_ == held_) {
        status_ = absl::AbortedError("the file changed its size while it was being read");
      }
      if (!status_.ok()) return -EIO;
      const size_t piece = std::min(count, held_ - next_);
      std::memcpy(to, buffer_.data() + next_, piece);
      next_ += piece;
      to += piece;
      count -= piece;
    }
    return 0;
  }

  absl::Status Fill() {
    if (buffer_.empty()) buffer_.resize(kReadSize);
    ssize_t count = -1;
    do {
      count = pread(fd_, buffer_.data(), buffer_.size(), static_cast<off_t>(position_));
    } while (count < 0 && errno == EINTR);
    if (count < 0) return base::SystemError(errno, "cannot read the file");
    next_ = 0;
    held_ = static_cast<size_t>(count);
    position_ += held_;
    return absl::OkStatus();
  }

  int fd_;
  std::vector<uint8_t> buffer_;
  size_t next_ = 0;  // in the buffer
  size_t held_ = 0;  // bytes in it
  uint64_t position_ = 0;
  absl::Status status_;
};

// The same of bytes that are at hand, a ByteSpan; libfsverity asks for no more than there are.
int ReadBytes(void* left, void* to, size_t count) {
  base::ByteSpan& bytes = *static_cast<base::ByteSpan*>(left);
  std::memcpy(to, bytes.data(), count);
  bytes.remove_prefix(count);
  return 0;
}

struct Free {
  void operator()(libfsverity_digest* digest) const { std::free(digest); }
};

// Computes the digest of `size` bytes that `read` takes from `source`.
absl::StatusOr<Digest> ComputeFrom(void* source, libfsverity_read_fn_t read,
                                   HashAlgorithm algorithm, uint64_t size) {
  JET_ASSIGN_OR_RETURN(const uint32_t number, NumberOf(algorithm));
  libfsverity_merkle_tree_params parameters = {};
  parameters.version = 1;
  parameters.hash_algorithm = number;
  parameters.file_size = size;
  parameters.block_size = base::kVerityBlockSize;
  libfsverity_digest* computed = nullptr;
  const int result = libfsverity_compute_digest(source, read, &parameters, &computed);
  const std::unique_ptr<libfsverity_digest, Free> owner(computed);
  if (result != 0) return base::SystemError(-result, "cannot compute the fs-verity digest");
  return Digest::Make(algorithm, base::ByteSpan(owner->digest, owner->digest_size));
}

}  // namespace

bool IsVerityHash(HashAlgorithm algorithm) { return CheckIsVerityHash(algorithm).ok(); }

absl::Status CheckIsVerityHash(HashAlgorithm algorithm) { return NumberOf(algorithm).status(); }

absl::StatusOr<absl::optional<Digest>> MeasureVerityDigest(int fd) {
  JET_ASSIGN_OR_RETURN(const absl::optional<base::VerityMeasurement> measured,
                       base::MeasureVerity(fd));
  if (!measured.has_value()) return absl::optional<Digest>();
  JET_ASSIGN_OR_RETURN(const Digest digest, DigestOfNumber(measured->hash, measured->digest));
  return absl::optional<Digest>(digest);
}

absl::StatusOr<Digest> ComputeVerityDigest(int fd, HashAlgorithm algorithm,
                                           uint64_t expected_size) {
  FileReader reader(fd);
  absl::StatusOr<Digest> digest = ComputeFrom(&reader, FileReader::Read, algorithm, expected_size);
  JET_RETURN_IF_ERROR(reader.status());
  JET_RETURN_IF_ERROR(digest.status());
  JET_ASSIGN_OR_RETURN(const bool at_end, reader.AtEnd());
  if (!at_end) return absl::AbortedError("the file changed its size while it was being read");
  return digest;
}

absl::StatusOr<Digest> ComputeVerityDigest(base::ByteSpan content, HashAlgorithm algorithm) {
  base::ByteSpan left = content;
  return ComputeFrom(&left, ReadBytes, algorithm, content.size());
}

absl::StatusOr<bool> EnableVerity(int fd, HashAlgorithm algorithm) {
  JET_ASSIGN_OR_RETURN(const uint32_t number, NumberOf(algorithm));
  return base::EnableVerity(fd, number);
}

}  // namespace jet::crypto

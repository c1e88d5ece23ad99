#include "sign/file_signer.h"

#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/xattr.h"
#include "ima/signature.h"
#include "sign/sign_digest.h"

namespace jet::sign {
namespace {

// How often a file that changed under the signer is tried in all.
constexpr int kTries = 3;

// Another signer holds a file's lock for microseconds; whoever holds it longer is not one.
constexpr int kLockTries = 20;
constexpr std::chrono::milliseconds kLockWait(5);

// Gives an flock back at the end of its life.
class FileLock {
 public:
  explicit FileLock(int fd) : fd_(fd) {}
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() {
    if (fd_ >= 0) (void)flock(fd_, LOCK_UN);
  }

 private:
  int fd_;
};

// Takes `value` back, a signature that may cover other bytes than the file now has; what somebody
// else wrote meanwhile is left alone. The failure to do so is part of the message: the file then
// carries a signature that does not match.
absl::Status TakeBack(int fd, const base::Bytes& value, const absl::Status& reason) {
  const absl::StatusOr<absl::optional<base::Bytes>> present =
      base::GetXattr(fd, base::kSecurityIma);
  if (present.ok() && *present != value) return reason;
  const absl::Status removed = base::RemoveXattr(fd, base::kSecurityIma);
  if (removed.ok()) return reason;
  return absl::Status(reason.code(),
                      absl::StrCat(reason.message(), "; the signature just written could not be ",
                                   "removed again: ", removed.message()));
}

// Keeps other signers away from the file while its attribute is written and read back: two of them
// could each take the other's signature for a failed write. No more than that: where the lock
// cannot be had the work goes on without it, as reading back is what proves the result, and anybody
// who may read the file could hold the lock for ever.
FileLock LockFile(int fd) {
  for (int attempt = 1;; ++attempt) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return FileLock(fd);
    if (errno != EWOULDBLOCK || attempt == kLockTries) return FileLock(-1);
    std::this_thread::sleep_for(kLockWait);
  }
}

// Writes the attribute, and takes it back when the file changed meanwhile.
absl::Status Store(int fd, const base::Bytes& value, const base::ChangeGuard& guard) {
  const FileLock lock = LockFile(fd);
  const absl::Status stored = base::SetXattr(fd, base::kSecurityIma, value);
  if (absl::IsDataLoss(stored)) return TakeBack(fd, value, stored);
  JET_RETURN_IF_ERROR(stored);
  const absl::Status unchanged = guard.CheckAfterOwnXattr();
  return unchanged.ok() ? unchanged : TakeBack(fd, value, unchanged);
}

}  // namespace

const char* SignResultName(SignResult result) {
  switch (result) {
    case SignResult::kSigned:
      return "signed";
    case SignResult::kAlreadyValid:
      return "already-valid";
    case SignResult::kKept:
      return "kept";
    case SignResult::kWouldSign:
      return "would-sign";
  }
  return "";
}

absl::StatusOr<FileSigner> FileSigner::New(const crypto::Signer& signer,
                                           const pki::Certificate& certificate,
                                           std::vector<ima::NamedCertificate> known,
                                           const FileSignerOptions& options) {
  if (!(certificate.public_key() == signer.public_key())) {
    return absl::FailedPreconditionError(
        "the certificate does not belong to the private key: signatures would never verify");
  }
  JET_ASSIGN_OR_RETURN(const ima::KeyId key_id, ima::KeyIdOf(certificate));
  return FileSigner(signer, key_id, std::move(known), options);
}

absl::StatusOr<SignOutcome> FileSigner::Sign(int fd, crypto::Hasher& hasher) const {
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<SignOutcome> outcome = SignOnce(fd, hasher);
    if (!absl::IsAborted(outcome.status()) || attempt == kTries) return outcome;
  }
}

absl::StatusOr<SignOutcome> FileSigner::SignOnce(int fd, crypto::Hasher& hasher) const {
  JET_ASSIGN_OR_RETURN(const base::ChangeGuard guard, base::ChangeGuard::Start(fd));
  const uint64_t size = static_cast<uint64_t>(guard.initial().st_size);
  JET_ASSIGN_OR_RETURN(crypto::Digest digest, hasher.HashFile(fd, options_.hash, size));
  SignOutcome outcome{options_.dry_run ? SignResult::kWouldSign : SignResult::kSigned, digest,
                      /*xattr_size=*/0, guard.method(), /*kept_key_name=*/""};
  if (!options_.force) {
    JET_ASSIGN_OR_RETURN(absl::optional<SignOutcome> existing,
                         ExistingSignature(fd, hasher, outcome, size));
    JET_RETURN_IF_ERROR(guard.Check());
    if (existing.has_value()) return *std::move(existing);
  }
  JET_ASSIGN_OR_RETURN(const base::Bytes value, SignDigest(*signer_, key_id_, digest));
  JET_RETURN_IF_ERROR(guard.Check());
  outcome.xattr_size = value.size();
  if (options_.dry_run) return outcome;
  JET_RETURN_IF_ERROR(Store(fd, value, guard));
  return outcome;
}

// Says what is to be done with a file that has a valid signature already; nullopt when it has none
// by this key or a known one.
absl::StatusOr<absl::optional<SignOutcome>> FileSigner::ExistingSignature(
    int fd, crypto::Hasher& hasher, const SignOutcome& outcome, uint64_t size) const {
  const absl::optional<SignOutcome> none;
  JET_ASSIGN_OR_RETURN(const absl::optional<base::Bytes> value,
                       base::GetXattr(fd, base::kSecurityIma));
  if (!value.has_value()) return none;
  const ima::DecodedXattr decoded = ima::DecodeXattr(*value);
  if (decoded.defect != ima::XattrDefect::kNone || decoded.version != ima::kSignatureVersion2) {
    return none;
  }
  const auto hash = ima::HashOfKernelId(*decoded.hash_id);
  if (!hash.has_value()) return none;
  SignOutcome existing = outcome;
  existing.xattr_size = value->size();
  if (*hash == options_.hash && decoded.key_id == key_id_ &&
      signer_->public_key().Verify(outcome.digest, decoded.payload).ok()) {
    existing.result = SignResult::kAlreadyValid;
    return absl::optional<SignOutcome>(std::move(existing));
  }
  for (const ima::NamedCertificate& known : known_) {
    if (!ima::Matches(known.certificate, *decoded.key_id) ||
        known.certificate.public_key() == signer_->public_key()) {
      continue;
    }
    JET_ASSIGN_OR_RETURN(existing.digest, hasher.HashFile(fd, *hash, size));
    if (!known.certificate.public_key().Verify(existing.digest, decoded.payload).ok()) continue;
    existing.result = SignResult::kKept;
    existing.kept_key_name = known.name;
    return absl::optional<SignOutcome>(std::move(existing));
  }
  return none;
}

}  // namespace jet::sign

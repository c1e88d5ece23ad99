#include "sign/copy_signer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/change_guard.h"
#include "base/file.h"
#include "base/file_copy.h"
#include "base/file_status.h"
#include "base/staged_file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/xattr.h"
#include "sign/xattr_store.h"

namespace jet::sign {
namespace {

// How often a source that changed under the copying is tried in all.
constexpr int kTries = 3;

// The signature that a source has, and where that of its copy is put.
class CopyStore : public SignatureStore {
 public:
  CopyStore(int source_fd, int copy_fd) : source_fd_(source_fd), copy_(copy_fd) {}

  absl::StatusOr<absl::optional<base::Bytes>> Read() const override {
    absl::StatusOr<absl::optional<base::Bytes>> value = XattrStore(source_fd_).Read();
    // A file system without attributes has no signatures.
    if (absl::IsUnimplemented(value.status())) return absl::optional<base::Bytes>();
    return value;
  }
  absl::Status Write(const base::Bytes& value, const base::ChangeGuard& guard) override {
    return copy_.Write(value, guard);
  }

 private:
  int source_fd_;
  XattrStore copy_;
};

// The guard tells of the data; the ctime of everything else, which a copy has too.
absl::Status CheckUnchanged(const base::ChangeGuard& guard, const CopySource& source) {
  JET_RETURN_IF_ERROR(guard.Check());
  JET_ASSIGN_OR_RETURN(const struct stat now, base::StatDescriptor(source.fd, source.path));
  const struct stat& before = guard.initial();
  if (now.st_ctim.tv_sec == before.st_ctim.tv_sec &&
      now.st_ctim.tv_nsec == before.st_ctim.tv_nsec) {
    return absl::OkStatus();
  }
  return absl::AbortedError("the file was changed while it was being copied");
}

absl::Status CannotKeep(const std::vector<std::string>& lost) {
  return absl::FailedPreconditionError(
      absl::StrCat("the copy cannot keep everything: ", absl::StrJoin(lost, "; "),
                   " (--best-effort makes it all the same)"));
}

absl::StatusOr<bool> HasDigest(const CopySource& source, const crypto::Digest& digest,
                               crypto::Hasher& hasher) {
  JET_ASSIGN_OR_RETURN(const base::ChangeGuard guard, base::ChangeGuard::Start(source.fd));
  const auto size = static_cast<uint64_t>(guard.initial().st_size);
  JET_ASSIGN_OR_RETURN(const crypto::Digest own,
                       hasher.HashFile(source.fd, digest.algorithm(), size));
  JET_RETURN_IF_ERROR(guard.Check());
  return own.value() == digest.value();
}

}  // namespace

absl::StatusOr<SignOutcome> CopySigner::Sign(const CopySource& source, crypto::Hasher& hasher) {
  base::LeaveAccessTime(source.fd);
  JET_ASSIGN_OR_RETURN(const CopyPlace place,
                       folders_.Place(source.path_in_copy, WhenFoldersAreMissing()));
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<SignOutcome> outcome = SignOnce(source, place, hasher);
    if (!absl::IsAborted(outcome.status()) || attempt == kTries) return outcome;
  }
}

CopyFolders::Missing CopySigner::WhenFoldersAreMissing() const {
  if (signer_.options().dry_run) return CopyFolders::Missing::kLeave;
  return best_effort_ ? CopyFolders::Missing::kMakeSoGood : CopyFolders::Missing::kMake;
}

absl::StatusOr<SignOutcome> CopySigner::SignOnce(const CopySource& source, const CopyPlace& place,
                                                 crypto::Hasher& hasher) const {
  if (place.folder != nullptr) {
    JET_ASSIGN_OR_RETURN(absl::optional<SignOutcome> existing, FindCopy(source, place, hasher));
    if (existing.has_value()) return *std::move(existing);
  }
  if (signer_.options().dry_run) return WouldSign(source, hasher);
  return Copy(source, place, hasher);
}

// Returns the outcome when the copy that is there is as good as a new one.
absl::StatusOr<absl::optional<SignOutcome>> CopySigner::FindCopy(const CopySource& source,
                                                                 const CopyPlace& place,
                                                                 crypto::Hasher& hasher) const {
  const absl::optional<SignOutcome> none;
  struct stat found = {};
  if (fstatat(place.folder->get(), place.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return none;
    return base::SystemError(errno, absl::StrCat("cannot stat '", place.path, "'"));
  }
  if (!S_ISREG(found.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "'", place.path, "' is not a regular file and is not replaced: remove it first"));
  }
  JET_ASSIGN_OR_RETURN(const struct stat own, base::StatDescriptor(source.fd, source.path));
  if (base::IsSameFile(found, own)) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", place.path, "' is the same file and is not replaced: remove it first"));
  }
  if (signer_.options().force) return none;
  const absl::StatusOr<base::UniqueFd> copy =
      base::OpenAt(place.folder->get(), place.name, O_RDONLY | O_NOFOLLOW);
  // Whatever is wrong with it, it is replaced.
  if (!copy.ok() || !base::HasSameAttributes(source.fd, copy->get())) return none;
  const XattrStore store(copy->get());
  absl::StatusOr<absl::optional<SignOutcome>> existing =
      signer_.FindExisting(copy->get(), store, hasher);
  if (!existing.ok() || !existing->has_value()) return none;
  if ((*existing)->result == SignResult::kKept) {
    const absl::StatusOr<absl::optional<base::Bytes>> value = XattrStore(source.fd).Read();
    if (!value.ok() || *value != (*existing)->value) return none;
  }
  JET_ASSIGN_OR_RETURN(const bool same, HasDigest(source, (*existing)->digest, hasher));
  return same ? *std::move(existing) : none;
}

absl::StatusOr<SignOutcome> CopySigner::WouldSign(const CopySource& source,
                                                  crypto::Hasher& hasher) const {
  CopyStore store(source.fd, -1);
  JET_ASSIGN_OR_RETURN(SignOutcome outcome, signer_.Sign(source.fd, store, hasher));
  if (outcome.result == SignResult::kAlreadyValid) outcome.result = SignResult::kWouldSign;
  return outcome;
}

absl::StatusOr<SignOutcome> CopySigner::Copy(const CopySource& source, const CopyPlace& place,
                                             crypto::Hasher& hasher) const {
  JET_ASSIGN_OR_RETURN(const base::ChangeGuard guard, base::ChangeGuard::Start(source.fd));
  JET_ASSIGN_OR_RETURN(base::StagedFile copy,
                       base::StagedFile::CreateAt(place.folder->get(), place.name, place.path));
  const auto size = static_cast<uint64_t>(guard.initial().st_size);
  JET_RETURN_IF_ERROR(base::CopyData(source.fd, copy.fd(), size, source.path));
  JET_RETURN_IF_ERROR(copy.StopWriting());
  // It is read once more, for its digest, after it got its times.
  base::LeaveAccessTime(copy.fd());
  std::vector<std::string> lost = base::CopyAttributes(source.fd, guard.initial(), copy.fd());
  lost.insert(lost.begin(), place.lost.begin(), place.lost.end());
  if (!lost.empty() && !best_effort_) return CannotKeep(lost);
  CopyStore store(source.fd, copy.fd());
  JET_ASSIGN_OR_RETURN(SignOutcome outcome, signer_.Sign(copy.fd(), store, hasher));
  if (outcome.result != SignResult::kSigned) {
    // The source's signature, which was verified against the copy.
    JET_RETURN_IF_ERROR(base::SetXattr(copy.fd(), base::kSecurityIma, outcome.value));
    if (outcome.result == SignResult::kAlreadyValid) outcome.result = SignResult::kSigned;
  }
  JET_RETURN_IF_ERROR(CheckUnchanged(guard, source));
  JET_RETURN_IF_ERROR(copy.Replace());
  outcome.change_detection = guard.method();
  outcome.lost = std::move(lost);
  return outcome;
}

}  // namespace jet::sign

#include "sign/sidecar.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/file_kind.h"
#include "base/staged_file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "ima/signature.h"

namespace jet::sign {
namespace {

constexpr size_t kMaxSuffix = 64;
constexpr size_t kLargestXattr = 64 * 1024;  // XATTR_SIZE_MAX of the kernel

std::string FileName(const SidecarName& name) { return absl::StrCat(name.name, name.suffix); }

absl::Status NotASidecar(const std::string& file) {
  return absl::FailedPreconditionError(absl::StrCat(
      "'", file, "' should hold its signature and is not a regular file: remove it first"));
}

// An empty one is what a loss of power leaves.
bool IsForeign(const base::Bytes& value) {
  return !value.empty() && !ima::DecodeXattr(value).is_signature();
}

bool IsProgram(const base::Bytes& content) {
  const auto first = base::ByteSpan(content).subspan(0, base::kFileKindBytes);
  return base::FileKindOf(first, /*mode=*/0) == base::FileKind::kElf;
}

}  // namespace

absl::Status CheckSidecarSuffix(absl::string_view suffix) {
  const bool good = !suffix.empty() && suffix.size() <= kMaxSuffix &&
                    suffix.find('/') == absl::string_view::npos &&
                    suffix.find('\0') == absl::string_view::npos;
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", suffix,
                                                 "' cannot end the names of signature files: 1 to ",
                                                 kMaxSuffix, " characters without '/' can"));
}

absl::StatusOr<absl::optional<base::Bytes>> ReadSidecar(const SidecarName& name) {
  const std::string file = FileName(name);
  const absl::StatusOr<base::UniqueFd> fd =
      base::OpenAt(name.folder_fd, file, O_RDONLY | O_NOFOLLOW);
  if (!fd.ok()) {
    const int error_number = base::ErrnoOf(fd.status());
    // No file can have a name that is too long.
    if (error_number == ENOENT || error_number == ENAMETOOLONG) {
      return absl::optional<base::Bytes>();
    }
    // ELOOP is a link, ENXIO a socket.
    if (error_number == ELOOP || error_number == ENXIO) return NotASidecar(file);
    return fd.status();
  }
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd->get(), file));
  if (!S_ISREG(status.st_mode)) return NotASidecar(file);
  absl::StatusOr<base::Bytes> value = base::ReadBounded(fd->get(), kLargestXattr, file);
  if (absl::IsResourceExhausted(value.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", file, "' has more than ", kLargestXattr, " bytes: it is no signature"));
  }
  JET_RETURN_IF_ERROR(value.status());
  return absl::optional<base::Bytes>(*std::move(value));
}

absl::StatusOr<absl::optional<base::Bytes>> SidecarStore::Read() const {
  absl::StatusOr<absl::optional<base::Bytes>> value = ReadSidecar(name_);
  if (!value.ok() || !value->has_value() || !IsForeign(**value)) return value;
  return absl::FailedPreconditionError(absl::StrCat(
      "'", FileName(name_), "' is there and is no signature of this kind: --force replaces it, ",
      "--detached=SUFFIX chooses other names"));
}

absl::Status SidecarStore::Write(const base::Bytes& value, const base::ChangeGuard& guard) {
  // Forced or not: what is too large for a signature, or no file, stays, and so does a program.
  JET_ASSIGN_OR_RETURN(const absl::optional<base::Bytes> present, ReadSidecar(name_));
  if (present.has_value() && IsProgram(*present)) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", FileName(name_), "' is a program and is not replaced by a signature: ",
                     "--detached=SUFFIX chooses other names"));
  }
  JET_ASSIGN_OR_RETURN(base::StagedFile file,
                       base::StagedFile::WritePublicAt(name_.folder_fd, FileName(name_), value));
  JET_RETURN_IF_ERROR(guard.Check());
  return file.Replace();
}

}  // namespace jet::sign

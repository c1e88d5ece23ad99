#include "base/file_copy.h"

#include <attr/error_context.h>
#include <attr/libattr.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/bytes.h"
#include "base/file_status.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/xattr.h"

namespace jet::base {
namespace {

constexpr size_t kBuffer = 1 << 20;
constexpr mode_t kPermissions = 07777;
constexpr mode_t kSetIdBits = S_ISUID | S_ISGID;
constexpr char kSecurityEvm[] = "security.evm";
constexpr char kAccessAcl[] = "system.posix_acl_access";
constexpr char kDefaultAcl[] = "system.posix_acl_default";

// A piece of a file, and where its copy goes.
struct Piece {
  int from;
  int to;
  off_t begin;
  off_t end;
};

absl::Status CannotCopy(int error_number, absl::string_view name) {
  return SystemError(error_number, absl::StrCat("cannot copy '", name, "'"));
}

absl::Status Shorter(absl::string_view name) {
  return absl::AbortedError(absl::StrCat("'", name, "' became shorter while it was copied"));
}

// What copy_file_range(2) answers where the two files cannot be copied by the kernel.
bool MeansByHand(int error_number) {
  return error_number == EXDEV || error_number == EINVAL || error_number == ENOSYS ||
         error_number == EOPNOTSUPP || error_number == EPERM;
}

absl::Status CopyByHand(Piece piece, absl::string_view name) {
  Bytes buffer(kBuffer);
  while (piece.begin < piece.end) {
    const size_t wanted = std::min(buffer.size(), static_cast<size_t>(piece.end - piece.begin));
    const ssize_t count = pread(piece.from, buffer.data(), wanted, piece.begin);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return CannotCopy(errno, name);
    if (count == 0) return Shorter(name);
    for (ssize_t done = 0; done < count;) {
      const ssize_t written = pwrite(piece.to, buffer.data() + done,
                                     static_cast<size_t>(count - done), piece.begin + done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return CannotCopy(errno, name);
      done += written;
    }
    piece.begin += count;
  }
  return absl::OkStatus();
}

absl::Status CopyPiece(Piece piece, absl::string_view name) {
  while (piece.begin < piece.end) {
    off_t from = piece.begin;
    off_t to = piece.begin;
    const ssize_t count = copy_file_range(piece.from, &from, piece.to, &to,
                                          static_cast<size_t>(piece.end - piece.begin), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && MeansByHand(errno)) return CopyByHand(piece, name);
    if (count < 0) return CannotCopy(errno, name);
    // Some file systems say so of files that have content; reading tells.
    if (count == 0) return CopyByHand(piece, name);
    piece.begin += count;
  }
  return absl::OkStatus();
}

void Note(std::vector<std::string>& losses, absl::string_view what, int error_number) {
  losses.push_back(absl::StrCat(what, ": ", std::strerror(error_number)));
}

// Collects what libattr says it could not copy.
struct LossContext : error_context {
  std::vector<std::string>* losses = nullptr;
};

// NOLINTNEXTLINE(cert-dcl50-cpp): the type that libattr calls
void OnAttributeError(error_context* context, const char* format, ...) {
  const int error_number = errno;
  std::array<char, 512> text = {};
  va_list arguments;
  va_start(arguments, format);
  (void)std::vsnprintf(text.data(), text.size(), format, arguments);
  va_end(arguments);
  Note(*static_cast<LossContext*>(context)->losses, text.data(), error_number);
}

// Not the default of libattr, which drops ACLs and copies signatures.
bool BelongsToOneFile(absl::string_view name) {
  return name == kSecurityIma || name == kSecurityEvm;
}

int IsToBeCopied(const char* name, error_context* /*context*/) {
  return BelongsToOneFile(name) ? 0 : 1;
}

void CopyXattrs(int from, int to, std::vector<std::string>& losses) {
  LossContext context;
  context.error = OnAttributeError;
  context.quote = nullptr;
  context.quote_free = nullptr;
  context.losses = &losses;
  const size_t before = losses.size();
  if (attr_copy_fd("the source", from, "the copy", to, IsToBeCopied, &context) != 0 &&
      losses.size() == before) {
    Note(losses, "extended attributes", errno);
  }
}

// Returns the bits of the mode that the copy may have.
mode_t CopyOwner(const struct stat& status, int to, std::vector<std::string>& losses) {
  const mode_t mode = status.st_mode & kPermissions;
  if (fchown(to, status.st_uid, status.st_gid) == 0) return mode;
  Note(losses, absl::StrCat("owner ", status.st_uid, ":", status.st_gid), errno);
  // At least the group, as cp does.
  (void)!fchown(to, static_cast<uid_t>(-1), status.st_gid);
  if ((mode & kSetIdBits) != 0) losses.emplace_back("the set-ID bits: without the owner");
  return mode & ~kSetIdBits;
}

// Where fchmod(2) may not set the set-group-ID bit it leaves it out and says nothing.
void CheckMode(int to, mode_t mode, std::vector<std::string>& losses) {
  struct stat status = {};
  if (fstat(to, &status) != 0 || (status.st_mode & kPermissions) == mode) return;
  losses.push_back(absl::StrFormat("mode %o: it became %o", mode, status.st_mode & kPermissions));
}

bool HasSameXattrs(int from, int copy) {
  const absl::StatusOr<std::vector<std::string>> names = ListXattrs(from);
  const absl::StatusOr<std::vector<std::string>> copied = ListXattrs(copy);
  if (!names.ok() || !copied.ok()) return false;
  const auto count = [](const std::vector<std::string>& list) {
    return std::count_if(list.begin(), list.end(),
                         [](const std::string& name) { return !BelongsToOneFile(name); });
  };
  if (count(*names) != count(*copied)) return false;
  return std::all_of(names->begin(), names->end(), [from, copy](const std::string& name) {
    if (BelongsToOneFile(name)) return true;
    const absl::StatusOr<absl::optional<Bytes>> value = GetXattr(from, name.c_str());
    const absl::StatusOr<absl::optional<Bytes>> same = GetXattr(copy, name.c_str());
    return value.ok() && same.ok() && value->has_value() && *value == *same;
  });
}

}  // namespace

absl::Status CopyData(int from, int to, uint64_t size, absl::string_view name) {
  const auto end = static_cast<off_t>(size);
  off_t begin = 0;
  while (begin < end) {
    const off_t data = lseek(from, begin, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // nothing but a hole
    off_t hole = end;
    if (data >= 0) {
      begin = std::min(data, end);
      hole = lseek(from, begin, SEEK_HOLE);
    }
    // Where holes are not told of, all is data.
    const Piece piece = {from, to, begin, hole < 0 ? end : std::min(hole, end)};
    JET_RETURN_IF_ERROR(CopyPiece(piece, name));
    begin = std::max(piece.end, begin + 1);
  }
  struct stat status = {};
  if (fstat(from, &status) != 0) return CannotCopy(errno, name);
  if (static_cast<uint64_t>(status.st_size) < size) return Shorter(name);
  // A hole at the end.
  if (ftruncate(to, end) != 0) return CannotCopy(errno, name);
  return absl::OkStatus();
}

std::vector<std::string> CopyAttributes(int from, const struct stat& status, int to) {
  std::vector<std::string> losses;
  const mode_t mode = CopyOwner(status, to, losses);
  // The one that the new file has from its folder.
  (void)RemoveXattr(to, kAccessAcl);
  if (S_ISDIR(status.st_mode)) (void)RemoveXattr(to, kDefaultAcl);
  if (fchmod(to, mode) != 0) Note(losses, "mode", errno);
  CopyXattrs(from, to, losses);
  CheckMode(to, mode, losses);
  const timespec times[] = {status.st_atim, status.st_mtim};
  if (futimens(to, times) != 0) Note(losses, "times", errno);
  return losses;
}

bool HasSameAttributes(int from, int copy) {
  struct stat a = {};
  struct stat b = {};
  if (fstat(from, &a) != 0 || fstat(copy, &b) != 0) return false;
  return a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid &&
         a.st_size == b.st_size && IsSameTime(a.st_mtim, b.st_mtim) && HasSameXattrs(from, copy);
}

}  // namespace jet::base

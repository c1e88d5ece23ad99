#include "jet-cert-request/certs_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/file_status.h"
#include "base/staged_file.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::cert_request {
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr absl::Duration kLockPoll = absl::Milliseconds(100);

absl::StatusOr<base::UniqueFd> OpenFolder(const std::string& path) {
  absl::StatusOr<base::UniqueFd> fd = base::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!absl::IsNotFound(fd.status())) return fd;
  return absl::NotFoundError(
      absl::StrCat("there is no certs folder '", path, "': nothing was requested there yet"));
}

// The name that `file` belongs to, if it is one of ours.
absl::optional<CertificateName> NameOf(absl::string_view file) {
  for (const char* ending : {kKeyEnding, kRequestEnding, kChainEnding, kCertificateEnding}) {
    absl::string_view stem = file;
    if (!absl::ConsumeSuffix(&stem, ending)) continue;
    absl::StatusOr<CertificateName> name = ParseCertificateName(stem);
    if (name.ok()) return *std::move(name);
  }
  return absl::nullopt;
}

bool ComesBefore(const CertificateName& a, const CertificateName& b) {
  return std::tie(a.provider_prefix, a.user_string, a.deployment_scope, a.index) <
         std::tie(b.provider_prefix, b.user_string, b.deployment_scope, b.index);
}

bool OthersMayChange(const struct stat& folder) {
  const bool others_may_write = (folder.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  return others_may_write && (folder.st_mode & S_ISVTX) == 0;
}

// True for the temporary name of a key or request (base::StagedFile).
bool IsLeftOver(absl::string_view file) {
  const absl::string_view target = base::TargetOfTemporaryName(file);
  return absl::EndsWith(target, kKeyEnding) || absl::EndsWith(target, kRequestEnding);
}

bool IsNewer(const struct stat& a, const struct stat& b) {
  return std::tie(a.st_mtim.tv_sec, a.st_mtim.tv_nsec) >
         std::tie(b.st_mtim.tv_sec, b.st_mtim.tv_nsec);
}

}  // namespace

CertsFolder::CertsFolder(std::string path, base::UniqueFd fd)
    : path_(std::move(path)), fd_(std::move(fd)) {}

absl::StatusOr<CertsFolder> CertsFolder::Open(const std::string& path, FolderAccess access,
                                              absl::Duration patience) {
  if (path.empty()) return absl::InvalidArgumentError("the name of the certs folder is empty");
  const std::string clean_path = base::WithoutTrailingSlashes(path);
  if (access == FolderAccess::kWrite) {
    JET_RETURN_IF_ERROR(base::MakeFolder(clean_path, kFolderMode));
  }
  JET_ASSIGN_OR_RETURN(base::UniqueFd fd, OpenFolder(clean_path));
  CertsFolder folder(clean_path, std::move(fd));
  if (access == FolderAccess::kWrite) {
    JET_RETURN_IF_ERROR(folder.CheckOwnership());
    JET_RETURN_IF_ERROR(folder.Lock(patience));
  }
  return folder;
}

absl::Status CertsFolder::CheckOwnership() const {
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd_.get(), path_));
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certs folder '", path_, "' belongs to user id ", status.st_uid,
                     ", who could exchange what is in it; run as that user, or take it over with "
                     "chown"));
  }
  if (!OthersMayChange(status)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "others may exchange what is in the certs folder '%s' (mode %04o); take that away with "
      "chmod go-w",
      path_, status.st_mode & 07777U));
}

absl::Status CertsFolder::Lock(absl::Duration patience) const {
  const absl::Time end = absl::Now() + patience;
  while (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) {
      return base::SystemError(errno, absl::StrCat("cannot lock the certs folder '", path_, "'"));
    }
    if (absl::Now() >= end) {
      return absl::UnavailableError(
          absl::StrCat("another process holds the certs folder '", path_, "'"));
    }
    absl::SleepFor(kLockPoll);
  }
  JET_ASSIGN_OR_RETURN(const struct stat own, base::StatDescriptor(fd_.get(), path_));
  struct stat found = {};
  if (stat(path_.c_str(), &found) == 0 && base::IsSameFile(found, own)) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(
      "the certs folder '", path_, "' was moved away while another process held it; try again"));
}

std::string CertsFolder::KeyPath(const CertificateName& name) const {
  return absl::StrCat(path_, "/", name.Text(), kKeyEnding);
}

std::string CertsFolder::RequestPath(const CertificateName& name) const {
  return absl::StrCat(path_, "/", name.Text(), kRequestEnding);
}

std::string CertsFolder::CertificatePath(const CertificateName& name) const {
  return absl::StrCat(path_, "/", name.Text(), kCertificateEnding);
}

std::string CertsFolder::ChainPath(const CertificateName& name) const {
  return absl::StrCat(path_, "/", name.Text(), kChainEnding);
}

absl::StatusOr<std::vector<CertificateName>> CertsFolder::Names() const {
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> files, base::ListFolder(fd_.get(), path_));
  std::vector<CertificateName> names;
  for (const std::string& file : files) {
    absl::optional<CertificateName> name = NameOf(file);
    if (name.has_value()) names.push_back(*std::move(name));
  }
  std::sort(names.begin(), names.end(), ComesBefore);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

absl::StatusOr<uint64_t> CertsFolder::NextIndex(const CertificateName& name) const {
  JET_ASSIGN_OR_RETURN(const std::vector<CertificateName> names, Names());
  uint64_t highest = 0;
  for (const CertificateName& other : names) {
    if (name.IsSameButIndex(other)) highest = std::max(highest, other.index);
  }
  if (highest < std::numeric_limits<uint64_t>::max()) return highest + 1;
  return absl::OutOfRangeError(absl::StrCat("the certs folder '", path_,
                                            "' has a file with the index ", highest,
                                            ", and there is none after it"));
}

absl::StatusOr<std::vector<std::string>> CertsFolder::Problems() const {
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd_.get(), path_));
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> files, base::ListFolder(fd_.get(), path_));
  std::vector<std::string> problems;
  if (OthersMayChange(status)) {
    problems.push_back(absl::StrFormat(
        "the folder '%s' is open to changes by others (mode %04o); take that away with chmod go-w",
        path_, status.st_mode & 07777U));
  }
  for (const std::string& file : files) {
    if (!IsLeftOver(file)) continue;
    problems.push_back(absl::StrCat("'", path_, "/", file,
                                    "' was left by a process that was killed and may hold a "
                                    "private key; remove it, unless one is at work now"));
  }
  return problems;
}

absl::StatusOr<NamedFiles> CertsFolder::Look(const CertificateName& name) const {
  return LookAtFiles(fd_.get(), path_, name);
}

absl::StatusOr<absl::optional<pki::CertificateRequest>> CertsFolder::LatestRequest() const {
  JET_ASSIGN_OR_RETURN(const std::vector<CertificateName> names, Names());
  absl::optional<pki::CertificateRequest> latest;
  struct stat latest_status = {};
  for (const CertificateName& name : names) {
    const std::string path = RequestPath(name);
    struct stat status = {};
    if (stat(path.c_str(), &status) != 0) continue;
    if (latest.has_value() && IsNewer(latest_status, status)) continue;
    absl::StatusOr<pki::CertificateRequest> request = pki::CertificateRequest::ReadFile(path);
    if (!request.ok()) continue;
    latest = *std::move(request);
    latest_status = status;
  }
  return latest;
}

}  // namespace jet::cert_request

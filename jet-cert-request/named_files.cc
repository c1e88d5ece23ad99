#include "jet-cert-request/named_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/unique_fd.h"
#include "crypto/secret.h"
#include "pki/certificate_bundle.h"

namespace jet::cert_request {
namespace {

constexpr size_t kMaxKeyFile = 64 * 1024;
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
constexpr mode_t kOthersAnything = S_IRWXG | S_IRWXO;

// An open regular file.
struct OpenFile {
  base::UniqueFd fd;
  mode_t mode = 0;  // permission bits
  uid_t owner = 0;
};

absl::StatusOr<OpenFile> OpenRegular(int folder_fd, const std::string& name,
                                     const std::string& path) {
  absl::StatusOr<base::UniqueFd> fd = base::OpenAt(folder_fd, name, O_RDONLY);
  if (!fd.ok()) {
    return base::SystemError(base::ErrnoOf(fd.status()), absl::StrCat("cannot open '", path, "'"));
  }
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd->get(), path));
  if (S_ISREG(status.st_mode)) {
    return OpenFile{*std::move(fd), status.st_mode & 07777U, status.st_uid};
  }
  return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not a regular file"));
}

absl::StatusOr<crypto::PrivateKey> DecodeKey(const OpenFile& file, const std::string& path,
                                             crypto::PassphraseSource passphrase) {
  JET_ASSIGN_OR_RETURN(const crypto::Secret encoded,
                       crypto::ReadSecret(file.fd.get(), kMaxKeyFile, path));
  absl::StatusOr<crypto::PrivateKey> key = crypto::PrivateKey::Decode(encoded, passphrase);
  if (!key.ok()) return base::Annotate(key.status(), absl::StrCat("'", path, "'"));
  return key;
}

// One look at the files of one name.
class Look {
 public:
  Look(int folder_fd, const std::string& folder_path, const CertificateName& name)
      : folder_fd_(folder_fd), folder_path_(folder_path) {
    files_.name = name;
  }

  NamedFiles Run() && {
    LookAtKey();
    LookAtRequest();
    files_.certificate_is_there = IsThere(kCertificateEnding);
    files_.certificate = Read(kCertificateEnding, &pki::Certificate::Decode);
    (void)Read(kChainEnding, &pki::DecodeCertificates);
    CompareKeys();
    CompareNames();
    return std::move(files_);
  }

 private:
  std::string FileName(const char* ending) const {
    return absl::StrCat(files_.name.Text(), ending);
  }
  std::string Path(const char* ending) const {
    return absl::StrCat(folder_path_, "/", FileName(ending));
  }
  bool IsThere(const char* ending) const {
    struct stat status = {};
    return fstatat(folder_fd_, FileName(ending).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  }
  void AddProblem(std::string problem) { files_.problems.push_back(std::move(problem)); }
  void AddProblem(const absl::Status& status) { AddProblem(std::string(status.message())); }

  // Returns nullopt when there is no such file, and also, with a problem, when it cannot be opened.
  absl::optional<OpenFile> Open(const char* ending);
  void CheckMode(const OpenFile& file, const char* ending, mode_t unwanted);

  void CheckKeyOwner();

  void LookAtKey();
  // A key that may not be read is here all the same.
  void LookAtClosedKey();
  void LookAtRequest();
  // Returns nullopt when there is no such file, and also, with a problem, when it is not readable.
  template <typename T>
  absl::optional<T> Read(const char* ending, absl::StatusOr<T> (*decode)(base::ByteSpan));

  void CompareKeys();
  void CompareNames();

  int folder_fd_;
  std::string folder_path_;
  NamedFiles files_;
};

absl::optional<OpenFile> Look::Open(const char* ending) {
  absl::StatusOr<OpenFile> file = OpenRegular(folder_fd_, FileName(ending), Path(ending));
  if (file.ok()) return *std::move(file);
  if (!absl::IsNotFound(file.status())) {
    AddProblem(file.status());
  } else if (IsThere(ending)) {
    AddProblem(absl::StrCat("'", Path(ending), "' is a link to nowhere"));
  }
  return absl::nullopt;
}

void Look::CheckMode(const OpenFile& file, const char* ending, mode_t unwanted) {
  if ((file.mode & unwanted) == 0) return;
  const bool secret = unwanted == kOthersAnything;
  AddProblem(absl::StrFormat(
      "'%s' is open to %s by others (mode %04o); take that away with chmod %s", Path(ending),
      secret ? "use" : "changes", file.mode, secret ? "go=" : "go-w"));
}

void Look::CheckKeyOwner() {
  const uid_t owner = files_.key->owner;
  if (owner == 0 || owner == geteuid()) return;
  AddProblem(
      absl::StrCat("'", Path(kKeyEnding), "' belongs to user id ", owner, ", who can use the key"));
}

void Look::LookAtKey() {
  const absl::optional<OpenFile> file = Open(kKeyEnding);
  if (!file.has_value()) return LookAtClosedKey();
  KeyFile& found = files_.key.emplace();
  found.mode = file->mode;
  found.owner = file->owner;
  CheckKeyOwner();
  CheckMode(*file, kKeyEnding, kOthersAnything);
  const auto no_passphrase = [&found]() -> absl::StatusOr<crypto::Secret> {
    found.encrypted = true;
    return absl::CancelledError("the key is encrypted");
  };
  const absl::StatusOr<crypto::PrivateKey> key = DecodeKey(*file, Path(kKeyEnding), no_passphrase);
  if (key.ok()) {
    found.public_key = key->public_key();
  } else if (!found.encrypted) {
    AddProblem(key.status());
    // Of an encryption that cannot be opened the passphrase was not asked for.
    found.encrypted = absl::IsUnimplemented(key.status());
  }
}

void Look::LookAtClosedKey() {
  struct stat status = {};
  if (fstatat(folder_fd_, FileName(kKeyEnding).c_str(), &status, 0) != 0) return;
  if (!S_ISREG(status.st_mode)) return;
  KeyFile& found = files_.key.emplace();
  found.mode = status.st_mode & 07777U;
  found.owner = status.st_uid;
  CheckKeyOwner();
}

template <typename T>
absl::optional<T> Look::Read(const char* ending, absl::StatusOr<T> (*decode)(base::ByteSpan)) {
  const absl::optional<OpenFile> file = Open(ending);
  if (!file.has_value()) return absl::nullopt;
  CheckMode(*file, ending, kOthersWrite);
  const absl::StatusOr<base::Bytes> content =
      base::ReadBounded(file->fd.get(), pki::kMaxCertificateFile, Path(ending));
  if (!content.ok()) {
    AddProblem(content.status());
    return absl::nullopt;
  }
  absl::StatusOr<T> decoded = decode(*content);
  if (decoded.ok()) return *std::move(decoded);
  AddProblem(base::Annotate(decoded.status(), absl::StrCat("'", Path(ending), "'")));
  return absl::nullopt;
}

void Look::LookAtRequest() {
  files_.request_is_there = IsThere(kRequestEnding);
  files_.request = Read(kRequestEnding, &pki::CertificateRequest::Decode);
  if (files_.request.has_value() || !files_.key.has_value()) return;
  AddProblem(absl::StrCat("'", Path(kKeyEnding), "' has no request '", Path(kRequestEnding),
                          "' beside it that can be read"));
}

void Look::CompareKeys() {
  const auto& request = files_.request;
  const auto& certificate = files_.certificate;
  const crypto::PublicKey* key = nullptr;
  if (files_.key.has_value() && files_.key->public_key.has_value()) key = &*files_.key->public_key;
  const auto other_key = [this](const char* one, const char* other) {
    AddProblem(absl::StrCat("'", Path(one), "' is not for the key of '", Path(other), "'"));
  };
  if (key != nullptr && request.has_value() && !(request->public_key() == *key)) {
    other_key(kRequestEnding, kKeyEnding);
  }
  if (key != nullptr && certificate.has_value() && !(certificate->public_key() == *key)) {
    other_key(kCertificateEnding, kKeyEnding);
  }
  if (request.has_value() && certificate.has_value() &&
      !(certificate->public_key() == request->public_key())) {
    other_key(kCertificateEnding, kRequestEnding);
  }
}

void Look::CompareNames() {
  const auto compare = [this](const std::string& common_name, const char* ending) {
    if (common_name == files_.name.Text()) return;
    AddProblem(absl::StrCat("'", Path(ending), "' has the common name '", common_name, "'"));
  };
  if (files_.request.has_value()) compare(files_.request->common_name(), kRequestEnding);
  if (files_.certificate.has_value()) {
    compare(files_.certificate->common_name(), kCertificateEnding);
  }
}

}  // namespace

NamedFiles LookAtFiles(int folder_fd, const std::string& folder_path, const CertificateName& name) {
  return Look(folder_fd, folder_path, name).Run();
}

absl::StatusOr<crypto::PrivateKey> ReadPrivateKeyFile(const std::string& path,
                                                      crypto::PassphraseSource passphrase) {
  JET_ASSIGN_OR_RETURN(const OpenFile file, OpenRegular(AT_FDCWD, path, path));
  return DecodeKey(file, path, passphrase);
}

}  // namespace jet::cert_request

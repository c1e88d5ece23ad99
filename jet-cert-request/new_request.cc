#include "jet-cert-request/new_request.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/file_status.h"
#include "base/staged_file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "crypto/private_key.h"
#include "crypto/signer.h"

namespace jet::cert_request {
namespace {

constexpr mode_t kKeyMode = 0600;
constexpr mode_t kRequestMode = 0644;
constexpr char kDefaultKeyType[] = "rsa:2048";  // what the CA's own script makes

// What is to be published, and the request in it.
struct Staged {
  std::vector<base::StagedFile> files;
  pki::CertificateRequest request;
};

absl::Status CheckWanted(const NewRequest& wanted) {
  JET_RETURN_IF_ERROR(CheckCertificateName(wanted.name));
  JET_RETURN_IF_ERROR(pki::CheckSubject(wanted.subject));
  JET_RETURN_IF_ERROR(crypto::CheckMaySign(wanted.key_type));
  if (wanted.passphrase != nullptr && wanted.passphrase->empty()) {
    return absl::InvalidArgumentError("the passphrase for the new key is empty");
  }
  if (wanted.subject.common_name == wanted.name.Text()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the subject's common name '",
                                                 wanted.subject.common_name, "' is not the name '",
                                                 wanted.name.Text(), "'"));
}

// The folder of the file `path`.
std::string ParentOf(const std::string& path) {
  const std::filesystem::path split(path);
  return split.has_parent_path() ? split.parent_path().string() : ".";
}

// True when `path` is a file in `folder`, whatever way it is written.
bool IsIn(const CertsFolder& folder, const std::string& path) {
  return base::IsSameFile(folder.path(), ParentOf(path));
}

std::string KeyPathOf(const CertsFolder& folder, const NewRequest& wanted) {
  return wanted.key_out.empty() ? folder.KeyPath(wanted.name) : wanted.key_out;
}

// Stages both files empty and drops them: whatever stands in the way is said before the key is
// made, which takes its time.
absl::Status TryPlaces(const std::string& key_path, const std::string& request_path) {
  JET_RETURN_IF_ERROR(base::StagedFile::Write(key_path, kKeyMode, {}).status());
  return base::StagedFile::Write(request_path, kRequestMode, {}).status();
}

absl::StatusOr<base::StagedFile> StageKey(const crypto::PrivateKey& key, const std::string& path,
                                          const crypto::Secret* passphrase) {
  if (passphrase == nullptr) {
    JET_ASSIGN_OR_RETURN(const crypto::Secret pem, key.UnencryptedPem());
    return base::StagedFile::Write(path, kKeyMode, pem.Expose());
  }
  JET_ASSIGN_OR_RETURN(const base::Bytes pem,
                       key.EncryptedPem(*passphrase, crypto::kPassphraseIterations));
  return base::StagedFile::Write(path, kKeyMode, pem);
}

// Makes the key and its request. The key has left this process's memory when this returns: the
// child that publishes the files has no copy of it.
absl::StatusOr<Staged> Stage(const NewRequest& wanted, const std::string& key_path,
                             const std::string& request_path) {
  JET_ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::Generate(wanted.key_type));
  JET_ASSIGN_OR_RETURN(base::StagedFile key_file, StageKey(key, key_path, wanted.passphrase));
  JET_ASSIGN_OR_RETURN(const std::unique_ptr<crypto::Signer> signer,
                       crypto::MakeSigner(std::move(key)));
  JET_ASSIGN_OR_RETURN(pki::CertificateRequest request, pki::MakeRequest(*signer, wanted.subject));
  JET_ASSIGN_OR_RETURN(
      base::StagedFile request_file,
      base::StagedFile::Write(request_path, kRequestMode, base::AsBytes(request.Pem())));
  std::vector<base::StagedFile> files;
  files.push_back(std::move(key_file));
  files.push_back(std::move(request_file));
  return Staged{std::move(files), std::move(request)};
}

absl::Status CannotRenew(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(
      "the request '", path, "' cannot be renewed: ", why, "; make a new request instead"));
}

absl::StatusOr<CertificateName> NextGeneration(const CertificateName& name,
                                               const std::string& path) {
  if (name.index == std::numeric_limits<uint64_t>::max()) {
    return CannotRenew(path, absl::StrCat("there is no index after ", name.index));
  }
  CertificateName next = name;
  ++next.index;
  const absl::Status checked = CheckCertificateName(next);
  if (!checked.ok()) return CannotRenew(path, checked.message());
  return next;
}

// A next generation that is requested already is the one to renew.
absl::Status CheckIsLatest(const CertsFolder& folder, const CertificateName& next) {
  struct stat status = {};
  if (lstat(folder.RequestPath(next).c_str(), &status) != 0) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat("'", next.Text(), "' exists already: renew that"));
}

absl::StatusOr<crypto::KeyType> KeyTypeAfter(const crypto::KeyType& type) {
  if (crypto::CheckMaySign(type).ok()) return type;
  return crypto::ParseSigningKeyType(kDefaultKeyType);
}

}  // namespace

absl::Status CheckNameIsFree(const CertsFolder& folder, const CertificateName& name,
                             const std::string& key_out) {
  for (const std::string& path : {folder.KeyPath(name), folder.RequestPath(name),
                                  folder.CertificatePath(name), folder.ChainPath(name)}) {
    JET_RETURN_IF_ERROR(base::CheckNameIsFree(path, "take another index, or move it away"));
  }
  if (key_out.empty()) return absl::OkStatus();
  if (IsIn(folder, key_out)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", key_out, "' is in the certs folder; name a file elsewhere for the key"));
  }
  return CheckKeyOut(key_out);
}

absl::Status CheckKeyOut(const std::string& key_out) {
  const std::string parent = ParentOf(key_out);
  struct stat status = {};
  int error_number = stat(parent.c_str(), &status) == 0 ? 0 : errno;
  if (error_number == 0 && !S_ISDIR(status.st_mode)) error_number = ENOTDIR;
  if (error_number != 0) {
    return base::SystemError(error_number,
                             absl::StrCat("cannot create '", key_out, "' in '", parent, "'"));
  }
  return base::CheckNameIsFree(key_out, "name another file for the key, or move it away");
}

absl::StatusOr<RequestFiles> MakeRequestFiles(const CertsFolder& folder, const NewRequest& wanted) {
  JET_RETURN_IF_ERROR(CheckWanted(wanted));
  JET_RETURN_IF_ERROR(CheckNameIsFree(folder, wanted.name, wanted.key_out));
  const std::string key_path = KeyPathOf(folder, wanted);
  const std::string request_path = folder.RequestPath(wanted.name);
  JET_RETURN_IF_ERROR(TryPlaces(key_path, request_path));
  JET_ASSIGN_OR_RETURN(Staged staged, Stage(wanted, key_path, request_path));
  JET_RETURN_IF_ERROR(base::PublishTogether(staged.files));
  return RequestFiles{key_path, request_path, std::move(staged.request)};
}

absl::StatusOr<NewRequest> RenewalOf(const CertsFolder& folder, const CertificateName& name) {
  const std::string path = folder.RequestPath(name);
  const absl::StatusOr<pki::CertificateRequest> request = pki::CertificateRequest::ReadFile(path);
  if (absl::IsNotFound(request.status())) {
    return absl::NotFoundError(absl::StrCat("there is no request '", path,
                                            "' to renew; put it back, or make a new request"));
  }
  JET_RETURN_IF_ERROR(request.status());
  if (request->common_name() != name.Text()) {
    return CannotRenew(path, absl::StrCat("its common name is '", request->common_name(), "'"));
  }
  const absl::StatusOr<pki::Subject> subject = request->GetSubject();
  if (!subject.ok()) return CannotRenew(path, subject.status().message());
  NewRequest renewal;
  renewal.subject = *subject;
  JET_ASSIGN_OR_RETURN(renewal.name, NextGeneration(name, path));
  JET_RETURN_IF_ERROR(CheckIsLatest(folder, renewal.name));
  renewal.subject.common_name = renewal.name.Text();
  const absl::Status checked = pki::CheckSubject(renewal.subject);
  if (!checked.ok()) return CannotRenew(path, checked.message());
  JET_ASSIGN_OR_RETURN(renewal.key_type, KeyTypeAfter(request->public_key().type()));
  return renewal;
}

}  // namespace jet::cert_request

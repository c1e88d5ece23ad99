// The folder of keys, requests and certificates: NAME_key.pem, NAME_req.pem, NAME.pem and
// NAME_chain.pem.
#ifndef JET_JET_CERT_REQUEST_CERTS_FOLDER_H_
#define JET_JET_CERT_REQUEST_CERTS_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/unique_fd.h"
#include "jet-cert-request/certificate_name.h"
#include "jet-cert-request/named_files.h"
#include "pki/request.h"

namespace jet::cert_request {

enum class FolderAccess {
  kRead,   // the folder must be there
  kWrite,  // it is made (0700, its parents 0755) where it is missing, and locked until the end
};

// How long a writer waits for another.
inline constexpr absl::Duration kLockPatience = absl::Seconds(30);

// An open certs folder. Move only.
class CertsFolder {
 public:
  // NOT_FOUND when it is missing and only to be read. ABORTED when another folder was put in its
  // place while this process waited for the lock. kWrite refuses with FAILED_PRECONDITION a
  // folder that belongs to neither the caller nor root, or that others may write to, unless it is
  // sticky: who can exchange a request gets a certificate for a key of theirs. UNAVAILABLE when
  // another process holds the folder for all of `patience`.
  static absl::StatusOr<CertsFolder> Open(const std::string& path, FolderAccess access,
                                          absl::Duration patience = kLockPatience);

  const std::string& path() const { return path_; }

  std::string KeyPath(const CertificateName& name) const;          // NAME_key.pem
  std::string RequestPath(const CertificateName& name) const;      // NAME_req.pem
  std::string CertificatePath(const CertificateName& name) const;  // NAME.pem
  std::string ChainPath(const CertificateName& name) const;        // NAME_chain.pem

  // Every name of which there is a file, ordered by prefix, user string, scope and number. Other
  // files are passed over.
  absl::StatusOr<std::vector<CertificateName>> Names() const;

  // One higher than the highest index of the names that differ from `name` in nothing but the
  // index; 1 when there is none.
  absl::StatusOr<uint64_t> NextIndex(const CertificateName& name) const;

  // Looks at the files of `name`.
  absl::StatusOr<NamedFiles> Look(const CertificateName& name) const;

  // What is wrong with the folder as a whole, in words: others may write to it (and it is not
  // sticky), or a process that was killed left a part of a key or request behind.
  absl::StatusOr<std::vector<std::string>> Problems() const;

  // The request that was written last; nullopt when there is none that can be read.
  absl::StatusOr<absl::optional<pki::CertificateRequest>> LatestRequest() const;

 private:
  CertsFolder(std::string path, base::UniqueFd fd);

  absl::Status CheckOwnership() const;
  absl::Status Lock(absl::Duration patience) const;

  std::string path_;
  base::UniqueFd fd_;
};

}  // namespace jet::cert_request

#endif  // JET_JET_CERT_REQUEST_CERTS_FOLDER_H_

#include "jet-cert-request/installation.h"

#include <sys/types.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/staged_file.h"
#include "base/status_macros.h"
#include "pki/certificate_bundle.h"

namespace jet::cert_request {
namespace {

using Certificates = std::vector<pki::Certificate>;

constexpr mode_t kCertificateMode = 0644;

// Where a certificate file stands before it is installed.
enum class Place { kFree, kHoldsTheSame };

// Looks for `certificates`, in any format, in the file `path`.
absl::StatusOr<Place> LookAtPlace(const std::string& path, const Certificates& certificates) {
  const absl::StatusOr<base::Bytes> content = base::ReadFile(path, pki::kMaxCertificateFile);
  if (absl::IsNotFound(content.status())) return Place::kFree;
  const absl::StatusOr<Certificates> present =
      content.ok() ? pki::DecodeCertificates(*content) : content.status();
  const auto same = [](const pki::Certificate& a, const pki::Certificate& b) {
    return a.der() == b.der();
  };
  if (present.ok() && std::equal(present->begin(), present->end(), certificates.begin(),
                                 certificates.end(), same)) {
    return Place::kHoldsTheSame;
  }
  return absl::AlreadyExistsError(
      absl::StrCat("'", path, "' exists already and holds something else; move it away first"));
}

// Adds `certificates` to what is to be published as `path`, unless they are there.
absl::Status Stage(const std::string& path, const Certificates& certificates,
                   std::vector<base::StagedFile>& files) {
  JET_ASSIGN_OR_RETURN(const Place place, LookAtPlace(path, certificates));
  if (place == Place::kHoldsTheSame) return absl::OkStatus();
  std::string pem;
  for (const pki::Certificate& certificate : certificates) {
    absl::StrAppend(&pem, certificate.Pem());
  }
  JET_ASSIGN_OR_RETURN(base::StagedFile file,
                       base::StagedFile::Write(path, kCertificateMode, base::AsBytes(pem)));
  files.push_back(std::move(file));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Installed> InstallCertificate(const CertsFolder& folder, const Match& match) {
  Installed installed;
  std::vector<base::StagedFile> files;
  installed.certificate_path = folder.CertificatePath(match.name);
  JET_RETURN_IF_ERROR(Stage(installed.certificate_path, {match.certificate}, files));
  if (!match.chain.empty()) {
    installed.chain_path = folder.ChainPath(match.name);
    JET_RETURN_IF_ERROR(Stage(installed.chain_path, match.chain, files));
  }
  installed.already_there = files.empty();
  JET_RETURN_IF_ERROR(base::PublishTogether(files));
  return installed;
}

}  // namespace jet::cert_request

#include "cli/trust.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/file_status.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/keyring_option.h"
#include "cli/open_keystore.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

// True for what the names of certificates end in.
bool IsNamedAsCertificate(absl::string_view name) {
  for (const char* suffix : {".pem", ".der", ".crt", ".cer", ".x509"}) {
    if (absl::EndsWithIgnoreCase(name, suffix)) return true;
  }
  return false;
}

// True for PEM without a certificate: keys and requests lie beside certificates, under like names.
bool IsOtherPem(base::ByteSpan content) {
  const absl::string_view text = base::AsText(content);
  return absl::StrContains(text, "-----BEGIN ") &&
         !absl::StrContains(text, "-----BEGIN CERTIFICATE-----");
}

// The certificates in the folder `path`: of its regular files those that are named so, but for
// other PEM.
absl::StatusOr<std::vector<ima::NamedCertificate>> CertificatesInFolder(const std::string& path) {
  JET_ASSIGN_OR_RETURN(const base::UniqueFd folder,
                       base::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names, base::ListFolder(folder.get(), path));
  std::vector<ima::NamedCertificate> found;
  for (const std::string& name : names) {
    const std::string file = absl::StrCat(base::WithoutTrailingSlashes(path), "/", name);
    struct stat status = {};
    if (!IsNamedAsCertificate(name) || stat(file.c_str(), &status) != 0 ||
        !S_ISREG(status.st_mode)) {
      continue;
    }
    JET_ASSIGN_OR_RETURN(const base::Bytes content, base::ReadFile(file, pki::kMaxCertificateFile));
    if (IsOtherPem(content)) continue;
    absl::StatusOr<pki::Certificate> certificate = pki::Certificate::Decode(content);
    if (!certificate.ok()) {
      return base::Annotate(certificate.status(), absl::StrCat("'", file, "'"));
    }
    found.push_back({file, *std::move(certificate)});
  }
  if (found.empty()) {
    return absl::NotFoundError(absl::StrCat("there is no certificate in the folder '", path,
                                            "' (files named .pem, .der, .crt, .cer or .x509)"));
  }
  return found;
}

void WarnUnlessAuthenticated(Session& session, const keystore::StoredKey& key) {
  if (key.record_authenticated) return;
  session.output.Warning(absl::StrCat(
      "key '", key.name,
      "' is trusted unproven: without master.key nothing shows that its certificate is the one "
      "that was stored"));
}

// Returns the certificates of the named keys, of all keys where none is named. A keystore that
// nobody made yet holds none.
absl::StatusOr<std::vector<ima::NamedCertificate>> StoredCertificates(
    Session& session, const std::vector<std::string>& names) {
  std::vector<ima::NamedCertificate> certificates;
  const absl::StatusOr<keystore::Keystore> store = OpenKeystore(session, keystore::Access::kRead);
  if (absl::IsNotFound(store.status()) && names.empty()) return certificates;
  JET_RETURN_IF_ERROR(store.status());
  for (const std::string& name : names) {
    JET_ASSIGN_OR_RETURN(keystore::StoredKey key, store->Find(name));
    WarnUnlessAuthenticated(session, key);
    certificates.push_back({key.name, std::move(key.certificate)});
  }
  if (!names.empty()) return certificates;
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store->List());
  for (const keystore::StoredKey& key : listing.keys) {
    certificates.push_back({key.name, key.certificate});
    WarnUnlessAuthenticated(session, key);
  }
  for (const keystore::DamagedKey& damaged : listing.damaged) {
    session.output.Warning(absl::StrCat("key '", damaged.name,
                                        "' is damaged and not trusted: ", damaged.error.message()));
  }
  return certificates;
}

// The members of the ring are trusted. Their certificates come from `at_hand`; without one, a
// member is known by its identifier only.
absl::StatusOr<Trust> TrustOfKeyring(Session& session, const TrustOptions& options,
                                     const std::vector<ima::NamedCertificate>& at_hand) {
  JET_ASSIGN_OR_RETURN(const ima::ResolvedKeyring resolved,
                       FindKeyring(session, options.keyring, ima::MissingKeyring::kReport));
  if (!resolved.keyring.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat("no keyring to trust: ", resolved.why_none));
  }
  JET_ASSIGN_OR_RETURN(std::vector<ima::KeyringMember> members, resolved.keyring->List());
  std::vector<ima::NamedCertificate> certificates;
  std::vector<base::Bytes> without;
  for (const ima::KeyringMember& member : members) {
    if (!member.subject_key_identifier.has_value()) continue;
    bool at_hand_too = false;
    // Every certificate with this identifier, as an identifier does not prove which one it is.
    for (const ima::NamedCertificate& candidate : at_hand) {
      if (!ima::HoldsKeyOf({member}, candidate.certificate)) continue;
      certificates.push_back(candidate);
      at_hand_too = true;
    }
    if (!at_hand_too) without.push_back(*member.subject_key_identifier);
  }
  return Trust{appraise::TrustSet(std::move(certificates), std::move(without)), "keyring",
               VisibleKeyringMembers(session)};
}

}  // namespace

void DeclareTrust(OptionParser& parser, TrustOptions& options) {
  parser.Value("--key", options.keys, "NAME", "Trust this key of the keystore; may be repeated");
  parser.Value("--x509-cert", options.certificates, "FILE",
               "Trust the key of this certificate, DER or PEM, or of those in this folder; may be "
               "repeated");
  parser.Value("--keyring", options.keyring, "RING",
               "Trust the keys of this keyring whose certificates are at hand");
}

absl::StatusOr<std::vector<ima::NamedCertificate>> ReadCertificates(
    const std::vector<std::string>& paths) {
  std::vector<ima::NamedCertificate> certificates;
  for (const std::string& path : paths) {
    if (base::IsFolder(path)) {
      JET_ASSIGN_OR_RETURN(std::vector<ima::NamedCertificate> found, CertificatesInFolder(path));
      std::move(found.begin(), found.end(), std::back_inserter(certificates));
    } else {
      JET_ASSIGN_OR_RETURN(pki::Certificate certificate, pki::Certificate::ReadFile(path));
      certificates.push_back({path, std::move(certificate)});
    }
  }
  return certificates;
}

absl::StatusOr<Trust> OpenTrust(Session& session, const TrustOptions& options) {
  JET_RETURN_IF_ERROR(CheckKeyring(session, options.keyring));
  JET_ASSIGN_OR_RETURN(std::vector<ima::NamedCertificate> certificates,
                       ReadCertificates(options.certificates));
  const bool only_files = !options.certificates.empty() && options.keys.empty();
  if (!only_files || options.keyring.has_value()) {
    JET_ASSIGN_OR_RETURN(const std::vector<ima::NamedCertificate> stored,
                         StoredCertificates(session, options.keys));
    certificates.insert(certificates.end(), stored.begin(), stored.end());
  }
  if (certificates.empty()) {
    session.output.Warning(
        absl::StrCat("no certificate is at hand: the keystore '", session.keystore, "' has none"));
  }
  if (options.keyring.has_value()) return TrustOfKeyring(session, options, certificates);
  return Trust{appraise::TrustSet(std::move(certificates)),
               options.certificates.empty() ? "keystore" : "certificate",
               VisibleKeyringMembers(session)};
}

}  // namespace jet::cli

#include "jet-cert-request/certificate_match.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "crypto/private_key.h"
#include "pki/certificate_bundle.h"

namespace jet::cert_request {
namespace {

using Certificates = std::vector<pki::Certificate>;

absl::Status Refuse(const pki::Certificate& certificate, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("the certificate of '", certificate.subject(), "' is not installed: ", why));
}

std::string DateText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

// A name and a certificate that is for its key.
struct Candidate {
  NamedFiles files;
  pki::Certificate certificate;

  bool AgreesInName() const { return certificate.common_name() == files.name.Text(); }
};

// Finds what belongs together, and judges it.
class Matcher {
 public:
  Matcher(const CertsFolder& folder, const Certificates& certificates, const InstallRules& rules)
      : folder_(folder), certificates_(certificates), rules_(rules) {}

  absl::StatusOr<Match> Run();

 private:
  absl::Status LookAtNames();
  // Opens encrypted keys, as far as the passphrase does that: done only when no other file matches.
  void OpenEncryptedKeys();
  absl::optional<Candidate> FindBest() const;
  absl::Status NothingMatches() const;

  absl::StatusOr<MatchedBy> CheckKeyFile(Candidate& candidate);
  absl::Status CheckNames(const Candidate& candidate) const;
  absl::Status CheckCertificate(const pki::Certificate& certificate);
  absl::StatusOr<Certificates> FindChain(const pki::Certificate& certificate);
  void WarnOfChain(const Certificates& chain);
  void WarnOfOthers(const pki::Certificate& certificate, const Certificates& chain);

  absl::StatusOr<crypto::PublicKey> OpenKey(const CertificateName& name) const;

  const CertsFolder& folder_;
  const Certificates& certificates_;
  const InstallRules& rules_;
  std::vector<NamedFiles> names_;
  std::vector<std::string> warnings_;
};

bool HoldsKey(const NamedFiles& files, const crypto::PublicKey& key) {
  return (files.request.has_value() && files.request->public_key() == key) ||
         (files.key.has_value() && files.key->public_key.has_value() &&
          *files.key->public_key == key);
}

bool IsAmong(const pki::Certificate& certificate, const Certificates& others) {
  return std::any_of(others.begin(), others.end(), [&certificate](const pki::Certificate& other) {
    return other.der() == certificate.der();
  });
}

absl::StatusOr<Match> Matcher::Run() {
  JET_RETURN_IF_ERROR(LookAtNames());
  absl::optional<Candidate> best = FindBest();
  if (!best.has_value() && rules_.passphrase != nullptr) {
    OpenEncryptedKeys();
    best = FindBest();
  }
  if (!best.has_value()) return NothingMatches();
  Match match = {.name = best->files.name,
                 .matched_by = MatchedBy::kRequest,
                 .certificate = best->certificate,
                 .chain = {},
                 .warnings = {}};
  JET_ASSIGN_OR_RETURN(match.matched_by, CheckKeyFile(*best));
  JET_RETURN_IF_ERROR(CheckNames(*best));
  JET_RETURN_IF_ERROR(CheckCertificate(best->certificate));
  JET_ASSIGN_OR_RETURN(match.chain, FindChain(best->certificate));
  WarnOfChain(match.chain);
  WarnOfOthers(best->certificate, match.chain);
  match.warnings = std::move(warnings_);
  return match;
}

absl::Status Matcher::LookAtNames() {
  JET_ASSIGN_OR_RETURN(const std::vector<CertificateName> names, folder_.Names());
  for (const CertificateName& name : names) {
    JET_ASSIGN_OR_RETURN(NamedFiles files, folder_.Look(name));
    names_.push_back(std::move(files));
  }
  return absl::OkStatus();
}

absl::StatusOr<crypto::PublicKey> Matcher::OpenKey(const CertificateName& name) const {
  const auto passphrase = [this]() -> absl::StatusOr<crypto::Secret> {
    return crypto::Secret::CopyOf(rules_.passphrase->Expose());
  };
  JET_ASSIGN_OR_RETURN(const crypto::PrivateKey key,
                       ReadPrivateKeyFile(folder_.KeyPath(name), passphrase));
  return key.public_key();
}

void Matcher::OpenEncryptedKeys() {
  for (NamedFiles& files : names_) {
    if (!files.key.has_value() || !files.key->encrypted) continue;
    // Keys under another passphrase are none of ours.
    absl::StatusOr<crypto::PublicKey> key = OpenKey(files.name);
    if (key.ok()) files.key->public_key = *std::move(key);
  }
}

absl::optional<Candidate> Matcher::FindBest() const {
  absl::optional<Candidate> best;
  const auto is_better = [&best](const Candidate& candidate) {
    if (!best.has_value()) return true;
    if (candidate.AgreesInName() != best->AgreesInName()) return candidate.AgreesInName();
    return candidate.certificate.not_after() > best->certificate.not_after();
  };
  for (const NamedFiles& files : names_) {
    for (const pki::Certificate& certificate : certificates_) {
      if (!HoldsKey(files, certificate.public_key())) continue;
      const Candidate candidate = {files, certificate};
      if (is_better(candidate)) best = candidate;
    }
  }
  return best;
}

absl::Status Matcher::NothingMatches() const {
  std::string message = absl::StrCat(
      certificates_.size() == 1
          ? absl::StrCat("the certificate of '", certificates_[0].subject(), "' belongs to no")
          : absl::StrCat("none of the ", certificates_.size(), " certificates belongs to a"),
      " key or request in '", folder_.path(), "'");
  std::vector<std::string> locked;
  for (const NamedFiles& files : names_) {
    const std::string name = files.name.Text();
    const bool is_named = std::any_of(
        certificates_.begin(), certificates_.end(),
        [&name](const pki::Certificate& certificate) { return certificate.common_name() == name; });
    if (is_named) absl::StrAppend(&message, "; the files of '", name, "' are for another key");
    const bool is_locked =
        files.key.has_value() && files.key->encrypted && !files.key->public_key.has_value();
    if (is_locked) locked.push_back(absl::StrCat("'", folder_.KeyPath(files.name), "'"));
  }
  if (!locked.empty()) {
    absl::StrAppend(&message, "; encrypted and not opened: ", absl::StrJoin(locked, ", "));
  }
  return absl::NotFoundError(message);
}

absl::StatusOr<MatchedBy> Matcher::CheckKeyFile(Candidate& candidate) {
  if (!candidate.files.key.has_value()) return MatchedBy::kRequest;
  KeyFile& key = *candidate.files.key;
  const std::string path = folder_.KeyPath(candidate.files.name);
  if (key.encrypted && !key.public_key.has_value() && rules_.passphrase != nullptr) {
    JET_ASSIGN_OR_RETURN(key.public_key, OpenKey(candidate.files.name));
  }
  if (!key.public_key.has_value()) {
    if (!key.encrypted) {
      warnings_.push_back(absl::StrCat(
          "'", path, "' cannot be read: whether it holds the certificate's key is not known"));
    }
    return MatchedBy::kRequestKeyLocked;
  }
  if (!(*key.public_key == candidate.certificate.public_key())) {
    return Refuse(candidate.certificate,
                  absl::StrCat("'", path, "' holds another key than the request beside it"));
  }
  const auto& request = candidate.files.request;
  if (!request.has_value() || request->public_key() == *key.public_key) {
    return MatchedBy::kPrivateKey;
  }
  return Refuse(candidate.certificate, absl::StrCat("'", folder_.RequestPath(candidate.files.name),
                                                    "' is for another key than '", path, "'"));
}

absl::Status Matcher::CheckNames(const Candidate& candidate) const {
  const std::string name = candidate.files.name.Text();
  // Programs differ in which of several they show.
  if (candidate.certificate.common_name_count() > 1) {
    return Refuse(candidate.certificate,
                  absl::StrCat("it has ", candidate.certificate.common_name_count(),
                               " common names; ask the CA for one with the name of the request"));
  }
  if (!candidate.AgreesInName()) {
    return Refuse(candidate.certificate,
                  absl::StrCat("its key is that of '", name, "', but its common name is '",
                               candidate.certificate.common_name(),
                               "'; ask the CA for one with the name of the request"));
  }
  const auto& request = candidate.files.request;
  if (!request.has_value() || request->common_name() == name) return absl::OkStatus();
  return Refuse(candidate.certificate,
                absl::StrCat("the common name of '", folder_.RequestPath(candidate.files.name),
                             "' is '", request->common_name(), "'"));
}

absl::Status Matcher::CheckCertificate(const pki::Certificate& certificate) {
  if (rules_.now > certificate.not_after()) {
    return Refuse(certificate, absl::StrCat("it expired on ", DateText(certificate.not_after()),
                                            "; request its successor"));
  }
  if (rules_.now < certificate.not_before()) {
    warnings_.push_back(
        absl::StrCat("the certificate is not valid before ", DateText(certificate.not_before())));
  }
  if (!certificate.is_weakly_signed()) return absl::OkStatus();
  if (!rules_.allow_weak) {
    return Refuse(certificate,
                  "it is signed with MD5 or SHA-1, or with a hash that cannot be told, and so can "
                  "be forged; ask the CA for one signed with SHA-256");
  }
  warnings_.push_back("the certificate is weakly signed and can be forged");
  return absl::OkStatus();
}

absl::StatusOr<Certificates> Matcher::FindChain(const pki::Certificate& certificate) {
  Certificates others;
  for (const pki::Certificate& other : certificates_) {
    if (other.der() != certificate.der()) others.push_back(other);
  }
  absl::StatusOr<Certificates> chain = pki::IssuersOf(certificate, others);
  if (!chain.ok()) return Refuse(certificate, chain.status().message());
  if (!certificate.self_issued() || !chain->empty()) return chain;
  if (absl::IsUnauthenticated(pki::CheckIssuedBy(certificate, certificate))) {
    return Refuse(certificate, "its own key did not sign it, although it names itself as issuer");
  }
  warnings_.push_back("the certificate names itself as issuer: no CA signed it");
  return chain;
}

void Matcher::WarnOfChain(const Certificates& chain) {
  for (const pki::Certificate& issuer : chain) {
    // A root is trusted for what it is, not for its signature.
    if (issuer.is_weakly_signed() && !issuer.self_issued()) {
      warnings_.push_back(absl::StrCat("the certificate of the issuer '", issuer.subject(),
                                       "' is weakly signed and can be forged"));
    }
    if (rules_.now > issuer.not_after()) {
      warnings_.push_back(absl::StrCat("the certificate of the issuer '", issuer.subject(),
                                       "' expired on ", DateText(issuer.not_after())));
    }
  }
  if (chain.empty() || chain.back().self_issued()) return;
  warnings_.push_back(absl::StrCat("the chain does not reach its root: the certificate of '",
                                   chain.back().issuer(), "' is missing"));
}

void Matcher::WarnOfOthers(const pki::Certificate& certificate, const Certificates& chain) {
  for (const pki::Certificate& other : certificates_) {
    if (other.der() == certificate.der() || IsAmong(other, chain)) continue;
    warnings_.push_back(absl::StrCat("the certificate of '", other.subject(),
                                     "' does not belong to the one installed and is left out"));
  }
}

}  // namespace

absl::StatusOr<Match> MatchCertificate(const CertsFolder& folder,
                                       const std::vector<pki::Certificate>& certificates,
                                       const InstallRules& rules) {
  return Matcher(folder, certificates, rules).Run();
}

}  // namespace jet::cert_request

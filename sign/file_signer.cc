#include "sign/file_signer.h"

#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "ima/signature.h"
#include "sign/sign_digest.h"

namespace jet::sign {
namespace {

// How often a file that changed under the signer is tried in all.
constexpr int kTries = 3;

}  // namespace

const char* SignResultName(SignResult result) {
  switch (result) {
    case SignResult::kSigned:
      return "signed";
    case SignResult::kAlreadyValid:
      return "already-valid";
    case SignResult::kKept:
      return "kept";
    case SignResult::kWouldSign:
      return "would-sign";
  }
  return "";
}

absl::StatusOr<FileSigner> FileSigner::New(const crypto::Signer& signer,
                                           const pki::Certificate& certificate,
                                           std::vector<ima::NamedCertificate> known,
                                           const FileSignerOptions& options) {
  if (!(certificate.public_key() == signer.public_key())) {
    return absl::FailedPreconditionError(
        "the certificate does not belong to the private key: signatures would never verify");
  }
  JET_ASSIGN_OR_RETURN(const ima::KeyId key_id, ima::KeyIdOf(certificate));
  return FileSigner(signer, key_id, std::move(known), options);
}

absl::StatusOr<SignOutcome> FileSigner::Sign(int fd, SignatureStore& store,
                                             crypto::Hasher& hasher) const {
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<SignOutcome> outcome = SignOnce(fd, store, hasher);
    if (!absl::IsAborted(outcome.status()) || attempt == kTries) return outcome;
  }
}

absl::StatusOr<absl::optional<SignOutcome>> FileSigner::FindExisting(int fd,
                                                                     const SignatureStore& store,
                                                                     crypto::Hasher& hasher) const {
  JET_ASSIGN_OR_RETURN(absl::optional<base::Bytes> value, store.Read());
  if (!value.has_value()) return absl::optional<SignOutcome>();
  JET_ASSIGN_OR_RETURN(const base::ChangeGuard guard, base::ChangeGuard::Start(fd));
  JET_ASSIGN_OR_RETURN(SignOutcome outcome, HashForOutcome(fd, hasher, guard));
  outcome.value = *std::move(value);
  const uint64_t size = static_cast<uint64_t>(guard.initial().st_size);
  JET_ASSIGN_OR_RETURN(absl::optional<SignOutcome> existing,
                       ExistingSignature(fd, hasher, outcome, size));
  JET_RETURN_IF_ERROR(guard.Check());
  return existing;
}

// An outcome without a signature yet.
absl::StatusOr<SignOutcome> FileSigner::HashForOutcome(int fd, crypto::Hasher& hasher,
                                                       const base::ChangeGuard& guard) const {
  const uint64_t size = static_cast<uint64_t>(guard.initial().st_size);
  JET_ASSIGN_OR_RETURN(const crypto::Digest digest, hasher.HashFile(fd, options_.hash, size));
  return SignOutcome{options_.dry_run ? SignResult::kWouldSign : SignResult::kSigned,
                     digest,
                     /*value=*/{},
                     guard.method(),
                     /*kept_key_name=*/"",
                     /*lost=*/{}};
}

absl::StatusOr<SignOutcome> FileSigner::SignOnce(int fd, SignatureStore& store,
                                                 crypto::Hasher& hasher) const {
  JET_ASSIGN_OR_RETURN(const base::ChangeGuard guard, base::ChangeGuard::Start(fd));
  const uint64_t size = static_cast<uint64_t>(guard.initial().st_size);
  JET_ASSIGN_OR_RETURN(SignOutcome outcome, HashForOutcome(fd, hasher, guard));
  if (!options_.force) {
    JET_ASSIGN_OR_RETURN(absl::optional<base::Bytes> value, store.Read());
    if (value.has_value()) {
      outcome.value = *std::move(value);
      JET_ASSIGN_OR_RETURN(absl::optional<SignOutcome> existing,
                           ExistingSignature(fd, hasher, outcome, size));
      if (existing.has_value()) {
        JET_RETURN_IF_ERROR(guard.Check());
        return *std::move(existing);
      }
    }
  }
  JET_ASSIGN_OR_RETURN(outcome.value, SignDigest(*signer_, key_id_, outcome.digest));
  JET_RETURN_IF_ERROR(guard.Check());
  if (options_.dry_run) return outcome;
  JET_RETURN_IF_ERROR(store.Write(outcome.value, guard));
  return outcome;
}

// Says what is to be done with a file for which `outcome.value` is there already; nullopt when that
// is no valid signature by this key or a known one.
absl::StatusOr<absl::optional<SignOutcome>> FileSigner::ExistingSignature(
    int fd, crypto::Hasher& hasher, const SignOutcome& outcome, uint64_t size) const {
  const absl::optional<SignOutcome> none;
  const ima::DecodedXattr decoded = ima::DecodeXattr(outcome.value);
  if (decoded.defect != ima::XattrDefect::kNone || decoded.version != ima::kSignatureVersion2) {
    return none;
  }
  const auto hash = ima::HashOfKernelId(*decoded.hash_id);
  if (!hash.has_value()) return none;
  SignOutcome existing = outcome;
  if (*hash == options_.hash && decoded.key_id == key_id_ &&
      signer_->public_key().Verify(outcome.digest, decoded.payload).ok()) {
    existing.result = SignResult::kAlreadyValid;
    return absl::optional<SignOutcome>(std::move(existing));
  }
  for (const ima::NamedCertificate& known : known_) {
    if (!ima::Matches(known.certificate, *decoded.key_id) ||
        known.certificate.public_key() == signer_->public_key()) {
      continue;
    }
    JET_ASSIGN_OR_RETURN(existing.digest, hasher.HashFile(fd, *hash, size));
    if (!known.certificate.public_key().Verify(existing.digest, decoded.payload).ok()) continue;
    existing.result = SignResult::kKept;
    existing.kept_key_name = known.name;
    return absl::optional<SignOutcome>(std::move(existing));
  }
  return none;
}

}  // namespace jet::sign

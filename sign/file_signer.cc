#include "sign/file_signer.h"

#include <utility>

#include "absl/status/status.h"
#include "base/file.h"
#include "base/status_macros.h"
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

const char* PreviousText(Previous previous) {
  switch (previous) {
    case Previous::kNone:
      return "no signature";
    case Previous::kUnusable:
      return "what is there is no usable signature";
    case Previous::kMismatch:
      return "signature does not match";
    case Previous::kUnknownKey:
      return "signed by an unknown key";
    case Previous::kOtherHash:
      return "signed with another hash";
    case Previous::kValid:
      return "valid signature by this key";
    case Previous::kValidByKnownKey:
      return "valid signature by another key";
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
  JET_ASSIGN_OR_RETURN(const base::ChangeGuard guard, base::ChangeGuard::Start(fd));
  JET_ASSIGN_OR_RETURN(const SignOutcome outcome, HashForOutcome(fd, hasher, guard));
  JET_ASSIGN_OR_RETURN(SignOutcome existing, LookAtExisting(fd, store, hasher, outcome));
  JET_RETURN_IF_ERROR(guard.Check());
  if (existing.result == outcome.result) return absl::optional<SignOutcome>();
  return absl::optional<SignOutcome>(std::move(existing));
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
                     /*previous=*/absl::nullopt,
                     /*previous_key_name=*/"",
                     /*lost=*/{}};
}

absl::StatusOr<SignOutcome> FileSigner::SignOnce(int fd, SignatureStore& store,
                                                 crypto::Hasher& hasher) const {
  JET_ASSIGN_OR_RETURN(const base::ChangeGuard guard, base::ChangeGuard::Start(fd));
  JET_ASSIGN_OR_RETURN(SignOutcome outcome, HashForOutcome(fd, hasher, guard));
  if (!options_.force || options_.dry_run) {
    JET_ASSIGN_OR_RETURN(SignOutcome existing, LookAtExisting(fd, store, hasher, outcome));
    const bool left_alone = existing.result != outcome.result;
    if (left_alone && !options_.force) {
      JET_RETURN_IF_ERROR(guard.Check());
      return existing;
    }
    outcome.previous = existing.previous;
    outcome.previous_key_name = std::move(existing.previous_key_name);
  }
  JET_ASSIGN_OR_RETURN(outcome.value, SignDigest(*signer_, key_id_, outcome.digest));
  JET_RETURN_IF_ERROR(guard.Check());
  if (options_.dry_run) return outcome;
  JET_RETURN_IF_ERROR(store.Write(outcome.value, guard));
  return outcome;
}

// Returns `outcome` with what is in `store`, and with the result that follows where that is a valid
// signature by this key or a known one.
absl::StatusOr<SignOutcome> FileSigner::LookAtExisting(int fd, const SignatureStore& store,
                                                       crypto::Hasher& hasher,
                                                       const SignOutcome& outcome) const {
  SignOutcome existing = outcome;
  existing.previous = Previous::kNone;
  JET_ASSIGN_OR_RETURN(absl::optional<base::Bytes> value, store.Read());
  if (!value.has_value()) return existing;
  existing.value = *std::move(value);
  existing.previous = Previous::kUnusable;
  const ima::DecodedXattr decoded = ima::DecodeXattr(existing.value);
  if (decoded.defect != ima::XattrDefect::kNone || decoded.version != ima::kSignatureVersion2) {
    return existing;
  }
  const auto hash = ima::HashOfKernelId(*decoded.hash_id);
  if (!hash.has_value()) return existing;
  if (decoded.key_id == key_id_) {
    existing.previous = *hash == options_.hash ? Previous::kMismatch : Previous::kOtherHash;
    if (*hash == options_.hash &&
        signer_->public_key().Verify(outcome.digest, decoded.payload).ok()) {
      existing.previous = Previous::kValid;
      existing.result = SignResult::kAlreadyValid;
      return existing;
    }
  } else {
    existing.previous = Previous::kUnknownKey;
  }
  JET_RETURN_IF_ERROR(LookForKnownKey(fd, decoded, *hash, hasher, existing));
  return existing;
}

// Changes `existing` where a known key made the signature, or seems to have.
absl::Status FileSigner::LookForKnownKey(int fd, const ima::DecodedXattr& decoded,
                                         crypto::HashAlgorithm hash, crypto::Hasher& hasher,
                                         SignOutcome& existing) const {
  for (const ima::NamedCertificate& known : known_) {
    if (!ima::Matches(known.certificate, *decoded.key_id) ||
        known.certificate.public_key() == signer_->public_key()) {
      continue;
    }
    JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd, "the file"));
    JET_ASSIGN_OR_RETURN(const crypto::Digest digest,
                         hasher.HashFile(fd, hash, static_cast<uint64_t>(status.st_size)));
    if (!known.certificate.public_key().Verify(digest, decoded.payload).ok()) {
      if (existing.previous == Previous::kUnknownKey) existing.previous = Previous::kMismatch;
      continue;
    }
    existing.digest = digest;
    existing.previous = Previous::kValidByKnownKey;
    existing.previous_key_name = known.name;
    existing.result = SignResult::kKept;
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace jet::sign

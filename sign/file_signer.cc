#include "sign/file_signer.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "crypto/verity_digest.h"
#include "ima/file_id.h"
#include "sign/sign_digest.h"
#include "sign/verity_enabling.h"

namespace jet::sign {
namespace {

// How often a file that changed under the signer is tried in all.
constexpr int kTries = 3;

bool CanHave(ima::SignatureKind kind, crypto::HashAlgorithm hash) {
  return kind == ima::SignatureKind::kContent || crypto::IsVerityHash(hash);
}

absl::Status CheckOptions(const FileSignerOptions& options) {
  const crypto::HashAlgorithmRow& hash = crypto::RowOf(options.hash);
  if (hash.strength != crypto::HashStrength::kSign) {
    return absl::InvalidArgumentError(absl::StrCat(hash.name, " is too weak to sign with"));
  }
  if (options.kind == ima::SignatureKind::kVerity) return crypto::CheckIsVerityHash(options.hash);
  if (!options.enable_verity) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "fs-verity is enabled only for a signature over the fs-verity digest: nothing else needs it");
}

// True when `signature` is one by `key` of a file with `digest`.
bool Verifies(const crypto::PublicKey& key, const crypto::Digest& digest,
              const ima::DecodedXattr& signature) {
  const absl::StatusOr<crypto::Digest> signed_digest = ima::SignedDigest(*signature.kind(), digest);
  return signed_digest.ok() && key.Verify(*signed_digest, signature.payload).ok();
}

// `reason`, and that the signature which was written before it could not be taken back.
absl::Status AndStays(const absl::Status& reason, const absl::Status& taken_back) {
  absl::Status both(reason.code(),
                    absl::StrCat(reason.message(), "; the signature just written could not be ",
                                 "taken back: ", taken_back.message()));
  reason.ForEachPayload(
      [&both](absl::string_view url, const absl::Cord& payload) { both.SetPayload(url, payload); });
  return both;
}

// Enabling cannot be undone, so it waits until the kernel has taken the signature. A read lease of
// this process, which `guard` holds, does not stop it; a writer that waits for the lease does.
absl::StatusOr<VerityState> WriteAndEnable(int fd, SignatureStore& store,
                                           const base::ChangeGuard& guard,
                                           const SignOutcome& outcome) {
  JET_ASSIGN_OR_RETURN(const absl::optional<base::Bytes> before, store.Read());
  JET_RETURN_IF_ERROR(store.Write(outcome.value, guard));
  const absl::StatusOr<VerityState> state = EnableVerityOfSigned(fd, outcome.digest);
  if (state.ok()) return state;
  const absl::Status taken_back = store.TakeBack(outcome.value, before);
  return taken_back.ok() ? state.status() : AndStays(state.status(), taken_back);
}

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
    case Previous::kOtherKind:
      return "signed over another kind of digest";
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
  JET_RETURN_IF_ERROR(CheckOptions(options));
  JET_ASSIGN_OR_RETURN(const ima::KeyId key_id, KeyIdOfSigner(signer, certificate));
  return FileSigner(signer, key_id, std::move(known), options);
}

absl::StatusOr<SignOutcome> FileSigner::Sign(int fd, SignatureStore& store,
                                             crypto::Hasher& hasher) const {
  if (options_.enable_verity) JET_RETURN_IF_ERROR(CheckBeforeEnabling(fd));
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<SignOutcome> outcome = SignOnce(fd, store, hasher);
    if (!absl::IsAborted(outcome.status()) || attempt == kTries) return outcome;
  }
}

bool FileSigner::IsToEnable(const SignOutcome& outcome) const {
  return options_.enable_verity && !options_.dry_run && outcome.verity == VerityState::kNotEnabled;
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
  JET_ASSIGN_OR_RETURN(const FileDigest file,
                       DigestOfFile(fd, {options_.kind, options_.hash, size}, hasher));
  return SignOutcome{options_.dry_run ? SignResult::kWouldSign : SignResult::kSigned,
                     file.digest,
                     file.verity,
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
      if (IsToEnable(existing)) {
        JET_ASSIGN_OR_RETURN(existing.verity, EnableVerityOfSigned(fd, existing.digest));
      }
      return existing;
    }
    outcome.previous = existing.previous;
    outcome.previous_key_name = std::move(existing.previous_key_name);
  }
  JET_ASSIGN_OR_RETURN(outcome.value, SignDigest(*signer_, key_id_, outcome.digest, options_.kind));
  JET_RETURN_IF_ERROR(guard.Check());
  if (options_.dry_run) return outcome;
  if (IsToEnable(outcome)) {
    JET_ASSIGN_OR_RETURN(outcome.verity, WriteAndEnable(fd, store, guard, outcome));
  } else {
    JET_RETURN_IF_ERROR(store.Write(outcome.value, guard));
  }
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
  if (!decoded.kind().has_value()) return existing;
  if (decoded.kind() != options_.kind) {
    existing.previous = Previous::kOtherKind;
    return existing;
  }
  const auto hash = ima::HashOfKernelId(*decoded.hash_id);
  if (!hash.has_value() || !CanHave(options_.kind, *hash)) return existing;
  if (decoded.key_id == key_id_) {
    const bool same_hash = *hash == outcome.digest.algorithm();
    existing.previous = same_hash ? Previous::kMismatch : Previous::kOtherHash;
    if (same_hash && Verifies(signer_->public_key(), outcome.digest, decoded)) {
      existing.previous = Previous::kValid;
      existing.result = SignResult::kAlreadyValid;
      return existing;
    }
    if (!same_hash) {
      JET_RETURN_IF_ERROR(LookForOtherHash(fd, decoded, *hash, hasher, existing));
      if (existing.previous == Previous::kValid) return existing;
    }
  } else {
    existing.previous = Previous::kUnknownKey;
  }
  JET_RETURN_IF_ERROR(LookForKnownKey(fd, decoded, *hash, hasher, existing));
  return existing;
}

absl::StatusOr<FileDigest> FileSigner::DigestWith(int fd, crypto::HashAlgorithm hash,
                                                  crypto::Hasher& hasher) const {
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd, "the file"));
  const auto size = static_cast<uint64_t>(status.st_size);
  return DigestOfFile(fd, {options_.kind, hash, size}, hasher);
}

// Changes `existing` where this key made a valid signature with `hash`, which is not the one that
// is wanted, and a file that is to be enabled can be enabled with it.
absl::Status FileSigner::LookForOtherHash(int fd, const ima::DecodedXattr& decoded,
                                          crypto::HashAlgorithm hash, crypto::Hasher& hasher,
                                          SignOutcome& existing) const {
  if (!options_.enable_verity || !options_.any_hash ||
      existing.verity != VerityState::kNotEnabled) {
    return absl::OkStatus();
  }
  JET_ASSIGN_OR_RETURN(const FileDigest file, DigestWith(fd, hash, hasher));
  if (file.digest.algorithm() != hash || !Verifies(signer_->public_key(), file.digest, decoded)) {
    return absl::OkStatus();
  }
  existing.digest = file.digest;
  existing.previous = Previous::kValid;
  existing.result = SignResult::kAlreadyValid;
  return absl::OkStatus();
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
    JET_ASSIGN_OR_RETURN(const FileDigest file, DigestWith(fd, hash, hasher));
    if (file.digest.algorithm() != hash ||
        !Verifies(known.certificate.public_key(), file.digest, decoded)) {
      if (existing.previous == Previous::kUnknownKey) existing.previous = Previous::kMismatch;
      continue;
    }
    existing.digest = file.digest;
    existing.previous = Previous::kValidByKnownKey;
    existing.previous_key_name = known.name;
    existing.result = SignResult::kKept;
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace jet::sign

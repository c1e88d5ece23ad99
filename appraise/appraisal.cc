#include "appraise/appraisal.h"

#include <sys/stat.h>

#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/xattr.h"
#include "crypto/key_type.h"
#include "ima/ecdsa_signature.h"
#include "ima/signature.h"

namespace jet::appraise {
namespace {

// The kernel's own words (security/integrity/ima/ima_appraise.c).
constexpr char kSignatureRequired[] = "IMA-signature-required";
constexpr char kInvalidSignature[] = "invalid-signature";
constexpr char kInvalidVersion[] = "invalid-signature-version";
constexpr char kUnknownData[] = "unknown-ima-data";
constexpr char kUnknown[] = "unknown";
constexpr char kCollectFailed[] = "failed";  // of op=collect_data: the file could not be hashed

struct VerdictRow {
  Verdict verdict;
  const char* name;
};

constexpr std::array<VerdictRow, 8> kVerdicts = {{
    {Verdict::kValid, "valid"},
    {Verdict::kMismatch, "mismatch"},
    {Verdict::kUnknownKey, "unknown-key"},
    {Verdict::kAmbiguousKey, "ambiguous-key"},
    {Verdict::kNoSignature, "no-signature"},
    {Verdict::kHashOnly, "hash-only"},
    {Verdict::kMalformed, "malformed"},
    {Verdict::kUnsupported, "unsupported"},
}};

Appraisal Judge(Appraisal appraisal, Verdict verdict, const char* cause, std::string detail) {
  appraisal.verdict = verdict;
  appraisal.kernel_cause = cause;
  appraisal.detail = std::move(detail);
  return appraisal;
}

// What the kernel says to a signature whose version does not go with type 0x03.
Appraisal JudgeVersion(Appraisal appraisal, int version) {
  if (version >= ima::kSignatureVersion3) {
    return Judge(std::move(appraisal), Verdict::kUnsupported, kInvalidVersion,
                 absl::StrCat("signature version ", version, " is not taken for file digests"));
  }
  if (version == 1) {
    return Judge(std::move(appraisal), Verdict::kUnsupported, kInvalidSignature,
                 "signature version 1 (the old RSA-only format) is not used for certificates");
  }
  // integrity_digsig_verify answers EOPNOTSUPP, and no cause is set.
  return Judge(std::move(appraisal), Verdict::kUnsupported, kUnknown,
               absl::StrCat("signature version ", version, " does not exist"));
}

Appraisal JudgeDefect(Appraisal appraisal, const ima::DecodedXattr& decoded) {
  const std::string why = ima::DescribeDefect(decoded);
  switch (decoded.defect) {
    case ima::XattrDefect::kEmpty:
      return Judge(std::move(appraisal), Verdict::kNoSignature, kSignatureRequired, why);
    case ima::XattrDefect::kUnknownType:
      return Judge(std::move(appraisal), Verdict::kMalformed, kUnknownData, why);
    case ima::XattrDefect::kUnknownVersion:
      return JudgeVersion(std::move(appraisal), decoded.version.value_or(0));
    case ima::XattrDefect::kUnknownHash:
      return Judge(std::move(appraisal), Verdict::kUnsupported, kInvalidSignature, why);
    case ima::XattrDefect::kNone:
    case ima::XattrDefect::kTruncated:
    case ima::XattrDefect::kWrongSize:
    case ima::XattrDefect::kWrongDigestSize:
      break;
  }
  return Judge(std::move(appraisal), Verdict::kMalformed, kInvalidSignature, why);
}

bool IsType(const ima::DecodedXattr& decoded, ima::XattrType type) {
  return decoded.type == static_cast<uint8_t>(type);
}

Appraisal Describe(const ima::DecodedXattr& decoded) {
  Appraisal appraisal;
  if (decoded.version.has_value()) appraisal.signature_version = *decoded.version;
  appraisal.key_id = decoded.key_id;
  if (decoded.hash_id.has_value()) {
    appraisal.hash_name = ima::KernelHashName(*decoded.hash_id).value_or("");
  }
  return appraisal;
}

// True when the value makes the kernel hash the file with an algorithm that this program does not
// have, and Debian's kernel has neither: it then fails before it looks at anything else in the
// value (ima_get_hash_algo, ima_collect_measurement).
bool NamesUnavailableHash(const ima::DecodedXattr& decoded) {
  const bool decides = IsType(decoded, ima::XattrType::kDigestNg) ||
                       (decoded.is_signature() && !decoded.payload.empty());
  return decides && decoded.hash_id.has_value() &&
         ima::KernelHashName(*decoded.hash_id).has_value() &&
         !ima::HashOfKernelId(*decoded.hash_id).has_value();
}

Appraisal JudgeUnavailableHash(Appraisal appraisal, const ima::DecodedXattr& decoded) {
  const Verdict verdict = decoded.is_signature() ? Verdict::kUnsupported : Verdict::kHashOnly;
  std::string detail =
      absl::StrCat("neither this program nor Debian's kernel computes ", appraisal.hash_name);
  return Judge(std::move(appraisal), verdict, kCollectFailed, std::move(detail));
}

std::vector<std::string> WeaknessesOf(const crypto::HashAlgorithmRow& hash,
                                      const pki::Certificate& certificate) {
  std::vector<std::string> weaknesses;
  if (hash.strength == crypto::HashStrength::kJudge) {
    weaknesses.push_back(absl::StrCat("the signature uses ", hash.name, ", a weak hash"));
  }
  const crypto::KeyType& type = certificate.public_key().type();
  if (crypto::UseOf(type) == crypto::KeyUse::kJudge) {
    weaknesses.push_back(absl::StrCat("the key is ", type.name, ", which is weak"));
  }
  return weaknesses;
}

// The kernel takes encodings of an ECDSA signature that libcrypto refuses.
absl::Status VerifyAsKernel(const crypto::PublicKey& key, const crypto::Digest& digest,
                            base::ByteSpan signature) {
  if (key.type().algorithm != crypto::KeyAlgorithm::kEc) return key.Verify(digest, signature);
  const size_t scalar_size = static_cast<size_t>(key.type().bits) / 8;
  const absl::StatusOr<base::Bytes> strict = ima::StrictEcdsaSignature(signature, scalar_size);
  if (!strict.ok()) return absl::UnauthenticatedError(strict.status().message());
  return key.Verify(digest, *strict);
}

// The signature names exactly one key, whose certificate is at hand: does it verify?
absl::StatusOr<Appraisal> JudgeByKey(Appraisal appraisal, const ima::DecodedXattr& decoded,
                                     DigestSource digest) {
  const pki::Certificate& certificate = appraisal.key->certificate;
  const crypto::KeyType& type = certificate.public_key().type();
  if (crypto::UseOf(type) == crypto::KeyUse::kNone) {
    return Judge(std::move(appraisal), Verdict::kUnsupported, kInvalidSignature,
                 absl::StrCat("the kernel's IMA cannot use a key of type ", type.name));
  }
  // Never empty: a hash that is not available was judged before.
  const auto hash = ima::HashOfKernelId(*decoded.hash_id);
  JET_ASSIGN_OR_RETURN(appraisal.digest, digest(*hash));
  const absl::Status verified =
      VerifyAsKernel(certificate.public_key(), *appraisal.digest, decoded.payload);
  if (verified.ok()) {
    appraisal.warnings = WeaknessesOf(crypto::RowOf(*hash), certificate);
    return Judge(std::move(appraisal), Verdict::kValid, "", "");
  }
  if (absl::IsFailedPrecondition(verified)) {
    return Judge(std::move(appraisal), Verdict::kUnsupported, kInvalidSignature,
                 std::string(verified.message()));
  }
  if (!absl::IsUnauthenticated(verified)) return verified;
  return Judge(std::move(appraisal), Verdict::kMismatch, kInvalidSignature,
               "the signature does not match: the file or its signature was changed after signing");
}

absl::StatusOr<Appraisal> JudgeSignature(Appraisal appraisal, const ima::DecodedXattr& decoded,
                                         const TrustSet& trust, DigestSource digest) {
  const KeyMatch match = trust.Find(*decoded.key_id);
  if (match.certificates.size() + match.without_certificate.size() > 1) {
    return Judge(std::move(appraisal), Verdict::kAmbiguousKey, "",
                 "two trusted keys go by this key id; the kernel tries only one, and which one "
                 "cannot be known");
  }
  if (match.certificates.size() == 1) {
    appraisal.key = match.certificates.front();
    return JudgeByKey(std::move(appraisal), decoded, digest);
  }
  if (!match.without_certificate.empty()) {
    return Judge(std::move(appraisal), Verdict::kUnknownKey, "",
                 "key is in the ring, its certificate is not at hand");
  }
  return Judge(std::move(appraisal), Verdict::kUnknownKey, kInvalidSignature,
               absl::StrCat("no trusted key has the key id ", ima::KeyIdText(*decoded.key_id)));
}

absl::Status Changed() { return absl::AbortedError("the file changed while it was being read"); }

using XattrSource = absl::FunctionRef<absl::StatusOr<absl::optional<base::Bytes>>()>;

absl::StatusOr<Appraisal> AppraiseUnchanged(int fd, XattrSource read_xattr, const TrustSet& trust,
                                            crypto::Hasher& hasher) {
  JET_ASSIGN_OR_RETURN(const struct stat before, base::StatDescriptor(fd, "the file"));
  JET_ASSIGN_OR_RETURN(const absl::optional<base::Bytes> xattr, read_xattr());
  const uint64_t size = static_cast<uint64_t>(before.st_size);
  absl::StatusOr<Appraisal> appraisal =
      Appraise(xattr, trust, [&](crypto::HashAlgorithm hash) -> absl::StatusOr<crypto::Digest> {
        return hasher.HashFile(fd, hash, size);
      });
  JET_ASSIGN_OR_RETURN(const struct stat after, base::StatDescriptor(fd, "the file"));
  if (before.st_size != after.st_size || before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
      before.st_mtim.tv_nsec != after.st_mtim.tv_nsec ||
      before.st_ctim.tv_sec != after.st_ctim.tv_sec ||
      before.st_ctim.tv_nsec != after.st_ctim.tv_nsec) {
    return Changed();
  }
  return appraisal;
}

}  // namespace

const char* VerdictName(Verdict verdict) { return kVerdicts.at(static_cast<size_t>(verdict)).name; }

const std::vector<Verdict>& AllVerdicts() {
  static const std::vector<Verdict> kAll = [] {
    std::vector<Verdict> all;
    all.reserve(kVerdicts.size());
    for (const VerdictRow& row : kVerdicts) all.push_back(row.verdict);
    return all;
  }();
  return kAll;
}

absl::StatusOr<Appraisal> Appraise(const absl::optional<base::Bytes>& xattr, const TrustSet& trust,
                                   DigestSource digest) {
  if (!xattr.has_value()) {
    return Judge({}, Verdict::kNoSignature, kSignatureRequired, "the file has no security.ima");
  }
  const ima::DecodedXattr decoded = ima::DecodeXattr(*xattr);
  Appraisal appraisal = Describe(decoded);
  if (NamesUnavailableHash(decoded)) return JudgeUnavailableHash(std::move(appraisal), decoded);
  // The kernel looks at the type before anything else: a digest, good or bad, is no signature, and
  // neither is a signature over an fs-verity digest under such a rule.
  if (IsType(decoded, ima::XattrType::kDigest) || IsType(decoded, ima::XattrType::kDigestNg)) {
    return Judge(std::move(appraisal), Verdict::kHashOnly, kSignatureRequired,
                 "the file has only a digest, which anybody can make");
  }
  if (IsType(decoded, ima::XattrType::kVeritySignature)) {
    return Judge(
        std::move(appraisal), Verdict::kUnsupported, kSignatureRequired,
        "a signature over the fs-verity digest counts only under digest_type=verity rules");
  }
  if (decoded.defect != ima::XattrDefect::kNone) {
    return JudgeDefect(std::move(appraisal), decoded);
  }
  return JudgeSignature(std::move(appraisal), decoded, trust, digest);
}

absl::StatusOr<Appraisal> AppraiseFile(int fd, const TrustSet& trust, crypto::Hasher& hasher) {
  return AppraiseUnchanged(
      fd, [fd] { return base::GetXattr(fd, base::kSecurityIma); }, trust, hasher);
}

absl::StatusOr<Appraisal> AppraiseFileWith(int fd, const absl::optional<base::Bytes>& xattr,
                                           const TrustSet& trust, crypto::Hasher& hasher) {
  return AppraiseUnchanged(
      fd, [&xattr] { return xattr; }, trust, hasher);
}

}  // namespace jet::appraise

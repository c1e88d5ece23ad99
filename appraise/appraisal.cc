#include "appraise/appraisal.h"

#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "appraise/kernel_words.h"
#include "base/status_macros.h"
#include "crypto/key_type.h"
#include "crypto/verity_digest.h"
#include "ima/ecdsa_signature.h"
#include "ima/file_id.h"
#include "ima/signature.h"

namespace jet::appraise {
namespace {

// What the kernel says differently under each rule.
struct RuleCauses {
  ima::SignatureKind kind;
  const char* signature_required;
  const char* invalid_signature;
  const char* other_reason;  // why a good file may have a signature that does not match
};

constexpr RuleCauses kImasigCauses = {ima::SignatureKind::kContent, kImaSignatureRequired,
                                      kInvalidSignature, ""};
constexpr RuleCauses kSigv3Causes = {ima::SignatureKind::kVerity, kVeritySignatureRequired,
                                     kInvalidVeritySignature,
                                     ", or it is for another block size or salt"};

struct VerdictRow {
  Verdict verdict;
  const char* name;
};

constexpr std::array<VerdictRow, kVerdictCount> kVerdicts = {{
    {Verdict::kValid, "valid"},
    {Verdict::kMismatch, "mismatch"},
    {Verdict::kUnknownKey, "unknown-key"},
    {Verdict::kAmbiguousKey, "ambiguous-key"},
    {Verdict::kNoSignature, "no-signature"},
    {Verdict::kHashOnly, "hash-only"},
    {Verdict::kMalformed, "malformed"},
    {Verdict::kUnsupported, "unsupported"},
    {Verdict::kVerityNotEnabled, "verity-not-enabled"},
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
    return Judge(std::move(appraisal), Verdict::kUnsupported, kInvalidSignatureVersion,
                 absl::StrCat("signature version ", version, " is not taken for file digests"));
  }
  if (version == 1) {
    return Judge(std::move(appraisal), Verdict::kUnsupported, kInvalidSignature,
                 "signature version 1 (the old RSA-only format) is not used for certificates");
  }
  // integrity_digsig_verify answers EOPNOTSUPP, and no cause is set.
  return Judge(std::move(appraisal), Verdict::kUnsupported, kUnknownCause,
               absl::StrCat("signature version ", version, " does not exist"));
}

Appraisal JudgeDefect(Appraisal appraisal, const ima::DecodedXattr& decoded) {
  const std::string why = ima::DescribeDefect(decoded);
  switch (decoded.defect) {
    case ima::XattrDefect::kEmpty:
      return Judge(std::move(appraisal), Verdict::kNoSignature, kImaSignatureRequired, why);
    case ima::XattrDefect::kUnknownType:
      return Judge(std::move(appraisal), Verdict::kMalformed, kUnknownImaData, why);
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

// A signature over an fs-verity digest may name another hash than the file's digest has. An RSA
// signature is bound to the one that it names; the kernel verifies an ECDSA signature over whatever
// digest the file has, as long as the name is that of a SHA (software_key_determine_akcipher).
bool TakesHash(const crypto::KeyType& type, crypto::HashAlgorithm named,
               crypto::HashAlgorithm actual) {
  if (named == actual) return true;
  return type.algorithm == crypto::KeyAlgorithm::kEc && named != crypto::HashAlgorithm::kMd5;
}

// The signature names exactly one key, whose certificate is at hand: does it verify?
absl::StatusOr<Appraisal> JudgeByKey(Appraisal appraisal, const ima::DecodedXattr& decoded,
                                     const RuleCauses& causes, DigestSource digest) {
  const pki::Certificate& certificate = appraisal.key->certificate;
  const crypto::KeyType& type = certificate.public_key().type();
  if (crypto::UseOf(type) == crypto::KeyUse::kNone) {
    return Judge(std::move(appraisal), Verdict::kUnsupported, causes.invalid_signature,
                 absl::StrCat("the kernel's IMA cannot use a key of type ", type.name));
  }
  // Never empty: a hash that is not computed here was judged before.
  const auto hash = ima::HashOfKernelId(*decoded.hash_id);
  JET_ASSIGN_OR_RETURN(appraisal.digest, digest(*hash));
  if (!TakesHash(type, *hash, appraisal.digest->algorithm())) {
    return Judge(std::move(appraisal), Verdict::kMismatch, causes.invalid_signature,
                 absl::StrCat("the signature is for ", crypto::NameOf(*hash),
                              ", the file's fs-verity digest is of another hash"));
  }
  JET_ASSIGN_OR_RETURN(const crypto::Digest signed_digest,
                       ima::SignedDigest(causes.kind, *appraisal.digest));
  const absl::Status verified =
      VerifyAsKernel(certificate.public_key(), signed_digest, decoded.payload);
  if (verified.ok()) {
    appraisal.warnings = WeaknessesOf(crypto::RowOf(signed_digest.algorithm()), certificate);
    return Judge(std::move(appraisal), Verdict::kValid, "", "");
  }
  if (absl::IsFailedPrecondition(verified)) {
    return Judge(std::move(appraisal), Verdict::kUnsupported, causes.invalid_signature,
                 std::string(verified.message()));
  }
  if (!absl::IsUnauthenticated(verified)) return verified;
  return Judge(std::move(appraisal), Verdict::kMismatch, causes.invalid_signature,
               absl::StrCat("the signature does not match: the file or its signature was changed "
                            "after signing",
                            causes.other_reason));
}

absl::StatusOr<Appraisal> JudgeSignature(Appraisal appraisal, const ima::DecodedXattr& decoded,
                                         const TrustSet& trust, const RuleCauses& causes,
                                         DigestSource digest) {
  const KeyMatch match = trust.Find(*decoded.key_id);
  if (match.certificates.size() + match.without_certificate.size() > 1) {
    return Judge(std::move(appraisal), Verdict::kAmbiguousKey, "",
                 "two trusted keys go by this key id; the kernel tries only one, and which one "
                 "cannot be known");
  }
  if (match.certificates.size() == 1) {
    appraisal.key = match.certificates.front();
    return JudgeByKey(std::move(appraisal), decoded, causes, digest);
  }
  if (!match.without_certificate.empty()) {
    return Judge(std::move(appraisal), Verdict::kUnknownKey, "",
                 "key is in the ring, its certificate is not at hand");
  }
  return Judge(std::move(appraisal), Verdict::kUnknownKey, causes.invalid_signature,
               absl::StrCat("no trusted key has the key id ", ima::KeyIdText(*decoded.key_id)));
}

// The defects of a value of type 0x06, where it is the type that is wanted.
Appraisal JudgeVerityDefect(Appraisal appraisal, const ima::DecodedXattr& decoded) {
  const std::string why = ima::DescribeDefect(decoded);
  // The kernel reads a zero where the version is cut off (vfs_getxattr_alloc).
  if (!decoded.version.has_value()) {
    return Judge(std::move(appraisal), Verdict::kMalformed, kInvalidSignatureVersion, why);
  }
  if (decoded.defect == ima::XattrDefect::kUnknownVersion) {
    return Judge(std::move(appraisal), Verdict::kUnsupported, kInvalidSignatureVersion, why);
  }
  const Verdict verdict = decoded.defect == ima::XattrDefect::kUnknownHash ? Verdict::kUnsupported
                                                                           : Verdict::kMalformed;
  return Judge(std::move(appraisal), verdict, kSigv3Causes.invalid_signature, why);
}

// A signature over an fs-verity digest without defect.
absl::StatusOr<Appraisal> JudgeVeritySignature(Appraisal appraisal,
                                               const ima::DecodedXattr& decoded,
                                               const TrustSet& trust,
                                               const absl::optional<crypto::Digest>& measured,
                                               DigestSource computed) {
  const auto stated = ima::HashOfKernelId(*decoded.hash_id);
  // Of a file that is enabled it need not be the one that the signature names (TakesHash).
  const auto hash = stated.has_value() && measured.has_value() ? measured->algorithm() : stated;
  if (!hash.has_value() || !crypto::IsVerityHash(*hash)) {
    std::string detail =
        absl::StrCat("fs-verity has no ",
                     hash.has_value() ? crypto::NameOf(*hash) : appraisal.hash_name, " digests");
    return Judge(std::move(appraisal), Verdict::kUnsupported, kSigv3Causes.invalid_signature,
                 std::move(detail));
  }
  return JudgeSignature(std::move(appraisal), decoded, trust, kSigv3Causes,
                        [&](crypto::HashAlgorithm named) -> absl::StatusOr<crypto::Digest> {
                          if (measured.has_value()) return *measured;
                          return computed(named);
                        });
}

// Judges as the kernel would once it has the digest.
absl::StatusOr<Appraisal> JudgeVerity(const absl::optional<base::Bytes>& xattr,
                                      const TrustSet& trust,
                                      const absl::optional<crypto::Digest>& measured,
                                      DigestSource computed) {
  if (!xattr.has_value() || xattr->empty()) {
    return Judge({}, Verdict::kNoSignature, kSigv3Causes.signature_required,
                 xattr.has_value() ? "security.ima is empty" : "the file has no security.ima");
  }
  const ima::DecodedXattr decoded = ima::DecodeXattr(*xattr);
  Appraisal appraisal = Describe(decoded);
  if (IsType(decoded, ima::XattrType::kDigest) || IsType(decoded, ima::XattrType::kDigestNg)) {
    return Judge(std::move(appraisal), Verdict::kHashOnly, kSigv3Causes.signature_required,
                 "the file has only a digest, which anybody can make");
  }
  if (IsType(decoded, ima::XattrType::kSignature)) {
    return Judge(
        std::move(appraisal), Verdict::kUnsupported, kSigv3Causes.signature_required,
        "a signature over the file's content counts only under appraise_type=imasig rules");
  }
  if (!decoded.is_signature()) return JudgeDefect(std::move(appraisal), decoded);
  if (decoded.defect != ima::XattrDefect::kNone) {
    return JudgeVerityDefect(std::move(appraisal), decoded);
  }
  return JudgeVeritySignature(std::move(appraisal), decoded, trust, measured, computed);
}

}  // namespace

const char* VerdictName(Verdict verdict) {
  const auto index = static_cast<size_t>(verdict);
  return index < kVerdicts.size() ? kVerdicts[index].name : "unknown";
}

const std::vector<Verdict>& AllVerdicts() {
  static const std::vector<Verdict> kAll = [] {
    std::vector<Verdict> all;
    all.reserve(kVerdicts.size());
    for (const VerdictRow& row : kVerdicts) all.push_back(row.verdict);
    return all;
  }();
  return kAll;
}

Rule RuleForValue(base::ByteSpan value) {
  const bool verity =
      !value.empty() && value[0] == static_cast<uint8_t>(ima::XattrType::kVeritySignature);
  return verity ? Rule::kSigv3 : Rule::kImasig;
}

absl::StatusOr<Appraisal> Appraise(const absl::optional<base::Bytes>& xattr, const TrustSet& trust,
                                   DigestSource digest) {
  if (!xattr.has_value()) {
    return Judge({}, Verdict::kNoSignature, kImaSignatureRequired, "the file has no security.ima");
  }
  const ima::DecodedXattr decoded = ima::DecodeXattr(*xattr);
  Appraisal appraisal = Describe(decoded);
  if (NamesUnavailableHash(decoded)) return JudgeUnavailableHash(std::move(appraisal), decoded);
  // The kernel looks at the type before anything else: a digest, good or bad, is no signature, and
  // neither is a signature over an fs-verity digest under such a rule.
  if (IsType(decoded, ima::XattrType::kDigest) || IsType(decoded, ima::XattrType::kDigestNg)) {
    return Judge(std::move(appraisal), Verdict::kHashOnly, kImaSignatureRequired,
                 "the file has only a digest, which anybody can make");
  }
  if (IsType(decoded, ima::XattrType::kVeritySignature)) {
    return Judge(
        std::move(appraisal), Verdict::kUnsupported, kImaSignatureRequired,
        "a signature over the fs-verity digest counts only under digest_type=verity rules");
  }
  if (decoded.defect != ima::XattrDefect::kNone) {
    return JudgeDefect(std::move(appraisal), decoded);
  }
  return JudgeSignature(std::move(appraisal), decoded, trust, kImasigCauses, digest);
}

absl::StatusOr<Appraisal> AppraiseVerity(const absl::optional<base::Bytes>& xattr,
                                         const TrustSet& trust,
                                         const absl::optional<crypto::Digest>& measured,
                                         DigestSource computed) {
  JET_ASSIGN_OR_RETURN(Appraisal appraisal, JudgeVerity(xattr, trust, measured, computed));
  appraisal.verity_enabled = measured.has_value();
  if (measured.has_value()) return appraisal;
  // The kernel fails before it looks at security.ima.
  appraisal.kernel_cause = kNoVerityDigest;
  if (appraisal.verdict == Verdict::kValid) {
    appraisal.verdict = Verdict::kVerityNotEnabled;
    appraisal.detail = absl::StrCat(
        "the signature is good, but fs-verity is not enabled on the file: it runs once that is, "
        "with ",
        appraisal.hash_name, ", blocks of 4096 bytes and no salt");
  } else {
    absl::StrAppend(&appraisal.detail, "; and fs-verity is not enabled on the file");
  }
  return appraisal;
}

}  // namespace jet::appraise

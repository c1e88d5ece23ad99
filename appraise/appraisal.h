// Judges a file's security.ima as the kernel does.
#ifndef JET_APPRAISE_APPRAISAL_H_
#define JET_APPRAISE_APPRAISAL_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "appraise/trust_set.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/hash_algorithm.h"
#include "ima/key_id.h"

namespace jet::appraise {

// The rule of the kernel's policy that the file comes under.
enum class Rule {
  kImasig,  // appraise_type=imasig: wants a signature over the file's content
  kSigv3,   // digest_type=verity appraise_type=sigv3: wants one over its fs-verity digest
};

// Returns the rule under which a value of security.ima like this one can be valid: kSigv3 for a
// signature over an fs-verity digest, else kImasig.
Rule RuleForValue(base::ByteSpan value);

// The answer about a file under a rule. The kernel runs the file when it is kValid and refuses it
// otherwise; for kAmbiguousKey that cannot be known.
enum class Verdict {
  kValid,         // signed by a trusted key, over exactly these bytes; its dates do not matter
  kMismatch,      // a trusted key, but not its signature over these bytes
  kUnknownKey,    // a signature by a key that is not trusted
  kAmbiguousKey,  // two trusted keys go by the signature's key id
  kNoSignature,   // no security.ima
  kHashOnly,      // a digest without a signature
  kMalformed,     // a value that the kernel cannot read
  kUnsupported,   // a signature of a kind that the kernel does not take here
  // Under kSigv3: it would be valid if fs-verity were enabled on the file, with the signature's
  // hash, blocks of 4096 bytes and no salt.
  kVerityNotEnabled,
};

// How many verdicts there are.
inline constexpr size_t kVerdictCount = static_cast<size_t>(Verdict::kVerityNotEnabled) + 1;

// Returns the verdict's stable name: "valid", "mismatch", "unknown-key", ...; "unknown" for one
// that is none.
const char* VerdictName(Verdict verdict);

// Returns every verdict, in the order of the enum.
const std::vector<Verdict>& AllVerdicts();

// What was found out about a file. A value, which points into the trust set. The kernel does not
// look at the dates of a certificate, and no verdict and no warning here does: whoever cares asks
// ima::CheckDates about key->certificate.
struct Appraisal {
  // The answer.
  Verdict verdict = Verdict::kNoSignature;
  // The word that Linux 6.1 writes after cause= in its audit record; empty when it runs the file or
  // when what it does cannot be known.
  std::string kernel_cause;
  std::string detail;  // why, in plain words
  // What the file's security.ima says, as far as it could be read.
  absl::optional<int> signature_version;
  absl::optional<ima::KeyId> key_id;  // that the signature names
  std::string hash_name;              // of the signature or digest: "sha256"
  // The trusted key that the signature names; null without one. Owned by the trust set, and valid
  // as long as that.
  const ima::NamedCertificate* key = nullptr;
  // The digest of the file, where it was needed: of its content, under kSigv3 its fs-verity digest.
  absl::optional<crypto::Digest> digest;
  absl::optional<bool> verity_enabled;  // on the file; nullopt under kImasig
  // What is valid to the kernel and yet unwise: a weak hash or key. Not: a certificate out of its
  // dates.
  std::vector<std::string> warnings;
};

// Yields the file's digest; called at most once, and only when it decides.
using DigestSource = absl::FunctionRef<absl::StatusOr<crypto::Digest>(crypto::HashAlgorithm)>;

// Judges a file under kImasig by the value of its security.ima (nullopt: it has none), its content
// and the trusted keys alone. The causes are those of ima_appraise_measurement and
// asymmetric_verify in Linux 6.1. An error means that no verdict could be found: `digest` failed,
// or OpenSSL did. Thread-safe.
absl::StatusOr<Appraisal> Appraise(const absl::optional<base::Bytes>& xattr, const TrustSet& trust,
                                   DigestSource digest);
// Not of a trust set that is gone before the appraisal, which points into it.
absl::StatusOr<Appraisal> Appraise(const absl::optional<base::Bytes>& xattr, const TrustSet&& trust,
                                   DigestSource digest) = delete;

// The same under kSigv3. `measured` is the fs-verity digest that the kernel has for the file,
// nullopt when fs-verity is not enabled on it; `computed` yields the one that enabling it would
// give. The causes are also those of ima_collect_measurement.
absl::StatusOr<Appraisal> AppraiseVerity(const absl::optional<base::Bytes>& xattr,
                                         const TrustSet& trust,
                                         const absl::optional<crypto::Digest>& measured,
                                         DigestSource computed);
// Not of a trust set that is gone before the appraisal, which points into it.
absl::StatusOr<Appraisal> AppraiseVerity(const absl::optional<base::Bytes>& xattr,
                                         const TrustSet&& trust,
                                         const absl::optional<crypto::Digest>& measured,
                                         DigestSource computed) = delete;

// Judges a file that has this content and, unless that is nullopt, `xattr` as its security.ima,
// under `rule`. No file is needed, and under kSigv3 none has fs-verity enabled: a good signature is
// kVerityNotEnabled. Thread-safe.
absl::StatusOr<Appraisal> AppraiseContent(base::ByteSpan content,
                                          const absl::optional<base::Bytes>& xattr,
                                          const TrustSet& trust, Rule rule = Rule::kImasig);
// Not of a trust set that is gone before the appraisal, which points into it.
absl::StatusOr<Appraisal> AppraiseContent(base::ByteSpan content,
                                          const absl::optional<base::Bytes>& xattr,
                                          const TrustSet&& trust,
                                          Rule rule = Rule::kImasig) = delete;

// The same of a file with this digest: of its content or, under kSigv3, the fs-verity digest that
// the kernel has for it; with one by an algorithm that fs-verity has not, no signature is better
// than kUnsupported. FAILED_PRECONDITION when the verdict rests on a digest by another algorithm,
// which the message names. Thread-safe.
absl::StatusOr<Appraisal> AppraiseDigest(const crypto::Digest& digest,
                                         const absl::optional<base::Bytes>& xattr,
                                         const TrustSet& trust, Rule rule = Rule::kImasig);
// Not of a trust set that is gone before the appraisal, which points into it.
absl::StatusOr<Appraisal> AppraiseDigest(const crypto::Digest& digest,
                                         const absl::optional<base::Bytes>& xattr,
                                         const TrustSet&& trust,
                                         Rule rule = Rule::kImasig) = delete;

// Judges the open regular file `fd` by its security.ima under `rule`. ABORTED when it changed while
// it was read. Thread-safe, with a Hasher per thread.
absl::StatusOr<Appraisal> AppraiseFile(int fd, const TrustSet& trust, crypto::Hasher& hasher,
                                       Rule rule = Rule::kImasig);
// Not of a trust set that is gone before the appraisal, which points into it.
absl::StatusOr<Appraisal> AppraiseFile(int fd, const TrustSet&& trust, crypto::Hasher& hasher,
                                       Rule rule = Rule::kImasig) = delete;

// The same as if `xattr` were its security.ima, whatever it has.
absl::StatusOr<Appraisal> AppraiseFileWith(int fd, const absl::optional<base::Bytes>& xattr,
                                           const TrustSet& trust, crypto::Hasher& hasher,
                                           Rule rule = Rule::kImasig);
// Not of a trust set that is gone before the appraisal, which points into it.
absl::StatusOr<Appraisal> AppraiseFileWith(int fd, const absl::optional<base::Bytes>& xattr,
                                           const TrustSet&& trust, crypto::Hasher& hasher,
                                           Rule rule = Rule::kImasig) = delete;

}  // namespace jet::appraise

#endif  // JET_APPRAISE_APPRAISAL_H_

// The words of the kernel's audit records about appraisal, as they stand in
// security/integrity/ima/ima_appraise.c and ima_api.c of Linux 6.1. Internal to this folder.
#ifndef JET_APPRAISE_KERNEL_WORDS_H_
#define JET_APPRAISE_KERNEL_WORDS_H_

namespace jet::appraise {

// After cause=, with op=appraise_data.
inline constexpr char kImaSignatureRequired[] = "IMA-signature-required";
inline constexpr char kVeritySignatureRequired[] = "verity-signature-required";
inline constexpr char kInvalidSignature[] = "invalid-signature";
inline constexpr char kInvalidVeritySignature[] = "invalid-verity-signature";
inline constexpr char kInvalidSignatureVersion[] = "invalid-signature-version";
inline constexpr char kUnverifiableSignature[] = "unverifiable-signature";
inline constexpr char kUnknownImaData[] = "unknown-ima-data";
inline constexpr char kMissingHash[] = "missing-hash";
inline constexpr char kMissingHmac[] = "missing-HMAC";
inline constexpr char kUnknownCause[] = "unknown";

// After cause=, with op=collect_data.
inline constexpr char kCollectFailed[] = "failed";  // the file could not be hashed
inline constexpr char kDeniedAlgorithm[] = "denied-hash-algorithm";
inline constexpr char kNoVerityDigest[] = "no-verity-digest";

// After op=.
inline constexpr char kAppraiseOperation[] = "appraise_data";
inline constexpr char kCollectOperation[] = "collect_data";

}  // namespace jet::appraise

#endif  // JET_APPRAISE_KERNEL_WORDS_H_

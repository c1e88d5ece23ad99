// Signs one open file, wherever its signature is kept.
#ifndef JET_SIGN_FILE_SIGNER_H_
#define JET_SIGN_FILE_SIGNER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "base/change_guard.h"
#include "crypto/digest.h"
#include "crypto/hash_algorithm.h"
#include "crypto/signer.h"
#include "ima/key_id.h"
#include "ima/named_certificate.h"
#include "ima/signature.h"
#include "sign/file_digest.h"
#include "sign/signature_store.h"

namespace jet::sign {

// What became of a file.
enum class SignResult {
  kSigned,        // a new signature was written and read back
  kAlreadyValid,  // the file had a valid signature by this key and hash; nothing was written
  kKept,          // the file has a valid signature by another known key; nothing was written
  kWouldSign,     // as kSigned, but this is a dry run: nothing was written
};

// What a file's signature was before.
enum class Previous {
  kNone,             // there was none
  kUnusable,         // security.ima, or what stands for it, is not a signature that can be checked
  kMismatch,         // of a key that is known here, and it does not match
  kUnknownKey,       // no key that is known here made it
  kOtherHash,        // by this key with another hash; whether it matches was not looked at
  kOtherKind,        // over the other kind of digest (ima::SignatureKind); likewise
  kValid,            // valid, by this key
  kValidByKnownKey,  // valid, by another key that is known here
};

// `previous` in words: "no signature", "signature does not match", ...
const char* PreviousText(Previous previous);

// The word for `result` in messages and JSON: "signed", "already-valid", "kept", "would-sign".
const char* SignResultName(SignResult result);

// The same, and all that is known about it. A value.
struct SignOutcome {
  SignResult result;                   // what was done
  crypto::Digest digest;               // of the content, or the fs-verity digest
  absl::optional<VerityState> verity;  // nullopt when it is the digest of the content
  base::Bytes value;                   // of security.ima: the one written, or the one found
  // How changes meanwhile would have been noticed.
  base::ChangeDetection change_detection = base::ChangeDetection::kLease;
  absl::optional<Previous> previous;  // nullopt where it did not matter (force)
  std::string previous_key_name;      // for kValidByKnownKey
  std::vector<std::string> lost;      // of a copy: what it could not keep, in words
};

// How files are signed.
struct FileSignerOptions {
  // For kVerity one that fs-verity has (crypto::IsVerityHash); a file on which fs-verity is enabled
  // is signed with the hash that it was enabled with.
  crypto::HashAlgorithm hash = crypto::HashAlgorithm::kSha256;
  bool force = false;    // sign whatever signature there is
  bool dry_run = false;  // do all but write
  // Over which digest.
  ima::SignatureKind kind = ima::SignatureKind::kContent;
  // On each file, once it has its signature, with that one's hash; for kVerity only.
  bool enable_verity = false;
  // With enable_verity: a valid signature by this key over another hash is left alone as well.
  bool any_hash = false;
};

// Signs files with one key. Thread-safe, as long as every thread brings its own Hasher.
class FileSigner {
 public:
  // `signer` is not owned and must outlive this object. `known` are certificates whose valid
  // signatures are kept. INVALID_ARGUMENT when nothing could be signed with `options`: a hash too
  // weak to sign with, for kVerity one that fs-verity has not, or enable_verity without kVerity.
  // FAILED_PRECONDITION as of KeyIdOfSigner; what that does not look at, dates and keyUsage, is the
  // caller's to check (ima::CheckSigningCertificate).
  static absl::StatusOr<FileSigner> New(const crypto::Signer& signer,
                                        const pki::Certificate& certificate,
                                        std::vector<ima::NamedCertificate> known,
                                        const FileSignerOptions& options);

  // As they were given to New.
  const FileSignerOptions& options() const { return options_; }

  // The key id that the signatures carry.
  const ima::KeyId& key_id() const { return key_id_; }

  // Signs the regular file `fd`, open for reading only: watches it for changes, hashes it, signs,
  // verifies and puts the signature into `store`, unless a valid one is there. When the file
  // changed it starts over, twice; then ABORTED, and `store` holds no new signature. UNAVAILABLE
  // while somebody has the file open for writing; otherwise what `store` says. With enable_verity
  // fs-verity is enabled once the signature is in `store`, new or found, and measured; when that
  // fails, what was in `store` is put back (SignatureStore::TakeBack). What would be in the way
  // (CheckBeforeEnabling) is looked for before, also in a dry run, which enables nothing; errors
  // for which VerityWasEnabled is true are of a file that has it enabled now.
  absl::StatusOr<SignOutcome> Sign(int fd, SignatureStore& store, crypto::Hasher& hasher) const;

  // Looks for the signature that Sign would leave in `store` unless it is forced: kAlreadyValid or
  // kKept, and nullopt when there is none. Nothing is written. Errors as of Sign.
  absl::StatusOr<absl::optional<SignOutcome>> FindExisting(int fd, const SignatureStore& store,
                                                           crypto::Hasher& hasher) const;

 private:
  FileSigner(const crypto::Signer& signer, const ima::KeyId& key_id,
             std::vector<ima::NamedCertificate> known, const FileSignerOptions& options)
      : signer_(&signer), key_id_(key_id), known_(std::move(known)), options_(options) {}

  absl::StatusOr<SignOutcome> SignOnce(int fd, SignatureStore& store, crypto::Hasher& hasher) const;
  bool IsToEnable(const SignOutcome& outcome) const;
  absl::StatusOr<SignOutcome> HashForOutcome(int fd, crypto::Hasher& hasher,
                                             const base::ChangeGuard& guard) const;
  absl::StatusOr<SignOutcome> LookAtExisting(int fd, const SignatureStore& store,
                                             crypto::Hasher& hasher,
                                             const SignOutcome& outcome) const;
  absl::StatusOr<FileDigest> DigestWith(int fd, crypto::HashAlgorithm hash,
                                        crypto::Hasher& hasher) const;
  absl::Status LookForOtherHash(int fd, const ima::DecodedXattr& decoded,
                                crypto::HashAlgorithm hash, crypto::Hasher& hasher,
                                SignOutcome& existing) const;
  absl::Status LookForKnownKey(int fd, const ima::DecodedXattr& decoded, crypto::HashAlgorithm hash,
                               crypto::Hasher& hasher, SignOutcome& existing) const;

  const crypto::Signer* signer_;
  ima::KeyId key_id_;
  std::vector<ima::NamedCertificate> known_;
  FileSignerOptions options_;
};

}  // namespace jet::sign

#endif  // JET_SIGN_FILE_SIGNER_H_

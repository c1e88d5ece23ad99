// The value of security.ima: its layout, how it is read and how it is written.
#ifndef JET_IMA_SIGNATURE_H_
#define JET_IMA_SIGNATURE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "crypto/hash_algorithm.h"
#include "ima/key_id.h"

namespace jet::ima {

// The first byte of the value (security/integrity/integrity.h, enum evm_ima_xattr_type).
enum class XattrType : uint8_t {
  kDigest = 0x01,           // IMA_XATTR_DIGEST: a sha1 or md5 digest
  kEvmHmac = 0x02,          // EVM_XATTR_HMAC
  kSignature = 0x03,        // EVM_IMA_XATTR_DIGSIG: a signature
  kDigestNg = 0x04,         // IMA_XATTR_DIGEST_NG: hash id, digest
  kEvmPortable = 0x05,      // EVM_XATTR_PORTABLE_DIGSIG
  kVeritySignature = 0x06,  // IMA_VERITY_DIGSIG: a signature over an fs-verity digest
};

// Signature version 2. All fields of more than one byte are big endian, nothing is padded:
//   offset 0  1  type 0x03
//          1  1  version 2
//          2  1  hash algorithm (include/uapi/linux/hash_info.h)
//          3  4  key id
//          7  2  size of the signature, which is all that is left
//          9  n  RSA: PKCS#1 v1.5; ECDSA: DER SEQUENCE { r, s }
// Version 3 (type 0x06, over an fs-verity digest) has the same layout.
inline constexpr size_t kSignatureHeaderSize = 9;
// The versions of signatures that are made and judged here.
inline constexpr uint8_t kSignatureVersion2 = 2;  // over the digest of a content
inline constexpr uint8_t kSignatureVersion3 = 3;  // over an fs-verity digest

// What a signature is over, which its type and version say.
enum class SignatureKind {
  kContent,  // type 0x03, version 2: the digest of the file's content
  // Type 0x06, version 3: its fs-verity digest. What is signed is the hash, by the digest's
  // algorithm, of struct ima_file_id (calc_file_id_hash in Linux' ima_appraise.c): type 0x06, the
  // number of that algorithm, and the digest.
  kVerity,
};

// Returns the kernel's number of `algorithm`.
uint8_t KernelHashId(crypto::HashAlgorithm algorithm);

// Returns the kernel's name of a hash number ("sm3"), or nullopt for one that Linux 6.1 has not.
absl::optional<std::string> KernelHashName(uint8_t id);

// Returns the algorithm of a hash number, or nullopt for one that this project does not compute.
absl::optional<crypto::HashAlgorithm> HashOfKernelId(uint8_t id);

// A signature as it is to be written.
struct Signature {
  crypto::HashAlgorithm hash;                    // that the signed digest was made by
  KeyId key_id;                                  // of the key that signed
  base::Bytes signature;                         // 1 to 65535 bytes
  SignatureKind kind = SignatureKind::kContent;  // what it is over
};

// Encodes the value of security.ima. INVALID_ARGUMENT when the signature is empty or too long.
absl::StatusOr<base::Bytes> EncodeSignature(const Signature& signature);

// What is wrong with a value that does not decode.
enum class XattrDefect {
  kNone,
  kEmpty,            // no byte at all
  kUnknownType,      // a first byte that security.ima never has
  kTruncated,        // the header does not fit
  kWrongSize,        // the size field and the bytes that follow it differ
  kUnknownVersion,   // version 0, 4 and up, or one that does not go with the type
  kUnknownHash,      // a hash number that Linux 6.1 has not
  kWrongDigestSize,  // a digest of another size than its algorithm's
};

// Everything that can be read out of a value of security.ima. Fields past a defect are empty; those
// before it are filled in, for people who look for the cause.
struct DecodedXattr {
  // What is wrong with it.
  XattrDefect defect = XattrDefect::kNone;
  absl::optional<uint8_t> type;          // the first byte
  absl::optional<uint8_t> version;       // of a signature
  absl::optional<uint8_t> hash_id;       // the kernel's number
  absl::optional<KeyId> key_id;          // of a signature
  absl::optional<uint16_t> stated_size;  // the size field of a signature
  base::Bytes payload;                   // the signature or the digest

  // True for a type that holds a signature (0x03, 0x06).
  bool is_signature() const;

  // What a signature without defect is over; nullopt for everything else.
  absl::optional<SignatureKind> kind() const;
};

// Decodes any value, as strictly as the kernel does (digsig_asymmetric.c, asymmetric_verify).
DecodedXattr DecodeXattr(base::ByteSpan value);

// Says in plain words what `defect` of `decoded` is: "the size field says 255 bytes, 256 follow".
std::string DescribeDefect(const DecodedXattr& decoded);

}  // namespace jet::ima

#endif  // JET_IMA_SIGNATURE_H_

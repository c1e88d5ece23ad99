// What two keystores say to each other: one framed, checksummed record each way
// (docs/formats/transfer.md).
#ifndef JET_KEYSTORE_TRANSFER_H_
#define JET_KEYSTORE_TRANSFER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "crypto/secret.h"

namespace jet::keystore {

// The largest records that are read, in bytes.
inline constexpr size_t kMaxTransferRequest = 1200 * 1024;
inline constexpr size_t kMaxTransferReply = 4200 * 1024;

// How a program says that it does not know an operation, an older one too; the number follows.
inline constexpr char kUnknownOperation[] = "the record asks for an unknown operation";

enum class TransferOperation {
  kPut,     // store this key
  kDelete,  // remove this key, if it has this certificate
  kRename,  // give this key another name, if it has this certificate
  kList,    // say what keys there are
};

// What the near side asks. All texts are ASCII; hashes are lower-case hexadecimal.
struct TransferRequest {
  TransferOperation operation = TransferOperation::kList;
  std::string id;                      // 32 hexadecimal digits: NewTransferId
  std::string name;                    // put, delete, rename: the old name
  std::string new_name;                // rename
  std::string subject_key_identifier;  // put
  std::string certificate_sha256;      // put, delete, rename
  base::Bytes certificate;             // put: DER
  crypto::Secret private_key;          // put: PKCS#8, PEM, not encrypted; empty for none
};

enum class TransferStatus {
  kDone,      // it has been done
  kAlready,   // there was nothing to do: it is there already, or gone already
  kMissing,   // rename: the key has neither name there; nothing was done
  kConflict,  // another key has the name, or the key id; nothing was done
  kRefused,   // the far side does not allow it
  kFailed,    // it could not be done
};

// A key as one side tells the other of it.
struct PeerKey {
  std::string name;
  std::string certificate_sha256;  // empty: the key is damaged
  bool has_private_key = false;

  friend bool operator==(const PeerKey& a, const PeerKey& b) = default;
};

// What the far side answers.
struct TransferReply {
  std::string id;  // of the request; empty when that could not be read
  TransferStatus status = TransferStatus::kFailed;
  bool has_private_key = false;  // put, rename: whether the key is there with its private key
  std::string message;           // for people, foreign text; for kDone only that of a list
  std::vector<PeerKey> keys;     // list
};

// Returns a new random id for a request.
absl::StatusOr<std::string> NewTransferId();

// Returns the record. It is a secret, as it may hold a private key. RESOURCE_EXHAUSTED when a part
// is larger than the format allows.
absl::StatusOr<crypto::Secret> EncodeTransferRequest(const TransferRequest& request);

// Decodes exactly one request. INVALID_ARGUMENT says what is wrong with it (no such record,
// truncated, bytes after it, checksum, header), UNIMPLEMENTED names an unknown format version,
// RESOURCE_EXHAUSTED a part that is too large. The certificate is the one whose hash the header
// has; whether it is a certificate, and of that identifier, is for the caller to see.
absl::StatusOr<TransferRequest> DecodeTransferRequest(base::ByteSpan record);

// Returns the record. It is no secret, as a reply holds no private key. RESOURCE_EXHAUSTED when the
// header is larger than the format allows.
absl::StatusOr<base::Bytes> EncodeTransferReply(const TransferReply& reply);

// Decodes exactly one reply; errors as DecodeTransferRequest.
absl::StatusOr<TransferReply> DecodeTransferReply(base::ByteSpan record);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_TRANSFER_H_

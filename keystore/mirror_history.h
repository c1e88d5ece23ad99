// Which certificates of a keystore were put into a keyring: what --prune may take out again.
#ifndef JET_KEYSTORE_MIRROR_HISTORY_H_
#define JET_KEYSTORE_MIRROR_HISTORY_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "pki/certificate.h"

namespace jet::keystore {

class StoreFolder;
class StoreKeys;

// The file in the keystore's folder.
inline constexpr char kMirrorHistoryFile[] = "mirror-history";

// A certificate that was mirrored. Keyrings show the identifier only.
struct MirroredCertificate {
  base::Bytes subject_key_identifier;
  std::string sha256;  // of the DER, 64 hexadecimal digits

  friend bool operator==(const MirroredCertificate& a, const MirroredCertificate& b) {
    return a.subject_key_identifier == b.subject_key_identifier && a.sha256 == b.sha256;
  }
};

// The certificates that were mirrored, the oldest first. A value.
class MirrorHistory {
 public:
  // The most that are kept: then the oldest is forgotten, and thus never pruned.
  static constexpr size_t kMaxCertificates = 4096;
  // The longest identifier that is kept, in bytes; usual are 20.
  static constexpr size_t kMaxIdentifier = 64;

  const std::vector<MirroredCertificate>& certificates() const { return certificates_; }

  // Remembers `certificate`. False when it is there already, or has no identifier that can be kept.
  bool Add(MirroredCertificate certificate);
  absl::StatusOr<bool> Add(const pki::Certificate& certificate);

  // How many certificates with this identifier were mirrored.
  size_t CountWith(base::ByteSpan subject_key_identifier) const;

 private:
  std::vector<MirroredCertificate> certificates_;
};

// The file is lines of text (docs/formats/keystore.md): a header that names the store key, one line
// for each certificate, and the HMAC of all that under the store key.
struct MirrorHistoryFile {
  std::string lines;         // all but the last
  std::string store_key_id;  // that the header names
  MirrorHistory history;
  base::Bytes hmac;  // that the last line says
};

// Returns all lines but the last.
std::string EncodeMirrorHistory(const MirrorHistory& history, absl::string_view store_key_id);

// Returns the last line.
std::string EncodeMirrorHistoryHmac(base::ByteSpan hmac);

// Decodes the file's content. Nothing in it is proven until the HMAC is checked. There is one
// encoding of every history: DATA_LOSS for any other, UNIMPLEMENTED for another version.
absl::StatusOr<MirrorHistoryFile> DecodeMirrorHistory(base::ByteSpan content);

// Reads the history of the keystore `folder` and checks its HMAC; an empty one when there is no
// file, for which `keys` need not be at hand. DATA_LOSS when it was damaged or edited,
// FAILED_PRECONDITION when the store key that it names is not at hand or others may write the file.
absl::StatusOr<MirrorHistory> ReadMirrorHistory(const StoreFolder& folder,
                                                const absl::StatusOr<const StoreKeys*>& keys);
absl::StatusOr<MirrorHistory> ReadMirrorHistory(const StoreFolder& folder, const StoreKeys& keys);

// Adds `certificates` to the history of `folder`, which is written only when one is new to it.
// REQUIRES: a writer's folder.
absl::Status RememberInMirrorHistory(StoreFolder& folder, const StoreKeys& keys,
                                     const std::vector<pki::Certificate>& certificates);

// For a keystore that is moved to another store key: writes the history under `keys.newest()` where
// it is under another. One that cannot be authenticated stays as it is; one that the system fails
// to read is an error.
absl::Status MoveMirrorHistory(StoreFolder& folder, const StoreKeys& keys);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_MIRROR_HISTORY_H_

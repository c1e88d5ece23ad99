// A manifest: the signatures of a tree in one text file. docs/formats/manifest.md has the format.
#ifndef JET_SIGN_MANIFEST_H_
#define JET_SIGN_MANIFEST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "ima/key_id.h"

namespace jet::sign {

// One file of a manifest and its signature.
struct ManifestEntry {
  std::string path;       // relative to the tree's root
  crypto::Digest digest;  // of the file's content
  ima::KeyId key_id;
  base::Bytes signature;  // without the header that security.ima has
};

// The longest path that a manifest may have: PATH_MAX of Linux without its NUL.
inline constexpr size_t kMaxManifestPath = 4095;

// Takes a value of security.ima apart that this program made for a file with this digest.
// INVALID_ARGUMENT when it is no signature of version 2 over a digest of that algorithm.
absl::StatusOr<ManifestEntry> MakeManifestEntry(std::string path, const crypto::Digest& digest,
                                                base::ByteSpan value);

// Returns the value of security.ima that the entry stands for.
absl::StatusOr<base::Bytes> XattrOf(const ManifestEntry& entry);

// Encodes a manifest; the entries may come in any order. INVALID_ARGUMENT when a path is none that
// a manifest may have, or is there twice.
absl::StatusOr<std::string> EncodeManifest(std::vector<ManifestEntry> entries);

// Decodes a manifest. INVALID_ARGUMENT, naming the line, for everything but the one encoding of its
// entries: what EncodeManifest would not write is not read. DATA_LOSS when its last line does not
// fit the lines before, or is missing: the manifest was cut off or damaged. That is a check against
// accidents only; what authenticates each file is its signature.
absl::StatusOr<std::vector<ManifestEntry>> DecodeManifest(absl::string_view text);

}  // namespace jet::sign

#endif  // JET_SIGN_MANIFEST_H_

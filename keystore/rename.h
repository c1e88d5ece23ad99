// Gives a stored key another name, so that a power cut never leaves it with two names or none.
#ifndef JET_KEYSTORE_RENAME_H_
#define JET_KEYSTORE_RENAME_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "keystore/store_folder.h"

namespace jet::keystore {

// The file in staging/ that says which rename is under way (docs/formats/keystore.md).
inline constexpr char kRenameJournal[] = "rename.journal";

// A rename from one name in keys/ to another.
struct KeyRename {
  std::string from;
  std::string to;
};

// Puts the folder `staged`, a copy of the key under its new name, into keys/ and takes the old one
// out; keys/`to` must be free. When it fails the key has its old name, or the message says that the
// next writer finishes the rename.
absl::Status RenameByJournal(StoreFolder& folder, const KeyRename& rename,
                             const std::string& staged);

// Finishes or takes back the rename that a killed writer left, and says in words what it did;
// nullopt when there was none. A key is taken out only when the new name holds the same certificate
// (or request) and private key, byte for byte. REQUIRES: `folder` is opened for writing.
absl::StatusOr<absl::optional<std::string>> FinishRename(StoreFolder& folder);

// Decodes the content of the journal; nullopt for anything that was not written as one: then the
// rename had not begun.
absl::optional<KeyRename> DecodeRenameJournal(absl::string_view content);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_RENAME_H_

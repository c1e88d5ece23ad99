#include "keystore/rename.h"

#include <fcntl.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "keystore/key_folder.h"

namespace jet::keystore {
namespace {

constexpr mode_t kJournalMode = 0600;
constexpr size_t kMaxJournal = 1024;
constexpr char kFirstLine[] = "jet keystore rename 1";

std::string EncodeJournal(const KeyRename& rename) {
  return absl::StrCat(kFirstLine, "\n", rename.from, "\n", rename.to, "\n");
}

std::string InWords(const KeyRename& rename) {
  return absl::StrCat("'", rename.from, "' to '", rename.to, "'");
}

// On disk before the first change to keys/, so that whoever finds the new name finds the journal.
absl::Status WriteJournal(const StoreFolder& folder, const KeyRename& rename) {
  JET_RETURN_IF_ERROR(base::WriteNewFileAt(folder.staging(), kRenameJournal, kJournalMode,
                                           base::AsBytes(EncodeJournal(rename))));
  return folder.SyncStaging();
}

// Synced: a journal that came back after a power cut would speak of keys that are others by then.
absl::Status RemoveJournal(const StoreFolder& folder) {
  JET_RETURN_IF_ERROR(folder.RemoveStaged(kRenameJournal));
  return folder.SyncStaging();
}

// Ends a rename that failed with `reason` before the old name was given up.
absl::Status TakeBack(const StoreFolder& folder, const KeyRename& rename, const std::string& staged,
                      const absl::Status& reason) {
  const absl::StatusOr<bool> placed = folder.HasEntry(rename.to);
  absl::Status status = placed.status();
  if (placed.ok() && *placed) status = folder.TakeOutKey(rename.to, staged);
  if (status.ok()) status = RemoveJournal(folder);
  if (status.ok()) return reason;
  return base::Annotate(reason,
                        "the next change of the keystore finishes or takes back the rename");
}

absl::StatusOr<bool> HoldSameKey(const StoreFolder& folder, const KeyRename& rename) {
  std::vector<KeyFolder> read;
  for (const std::string& name : {rename.from, rename.to}) {
    absl::StatusOr<KeyFolder> key =
        ReadKeyFolder({folder.keys(), name, folder.KeyPath(name)}, name, nullptr);
    if (IsDamage(key.status()) || absl::IsNotFound(key.status())) return false;
    JET_RETURN_IF_ERROR(key.status());
    read.push_back(*std::move(key));
  }
  return read[0].files.private_key_pem == read[1].files.private_key_pem &&
         read[0].files.private_key_uri == read[1].files.private_key_uri &&
         read[0].files.document_der() == read[1].files.document_der();
}

// Brings keys/ to one of the two states, and says to which.
absl::StatusOr<std::string> Settle(StoreFolder& folder, const KeyRename& rename) {
  JET_ASSIGN_OR_RETURN(const bool has_new, folder.HasEntry(rename.to));
  if (!has_new) return absl::StrCat("took back the rename of the key ", InWords(rename));
  JET_ASSIGN_OR_RETURN(const bool has_old, folder.HasEntry(rename.from));
  if (!has_old) return absl::StrCat("finished the rename of the key ", InWords(rename));
  JET_ASSIGN_OR_RETURN(const bool same, HoldSameKey(folder, rename));
  if (!same) {
    return absl::StrCat("ended the rename of the key ", InWords(rename),
                        "; both stay, as they are not the same key");
  }
  JET_RETURN_IF_ERROR(folder.TakeOutKey(rename.from, folder.NewStagedName(rename.from)));
  return absl::StrCat("finished the rename of the key ", InWords(rename));
}

absl::StatusOr<std::string> ReadJournal(const StoreFolder& folder) {
  JET_ASSIGN_OR_RETURN(const base::UniqueFd fd,
                       base::OpenAt(folder.staging(), kRenameJournal, O_RDONLY | O_NOFOLLOW));
  JET_ASSIGN_OR_RETURN(const base::Bytes content,
                       base::ReadBounded(fd.get(), kMaxJournal, kRenameJournal));
  return std::string(base::AsText(content));
}

}  // namespace

absl::Status RenameByJournal(StoreFolder& folder, const KeyRename& rename,
                             const std::string& staged) {
  absl::Status status = WriteJournal(folder, rename);
  if (status.ok()) status = folder.CommitKey(staged, rename.to);
  if (!status.ok()) return TakeBack(folder, rename, staged, status);
  const std::string old = folder.NewStagedName(rename.from);
  status = folder.TakeOutKey(rename.from, old);
  if (!status.ok()) {
    const absl::StatusOr<bool> has_old = folder.HasEntry(rename.from);
    // What was taken out and could not be put back must not lose its new name as well.
    if (!has_old.ok() || !*has_old) return status;
    return TakeBack(folder, rename, staged, status);
  }
  // The rename is done; what cannot be removed now, the next writer sweeps.
  (void)RemoveJournal(folder);
  (void)folder.RemoveStaged(old);
  return absl::OkStatus();
}

absl::StatusOr<absl::optional<std::string>> FinishRename(StoreFolder& folder) {
  const absl::StatusOr<std::string> content = ReadJournal(folder);
  if (absl::IsNotFound(content.status())) return absl::optional<std::string>();
  JET_RETURN_IF_ERROR(content.status());
  const absl::optional<KeyRename> rename = DecodeRenameJournal(*content);
  if (!rename.has_value()) return absl::optional<std::string>();
  JET_ASSIGN_OR_RETURN(std::string done, Settle(folder, *rename));
  JET_RETURN_IF_ERROR(RemoveJournal(folder));
  return absl::optional<std::string>(std::move(done));
}

absl::optional<KeyRename> DecodeRenameJournal(absl::string_view content) {
  const std::vector<std::string> lines = absl::StrSplit(content, '\n');
  if (lines.size() != 4 || lines[0] != kFirstLine || !lines[3].empty()) return absl::nullopt;
  if (!CheckKeyName(lines[1]).ok() || !CheckKeyName(lines[2]).ok()) return absl::nullopt;
  return KeyRename{lines[1], lines[2]};
}

}  // namespace jet::keystore

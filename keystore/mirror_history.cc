#include "keystore/mirror_history.h"

#include <fcntl.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "crypto/hmac.h"
#include "keystore/ownership.h"
#include "keystore/store_folder.h"
#include "keystore/store_key.h"

namespace jet::keystore {
namespace {

// No record begins like this, so that no HMAC of one is an HMAC of the other.
constexpr char kHeaderStart[] = "jet mirror history ";
constexpr char kVersion[] = "1 ";
constexpr char kHmacStart[] = "hmac-sha256 ";
constexpr size_t kHashSize = 32;
constexpr mode_t kMode = 0644;
// A line is two identifiers' digits, a space, a hash and a newline.
constexpr size_t kMaxFile =
    128 + MirrorHistory::kMaxCertificates * (2 * MirrorHistory::kMaxIdentifier + 2 * kHashSize + 2);

absl::Status NotWrittenHere() {
  return absl::DataLossError("it is not written as this program writes it");
}

bool IsSha256(absl::string_view digits) {
  const absl::StatusOr<base::Bytes> bytes = base::HexDecode(digits);
  return bytes.ok() && bytes->size() == kHashSize;
}

// Adds the certificate of `line`.
absl::Status ReadLine(absl::string_view line, MirrorHistory& history) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(line, absl::MaxSplits(' ', 1));
  const absl::StatusOr<base::Bytes> identifier = base::HexDecode(parts.first);
  if (!identifier.ok() || !IsSha256(parts.second)) return NotWrittenHere();
  if (!history.Add({*identifier, std::string(parts.second)})) return NotWrittenHere();
  return absl::OkStatus();
}

absl::StatusOr<std::string> StoreKeyIdOf(absl::string_view header) {
  if (!absl::ConsumePrefix(&header, kHeaderStart)) return NotWrittenHere();
  if (!absl::ConsumePrefix(&header, kVersion)) {
    return absl::UnimplementedError("its version is not one that this program knows");
  }
  return std::string(header);
}

std::string PathOf(const StoreFolder& folder) {
  return absl::StrCat(folder.path(), "/", kMirrorHistoryFile);
}

absl::Status CheckHmac(const MirrorHistoryFile& file, const StoreKeys& keys) {
  const StoreKey* const key = keys.Find(file.store_key_id);
  if (key == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "it was written under the store key ", file.store_key_id, ", and ", keys.Description()));
  }
  JET_ASSIGN_OR_RETURN(const base::Bytes hmac, key->RecordHmac(base::AsBytes(file.lines)));
  if (crypto::EqualInConstantTime(hmac, file.hmac)) return absl::OkStatus();
  return absl::DataLossError("it was changed after it was written: its HMAC does not match");
}

// Returns nullopt when there is no file.
absl::StatusOr<absl::optional<MirrorHistoryFile>> ReadFile(const StoreFolder& folder) {
  const std::string path = PathOf(folder);
  const absl::StatusOr<base::UniqueFd> fd =
      OpenOwnFile(folder.descriptor(), kMirrorHistoryFile, path, OthersMay::kRead);
  if (absl::IsNotFound(fd.status())) return absl::optional<MirrorHistoryFile>();
  JET_RETURN_IF_ERROR(fd.status());
  JET_ASSIGN_OR_RETURN(const base::Bytes content, base::ReadBounded(fd->get(), kMaxFile, path));
  JET_ASSIGN_OR_RETURN(MirrorHistoryFile file, DecodeMirrorHistory(content));
  return absl::optional<MirrorHistoryFile>(std::move(file));
}

// What a history that cannot be trusted means, and what to do.
absl::Status Explain(const absl::Status& status, const StoreFolder& folder) {
  if (status.ok()) return status;
  const absl::Status explained = base::Annotate(
      status,
      absl::StrCat("the history of what was mirrored cannot be used, '", PathOf(folder), "'"));
  if (!absl::IsDataLoss(status)) return explained;
  return absl::DataLossError(
      absl::StrCat(explained.message(),
                   "; remove it to begin a new one: what was mirrored so far is then foreign"));
}

// Synced in staging/, renamed into place, the folder synced. REQUIRES: a writer's folder.
absl::Status WriteMirrorHistory(StoreFolder& folder, const MirrorHistory& history,
                                const StoreKey& key) {
  JET_RETURN_IF_ERROR(folder.CheckWritable());
  const std::string lines = EncodeMirrorHistory(history, key.id());
  JET_ASSIGN_OR_RETURN(const base::Bytes hmac, key.RecordHmac(base::AsBytes(lines)));
  const std::string staged = folder.NewStagedName(kMirrorHistoryFile);
  JET_RETURN_IF_ERROR(
      base::WriteNewFileAt(folder.staging(), staged, kMode,
                           base::AsBytes(absl::StrCat(lines, EncodeMirrorHistoryHmac(hmac)))));
  if (renameat(folder.staging(), staged.c_str(), folder.descriptor(), kMirrorHistoryFile) != 0) {
    const int error_number = errno;
    (void)folder.RemoveStaged(staged);
    return base::SystemError(error_number, absl::StrCat("cannot replace '", PathOf(folder), "'"));
  }
  return folder.SyncRoot();
}

}  // namespace

bool MirrorHistory::Add(MirroredCertificate certificate) {
  const size_t size = certificate.subject_key_identifier.size();
  if (size == 0 || size > kMaxIdentifier) return false;
  if (std::find(certificates_.begin(), certificates_.end(), certificate) != certificates_.end()) {
    return false;
  }
  if (certificates_.size() == kMaxCertificates) certificates_.erase(certificates_.begin());
  certificates_.push_back(std::move(certificate));
  return true;
}

absl::StatusOr<bool> MirrorHistory::Add(const pki::Certificate& certificate) {
  if (!certificate.subject_key_identifier().has_value()) return false;
  JET_ASSIGN_OR_RETURN(std::string sha256, certificate.Fingerprint());
  return Add({*certificate.subject_key_identifier(), std::move(sha256)});
}

size_t MirrorHistory::CountWith(base::ByteSpan subject_key_identifier) const {
  return static_cast<size_t>(std::count_if(
      certificates_.begin(), certificates_.end(),
      [subject_key_identifier](const MirroredCertificate& certificate) {
        return base::ByteSpan(certificate.subject_key_identifier) == subject_key_identifier;
      }));
}

std::string EncodeMirrorHistory(const MirrorHistory& history, absl::string_view store_key_id) {
  std::string lines = absl::StrCat(kHeaderStart, kVersion, store_key_id, "\n");
  for (const MirroredCertificate& certificate : history.certificates()) {
    absl::StrAppend(&lines, base::HexEncode(certificate.subject_key_identifier), " ",
                    certificate.sha256, "\n");
  }
  return lines;
}

std::string EncodeMirrorHistoryHmac(base::ByteSpan hmac) {
  return absl::StrCat(kHmacStart, base::HexEncode(hmac), "\n");
}

absl::StatusOr<MirrorHistoryFile> DecodeMirrorHistory(base::ByteSpan content) {
  const std::vector<absl::string_view> lines = absl::StrSplit(base::AsText(content), '\n');
  // A header, the HMAC and the empty text after the last newline; more than are kept were never
  // written.
  if (lines.size() < 3 || lines.size() > 3 + MirrorHistory::kMaxCertificates) {
    return NotWrittenHere();
  }
  MirrorHistoryFile file;
  JET_ASSIGN_OR_RETURN(file.store_key_id, StoreKeyIdOf(lines.front()));
  for (size_t i = 1; i + 2 < lines.size(); ++i) {
    JET_RETURN_IF_ERROR(ReadLine(lines[i], file.history));
  }
  absl::string_view digits = lines[lines.size() - 2];
  if (!absl::ConsumePrefix(&digits, kHmacStart) || !IsSha256(digits)) return NotWrittenHere();
  JET_ASSIGN_OR_RETURN(file.hmac, base::HexDecode(digits));
  file.lines = EncodeMirrorHistory(file.history, file.store_key_id);
  if (absl::StrCat(file.lines, EncodeMirrorHistoryHmac(file.hmac)) != base::AsText(content)) {
    return NotWrittenHere();
  }
  return file;
}

absl::StatusOr<MirrorHistory> ReadMirrorHistory(const StoreFolder& folder,
                                                const absl::StatusOr<const StoreKeys*>& keys) {
  absl::StatusOr<absl::optional<MirrorHistoryFile>> file = ReadFile(folder);
  if (!file.ok()) return Explain(file.status(), folder);
  if (!file->has_value()) return MirrorHistory();
  if (!keys.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the history of what was mirrored cannot be authenticated without the store "
                     "key: ",
                     keys.status().message()));
  }
  JET_RETURN_IF_ERROR(Explain(CheckHmac(**file, **keys), folder));
  return std::move((*file)->history);
}

absl::StatusOr<MirrorHistory> ReadMirrorHistory(const StoreFolder& folder, const StoreKeys& keys) {
  return ReadMirrorHistory(folder, absl::StatusOr<const StoreKeys*>(&keys));
}

absl::Status RememberInMirrorHistory(StoreFolder& folder, const StoreKeys& keys,
                                     const std::vector<pki::Certificate>& certificates) {
  JET_ASSIGN_OR_RETURN(MirrorHistory history, ReadMirrorHistory(folder, keys));
  bool changed = false;
  for (const pki::Certificate& certificate : certificates) {
    JET_ASSIGN_OR_RETURN(const bool added, history.Add(certificate));
    changed = changed || added;
  }
  return changed ? WriteMirrorHistory(folder, history, keys.newest()) : absl::OkStatus();
}

absl::Status MoveMirrorHistory(StoreFolder& folder, const StoreKeys& keys) {
  const absl::StatusOr<absl::optional<MirrorHistoryFile>> file = ReadFile(folder);
  // It may be whole, and the store key that it is under is about to go.
  if (base::ErrnoOf(file.status()) != 0) return Explain(file.status(), folder);
  if (!file.ok() || !file->has_value() || (*file)->store_key_id == keys.newest().id()) {
    return absl::OkStatus();
  }
  if (!CheckHmac(**file, keys).ok()) return absl::OkStatus();
  return WriteMirrorHistory(folder, (*file)->history, keys.newest());
}

}  // namespace jet::keystore

#include "keystore/rekey.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "keystore/key_exchange.h"
#include "keystore/key_folder.h"
#include "keystore/mirror_history.h"

namespace jet::keystore {
namespace {

// Writes the key under the next store key into staging/, and reads it back as a later reader will.
absl::Status StageMoved(const KeyPlace& staged, const KeyFolder& read,
                        const StoreKeys& store_keys) {
  const bool has_file = !read.files.private_key_pem.empty();
  KeyFiles moved = read.files;
  if (has_file) {
    JET_ASSIGN_OR_RETURN(const crypto::PrivateKey private_key, OpenPrivateKeyOf(read, store_keys));
    JET_ASSIGN_OR_RETURN(moved.private_key_pem,
                         EncryptPrivateKey(private_key, store_keys.newest()));
  }
  JET_RETURN_IF_ERROR(WriteKeyFolder(staged, moved, store_keys.newest()));
  JET_ASSIGN_OR_RETURN(const KeyFolder written, ReadKeyFolder(staged, moved.name, &store_keys));
  return has_file ? OpenPrivateKeyOf(written, store_keys).status() : absl::OkStatus();
}

// Returns false when the key is under the next store key already.
absl::StatusOr<bool> MoveKey(StoreFolder& folder, const std::string& name,
                             const StoreKeys& store_keys) {
  JET_RETURN_IF_ERROR(CheckKeyName(name));
  JET_ASSIGN_OR_RETURN(
      const KeyFolder read,
      ReadKeyFolder({folder.keys(), name, folder.KeyPath(name)}, name, &store_keys));
  if (read.store_key_id == store_keys.newest().id()) return false;
  const std::string staged = folder.NewStagedName(name);
  absl::Status status =
      StageMoved({folder.staging(), staged, folder.KeyPath(name)}, read, store_keys);
  if (status.ok()) status = ExchangeKey(folder, staged, name);
  // The key is stored whatever becomes of that; what stays, the next writer sweeps.
  (void)folder.RemoveStaged(staged);
  JET_RETURN_IF_ERROR(status);
  return true;
}

absl::Status MoveKeys(StoreFolder& folder, const StoreKeys& store_keys, RekeyReport& report) {
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder.KeyNames());
  for (const std::string& name : names) {
    const absl::StatusOr<bool> moved = MoveKey(folder, name, store_keys);
    if (IsOwnFailure(moved.status())) return moved.status();
    if (!moved.ok()) {
      report.failed.push_back({name, moved.status()});
    } else if (*moved) {
      report.moved.push_back(name);
    } else {
      ++report.moved_before;
    }
  }
  return absl::OkStatus();
}

// Returns the store keys, of which there are two.
absl::StatusOr<const StoreKeys*> BeginOrResume(MasterKey& master_key, RekeyReport& report) {
  JET_ASSIGN_OR_RETURN(const StoreKeys* const opened, master_key.Open());
  if (!opened->next_error().ok()) {
    return base::Annotate(opened->next_error(),
                          "cannot go on with the rekey that has begun: its new store key");
  }
  report.resumed = opened->next() != nullptr;
  if (report.resumed) {
    // No key may move to it before it is sure to stay.
    JET_RETURN_IF_ERROR(master_key.Sync());
    return opened;
  }
  const absl::Status made = master_key.MakeNext();
  if (!made.ok()) return base::Annotate(made, "no key was changed: cannot write a new store key");
  return master_key.Open();
}

}  // namespace

absl::StatusOr<RekeyReport> RekeyFolder(StoreFolder& folder, MasterKey& master_key) {
  JET_RETURN_IF_ERROR(folder.CheckWritable());
  RekeyReport report;
  JET_ASSIGN_OR_RETURN(const StoreKeys* const store_keys, BeginOrResume(master_key, report));
  if (store_keys->next() == nullptr) return absl::InternalError("there is no new store key");
  report.store_key_id = store_keys->newest().id();
  JET_RETURN_IF_ERROR(MoveKeys(folder, *store_keys, report));
  // What is not under the new store key may need the old one.
  if (!report.failed.empty()) return report;
  JET_RETURN_IF_ERROR(MoveMirrorHistory(folder, *store_keys));
  const absl::Status promoted = master_key.PromoteNext();
  if (!promoted.ok()) {
    return base::Annotate(promoted,
                          "every key is under the new store key, but the old one is still "
                          "there (rekey again ends it)");
  }
  return report;
}

}  // namespace jet::keystore

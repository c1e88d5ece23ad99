#include "keystore/opened_store.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "ima/key_id.h"

namespace jet::keystore {
namespace {

constexpr size_t kMaxNamesInMessage = 10;

std::string NamesText(const std::vector<std::string>& names) {
  if (names.empty()) return "it has none";
  const size_t shown = std::min(names.size(), kMaxNamesInMessage);
  std::string text = absl::StrCat(
      "it has ", absl::StrJoin(names.begin(), names.begin() + static_cast<ptrdiff_t>(shown), ", "));
  if (shown < names.size()) absl::StrAppend(&text, " and ", names.size() - shown, " more");
  return text;
}

// What to say of a store key that is needed and cannot be had.
absl::Status NoStoreKey(const absl::Status& error, absl::string_view name) {
  const std::string context = absl::StrCat("cannot open the private key of '", name, "'");
  if (!absl::IsNotFound(error)) return base::Annotate(error, context);
  return absl::FailedPreconditionError(
      absl::StrCat(context, ": ", error.message(), "; restore it from a backup"));
}

}  // namespace

KeyPlace OpenedStore::PlaceOf(const std::string& name) const {
  return {folder_.ParentOf(name), name, folder_.KeyPath(name)};
}

absl::StatusOr<const StoreKeys*> OpenedStore::OpenOrMakeStoreKey() {
  absl::StatusOr<const StoreKeys*> opened = master_key_.Open();
  if (!absl::IsNotFound(opened.status())) return opened;
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder_.KeyNames());
  if (!names.empty()) {
    // A new one would make the loss final: what is stored would name a key that is not there.
    return absl::FailedPreconditionError(
        absl::StrCat(opened.status().message(), ", and the keystore has keys that were stored ",
                     "under it; restore it from a backup, or delete those keys first"));
  }
  JET_RETURN_IF_ERROR(master_key_.Make());
  return master_key_.Open();
}

absl::StatusOr<KeyFolder> OpenedStore::Read(const std::string& name) {
  JET_ASSIGN_OR_RETURN(const StoreKeys* const store_keys, master_key_.ForReading());
  return ReadKeyFolder(PlaceOf(name), name, store_keys);
}

absl::StatusOr<KeyListing> OpenedStore::ReadAll() {
  // A wrong passphrase is no damage of every key.
  JET_RETURN_IF_ERROR(master_key_.ForReading().status());
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder_.KeyNames());
  KeyListing listing;
  for (const std::string& name : names) {
    absl::Status status = CheckKeyName(name);
    if (status.ok()) {
      absl::StatusOr<KeyFolder> read = Read(name);
      status = read.status();
      if (read.ok() && read->files.waits()) {
        listing.waiting.push_back(WaitingKeyOf(*read));
      } else if (read.ok()) {
        listing.keys.push_back(StoredKeyOf(*read));
      }
    }
    if (IsOwnFailure(status)) return status;
    if (!status.ok()) listing.damaged.push_back({name, std::move(status)});
  }
  return listing;
}

absl::StatusOr<KeyFolder> OpenedStore::Find(absl::string_view name) {
  JET_RETURN_IF_ERROR(CheckKeyName(name));
  // Before the key: that the file of its passphrase is not there is not "no such key".
  JET_RETURN_IF_ERROR(master_key_.ForReading().status());
  absl::StatusOr<KeyFolder> read = Read(std::string(name));
  if (absl::IsNotFound(read.status())) return NoSuchKey(name);
  return read;
}

absl::Status OpenedStore::NoSuchKey(absl::string_view name) const {
  JET_ASSIGN_OR_RETURN(std::vector<std::string> names, folder_.KeyNames());
  const auto is_no_key = [](const std::string& entry) { return !CheckKeyName(entry).ok(); };
  names.erase(std::remove_if(names.begin(), names.end(), is_no_key), names.end());
  return absl::NotFoundError(absl::StrCat("there is no key '", name, "' in the keystore '",
                                          folder_.path(), "'; ", NamesText(names)));
}

absl::StatusOr<crypto::PrivateKey> OpenedStore::OpenPrivateKey(const KeyFolder& found) {
  const absl::StatusOr<const StoreKeys*> store_keys = master_key_.Open();
  if (!store_keys.ok()) return NoStoreKey(store_keys.status(), found.files.name);
  if (found.record_authenticated) return OpenPrivateKeyOf(found, **store_keys);
  // Now that it can be checked.
  JET_ASSIGN_OR_RETURN(const KeyFolder checked, Find(found.files.name));
  return OpenPrivateKeyOf(checked, **store_keys);
}

absl::Status OpenedStore::CheckNewName(const std::string& name) {
  JET_RETURN_IF_ERROR(folder_.CheckWritable());
  JET_RETURN_IF_ERROR(CheckKeyName(name));
  JET_ASSIGN_OR_RETURN(const bool taken, folder_.HasEntry(name));
  if (!taken) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat("the keystore '", folder_.path(), "' already has a key '", name, "'"));
}

absl::Status OpenedStore::CheckNoTwin(const std::string& name,
                                      const pki::Certificate& certificate) {
  JET_ASSIGN_OR_RETURN(const KeyListing listing, ReadAll());
  for (const StoredKey& stored : listing.keys) {
    if (ima::ShareKeyId(stored.certificate, certificate) &&
        !(stored.certificate.public_key() == certificate.public_key())) {
      return absl::AlreadyExistsError(
          absl::StrCat("the key id of '", name, "' could also mean '", stored.name,
                       "', which is another key: the kernel could not tell them apart"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<KeyFolder> OpenedStore::Stage(const std::string& staged, KeyFiles files,
                                             const crypto::PrivateKey* private_key) {
  JET_ASSIGN_OR_RETURN(const StoreKeys* const opened, OpenOrMakeStoreKey());
  if (!opened->next_error().ok()) {
    return base::Annotate(opened->next_error(),
                          "a rekey is unfinished, and its new store key cannot be used");
  }
  // Each time, as who made master.key or keys/ may have been killed before it could: no key may
  // outlive the store key in a power cut.
  JET_RETURN_IF_ERROR(folder_.SyncRoot());
  JET_RETURN_IF_ERROR(master_key_.Sync());
  if (private_key != nullptr) {
    JET_ASSIGN_OR_RETURN(files.private_key_pem, EncryptPrivateKey(*private_key, opened->newest()));
  }
  const KeyPlace place = {folder_.staging(), staged, folder_.KeyPath(files.name)};
  JET_RETURN_IF_ERROR(WriteKeyFolder(place, files, opened->newest()));
  JET_ASSIGN_OR_RETURN(KeyFolder read, ReadKeyFolder(place, files.name, opened));
  if (private_key != nullptr) JET_RETURN_IF_ERROR(OpenPrivateKeyOf(read, *opened).status());
  return read;
}

absl::StatusOr<KeyFolder> OpenedStore::StageRenamed(const std::string& staged, const KeyFolder& key,
                                                    const std::string& name) {
  const absl::StatusOr<const StoreKeys*> opened = master_key_.Open();
  if (!opened.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write a record for '", name, "': ", opened.status().message()));
  }
  // The private key goes along as it is, so the record stays under the store key that it is under.
  const StoreKey* const own = (*opened)->Find(key.store_key_id);
  if (own == nullptr) {
    return absl::DataLossError(absl::StrCat("'", key.files.name,
                                            "' was stored under the store key ", key.store_key_id,
                                            ", and ", (*opened)->Description()));
  }
  KeyFiles renamed = key.files;
  renamed.name = name;
  const KeyPlace place = {folder_.staging(), staged, folder_.KeyPath(name)};
  JET_RETURN_IF_ERROR(WriteKeyFolder(place, renamed, *own));
  return ReadKeyFolder(place, name, *opened);
}

absl::Status OpenedStore::PrepareRemoval(const std::string& name, KeyStep unlink) {
  // A wrong passphrase is no damage of the key.
  JET_RETURN_IF_ERROR(master_key_.ForReading().status());
  const absl::StatusOr<KeyFolder> read = Read(name);
  if (absl::IsNotFound(read.status())) return NoSuchKey(name);
  // A disk that fails to read, or a mode that somebody changed, is no reason to take the key away
  // and leave its certificate in the keyring.
  if (!read.ok() && !IsDamage(read.status()) && folder_.HasFolder(name)) return read.status();
  JET_RETURN_IF_ERROR(folder_.CheckRemovable(name));
  return read.ok() && !read->files.waits() ? unlink(StoredKeyOf(*read)) : absl::OkStatus();
}

}  // namespace jet::keystore

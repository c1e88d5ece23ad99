#include "keystore/keystore.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "ima/key_id.h"
#include "keystore/key_folder.h"
#include "keystore/master_key.h"
#include "keystore/rekey.h"
#include "keystore/rename.h"
#include "keystore/store_folder.h"

namespace jet::keystore {
namespace {

constexpr size_t kMaxKeyName = 64;
constexpr size_t kMaxNamesInMessage = 10;

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
}

std::string NamesText(const std::vector<std::string>& names) {
  if (names.empty()) return "it has none";
  const size_t shown = std::min(names.size(), kMaxNamesInMessage);
  std::string text = absl::StrCat(
      "it has ", absl::StrJoin(names.begin(), names.begin() + static_cast<ptrdiff_t>(shown), ", "));
  if (shown < names.size()) absl::StrAppend(&text, " and ", names.size() - shown, " more");
  return text;
}

absl::Status CheckBelongTogether(const NewKey& key) {
  if (key.private_key == nullptr || key.private_key->public_key() == key.certificate.public_key()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the private key for '", key.name, "' does not belong to the certificate"));
}

// What to say of a store key that is needed and cannot be had.
absl::Status NoStoreKey(const absl::Status& error, absl::string_view name) {
  const std::string context = absl::StrCat("cannot open the private key of '", name, "'");
  if (!absl::IsNotFound(error)) return base::Annotate(error, context);
  return absl::FailedPreconditionError(
      absl::StrCat(context, ": ", error.message(), "; restore it from a backup"));
}

}  // namespace

absl::Status CheckKeyName(absl::string_view name) {
  bool good = !name.empty() && name.size() <= kMaxKeyName &&
              absl::ascii_isalnum(static_cast<unsigned char>(name[0]));
  for (const char c : name) good = good && IsNameCharacter(c);
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", name, "' cannot be the name of a key: a name has 1 to ", kMaxKeyName,
                   " letters, digits, '.', '_' and '-', and begins with a letter or digit"));
}

// What an open keystore holds, and the steps that its operations are made of.
struct Keystore::State {
  State(StoreFolder opened, MasterKeyOptions options)
      : folder(std::move(opened)),
        master_key({folder.path(), folder.descriptor(), folder.staging()}, std::move(options)) {}

  KeyPlace PlaceOf(const std::string& name) const {
    return {folder.ParentOf(name), name, folder.KeyPath(name)};
  }

  absl::StatusOr<const StoreKeys*> OpenOrMakeStoreKey();

  absl::StatusOr<KeyFolder> Read(const std::string& name);
  absl::StatusOr<KeyListing> ReadAll();
  absl::StatusOr<KeyFolder> Find(absl::string_view name);
  absl::Status NoSuchKey(absl::string_view name) const;

  absl::Status CheckNew(const NewKey& key);
  absl::Status CheckNoTwin(const NewKey& key);
  absl::StatusOr<StoredKey> StageAndCommit(const std::string& staged, const NewKey& key);
  absl::StatusOr<StoredKey> ProveStaged(const KeyPlace& place, const NewKey& key,
                                        const StoreKeys& store_keys) const;
  absl::Status Undo(const std::string& name, const std::string& staged,
                    const absl::Status& reason) const;

  absl::Status PrepareRemoval(const std::string& name, KeyStep unlink);

  absl::Status CheckFree(const std::string& name) const;
  absl::StatusOr<StoredKey> StageRenamed(const std::string& staged, const KeyFolder& key,
                                         const std::string& name);

  StoreFolder folder;
  MasterKey master_key;
};

absl::StatusOr<const StoreKeys*> Keystore::State::OpenOrMakeStoreKey() {
  absl::StatusOr<const StoreKeys*> opened = master_key.Open();
  if (!absl::IsNotFound(opened.status())) return opened;
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder.KeyNames());
  if (!names.empty()) {
    // A new one would make the loss final: what is stored would name a key that is not there.
    return absl::FailedPreconditionError(
        absl::StrCat(opened.status().message(), ", and the keystore has keys that were stored ",
                     "under it; restore it from a backup, or delete those keys first"));
  }
  JET_RETURN_IF_ERROR(master_key.Make());
  return master_key.Open();
}

absl::StatusOr<KeyFolder> Keystore::State::Read(const std::string& name) {
  JET_ASSIGN_OR_RETURN(const StoreKeys* const store_keys, master_key.ForReading());
  return ReadKeyFolder(PlaceOf(name), name, store_keys);
}

absl::StatusOr<KeyListing> Keystore::State::ReadAll() {
  // A wrong passphrase is no damage of every key.
  JET_RETURN_IF_ERROR(master_key.ForReading().status());
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder.KeyNames());
  KeyListing listing;
  for (const std::string& name : names) {
    absl::Status status = CheckKeyName(name);
    if (status.ok()) {
      absl::StatusOr<KeyFolder> read = Read(name);
      status = read.status();
      if (read.ok()) listing.keys.push_back(std::move(read->key));
    }
    if (IsOwnFailure(status)) return status;
    if (!status.ok()) listing.damaged.push_back({name, std::move(status)});
  }
  return listing;
}

absl::StatusOr<KeyFolder> Keystore::State::Find(absl::string_view name) {
  JET_RETURN_IF_ERROR(CheckKeyName(name));
  // Before the key: that the file of its passphrase is not there is not "no such key".
  JET_RETURN_IF_ERROR(master_key.ForReading().status());
  absl::StatusOr<KeyFolder> read = Read(std::string(name));
  if (absl::IsNotFound(read.status())) return NoSuchKey(name);
  return read;
}

absl::Status Keystore::State::NoSuchKey(absl::string_view name) const {
  JET_ASSIGN_OR_RETURN(std::vector<std::string> names, folder.KeyNames());
  const auto is_no_key = [](const std::string& entry) { return !CheckKeyName(entry).ok(); };
  names.erase(std::remove_if(names.begin(), names.end(), is_no_key), names.end());
  return absl::NotFoundError(absl::StrCat("there is no key '", name, "' in the keystore '",
                                          folder.path(), "'; ", NamesText(names)));
}

absl::Status Keystore::State::CheckNew(const NewKey& key) {
  JET_RETURN_IF_ERROR(folder.CheckWritable());
  JET_RETURN_IF_ERROR(CheckKeyName(key.name));
  JET_RETURN_IF_ERROR(ima::KeyIdOf(key.certificate).status());
  JET_RETURN_IF_ERROR(CheckBelongTogether(key));
  JET_RETURN_IF_ERROR(CheckFree(key.name));
  // Twins are looked for among checked records; what is wrong with the store key is said later.
  (void)master_key.Open();
  return CheckNoTwin(key);
}

absl::Status Keystore::State::CheckFree(const std::string& name) const {
  JET_ASSIGN_OR_RETURN(const bool taken, folder.HasEntry(name));
  if (!taken) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat("the keystore '", folder.path(), "' already has a key '", name, "'"));
}

absl::Status Keystore::State::CheckNoTwin(const NewKey& key) {
  JET_ASSIGN_OR_RETURN(const KeyListing listing, ReadAll());
  for (const StoredKey& stored : listing.keys) {
    if (ima::ShareKeyId(stored.certificate, key.certificate) &&
        !(stored.certificate.public_key() == key.certificate.public_key())) {
      return absl::AlreadyExistsError(
          absl::StrCat("the key id of '", key.name, "' could also mean '", stored.name,
                       "', which is another key: the kernel could not tell them apart"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<StoredKey> Keystore::State::StageAndCommit(const std::string& staged,
                                                          const NewKey& key) {
  JET_ASSIGN_OR_RETURN(const StoreKeys* const opened, OpenOrMakeStoreKey());
  // Each time, as who made master.key or keys/ may have been killed before it could: no key may
  // outlive the store key in a power cut.
  JET_RETURN_IF_ERROR(folder.SyncRoot());
  JET_RETURN_IF_ERROR(master_key.Sync());
  const KeyPlace place = {folder.staging(), staged, folder.KeyPath(key.name)};
  JET_RETURN_IF_ERROR(WriteKeyFolder(place, key, opened->newest(), absl::Now()));
  JET_ASSIGN_OR_RETURN(StoredKey stored, ProveStaged(place, key, *opened));
  JET_RETURN_IF_ERROR(folder.CommitKey(staged, key.name));
  return stored;
}

// Reads back what was written: a key that cannot be opened again must not be stored as if it could.
absl::StatusOr<StoredKey> Keystore::State::ProveStaged(const KeyPlace& place, const NewKey& key,
                                                       const StoreKeys& opened) const {
  JET_ASSIGN_OR_RETURN(KeyFolder read, ReadKeyFolder(place, key.name, &opened));
  if (read.key.has_private_key) {
    JET_RETURN_IF_ERROR(OpenPrivateKeyOf(read, opened).status());
  }
  return std::move(read.key);
}

absl::Status Keystore::State::Undo(const std::string& name, const std::string& staged,
                                   const absl::Status& reason) const {
  const absl::Status taken_out = folder.TakeOutKey(name, staged);
  if (!taken_out.ok()) {
    return base::Annotate(reason, absl::StrCat("the key '", name, "' stays in the keystore (",
                                               taken_out.message(), ")"));
  }
  // The key is out of keys/; what cannot be removed now, the next writer sweeps.
  (void)folder.RemoveStaged(staged);
  return reason;
}

// Does all of a removal that can be refused.
absl::Status Keystore::State::PrepareRemoval(const std::string& name, KeyStep unlink) {
  // A wrong passphrase is no damage of the key.
  JET_RETURN_IF_ERROR(master_key.ForReading().status());
  const absl::StatusOr<KeyFolder> read = Read(name);
  if (absl::IsNotFound(read.status())) return NoSuchKey(name);
  // A disk that fails to read, or a mode that somebody changed, is no reason to take the key away and leave its certificate in the
  // keyring.
  if (!read.ok() && !IsDamage(read.status()) && folder.HasFolder(name)) return read.status();
  JET_RETURN_IF_ERROR(folder.CheckRemovable(name));
  return read.ok() ? unlink(read->key) : absl::OkStatus();
}

// Writes the key under its new name into staging/ and reads it back.
absl::StatusOr<StoredKey> Keystore::State::StageRenamed(const std::string& staged,
                                                        const KeyFolder& key,
                                                        const std::string& name) {
  const absl::StatusOr<const StoreKeys*> opened = master_key.Open();
  if (!opened.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write a record for '", name, "': ", opened.status().message()));
  }
  const KeyPlace place = {folder.staging(), staged, folder.KeyPath(name)};
  // The private key goes along as it is, so the record stays under the store key that it is under.
  const StoreKey* const own = (*opened)->Find(key.store_key_id);
  if (own == nullptr) {
    return absl::DataLossError(absl::StrCat("'", key.key.name, "' was stored under the store key ",
                                            key.store_key_id, ", and ", (*opened)->Description()));
  }
  JET_RETURN_IF_ERROR(WriteRenamedKeyFolder(place, key, name, *own));
  JET_ASSIGN_OR_RETURN(KeyFolder read, ReadKeyFolder(place, name, *opened));
  return std::move(read.key);
}

Keystore::Keystore(std::unique_ptr<State> state) : state_(std::move(state)) {}
Keystore::Keystore(Keystore&&) noexcept = default;
Keystore& Keystore::operator=(Keystore&&) noexcept = default;
Keystore::~Keystore() = default;

absl::StatusOr<Keystore> Keystore::Open(const std::string& path, Access access,
                                        MasterKeyOptions master_key) {
  JET_ASSIGN_OR_RETURN(StoreFolder folder, StoreFolder::Open(path, access));
  return Keystore(std::make_unique<State>(std::move(folder), std::move(master_key)));
}

const std::string& Keystore::path() const { return state_->folder.path(); }

const std::vector<std::string>& Keystore::recovered() const { return state_->folder.recovered(); }

absl::StatusOr<KeyListing> Keystore::List() const { return state_->ReadAll(); }

absl::StatusOr<StoredKey> Keystore::Find(absl::string_view name) const {
  JET_ASSIGN_OR_RETURN(KeyFolder found, state_->Find(name));
  return std::move(found.key);
}

absl::StatusOr<crypto::PrivateKey> Keystore::OpenPrivateKey(absl::string_view name) const {
  JET_ASSIGN_OR_RETURN(KeyFolder found, state_->Find(name));
  if (!found.key.has_private_key) {
    return absl::FailedPreconditionError(absl::StrCat("the keystore has only the certificate of '",
                                                      name, "': it can verify, not sign"));
  }
  const absl::StatusOr<const StoreKeys*> store_keys = state_->master_key.Open();
  if (!store_keys.ok()) return NoStoreKey(store_keys.status(), name);
  if (!found.key.record_authenticated) {
    JET_ASSIGN_OR_RETURN(found, state_->Find(name));
  }
  return OpenPrivateKeyOf(found, **store_keys);
}

absl::StatusOr<StoredKey> Keystore::Add(const NewKey& key, KeyStep mirror) {
  JET_RETURN_IF_ERROR(state_->CheckNew(key));
  const std::string staged = state_->folder.NewStagedName(key.name);
  absl::StatusOr<StoredKey> stored = state_->StageAndCommit(staged, key);
  if (!stored.ok()) {
    // The failure is what counts; what cannot be removed now, the next writer sweeps.
    (void)state_->folder.RemoveStaged(staged);
    return stored;
  }
  const absl::Status mirrored = mirror(*stored);
  if (!mirrored.ok()) return state_->Undo(key.name, staged, mirrored);
  return stored;
}

absl::Status Keystore::Remove(absl::string_view name, KeyStep unlink) {
  JET_RETURN_IF_ERROR(state_->folder.CheckWritable());
  JET_RETURN_IF_ERROR(CheckKeyName(name));
  const std::string key_name(name);
  JET_RETURN_IF_ERROR(state_->PrepareRemoval(key_name, unlink));
  const std::string staged = state_->folder.NewStagedName(name);
  JET_RETURN_IF_ERROR(state_->folder.TakeOutKey(key_name, staged));
  return base::Annotate(state_->folder.RemoveStaged(staged),
                        absl::StrCat("the key '", name, "' is deleted, but not all its files"));
}

absl::StatusOr<StoredKey> Keystore::Rename(absl::string_view from, absl::string_view to) {
  JET_RETURN_IF_ERROR(state_->folder.CheckWritable());
  JET_RETURN_IF_ERROR(CheckKeyName(to));
  JET_ASSIGN_OR_RETURN(const KeyFolder key, state_->Find(from));
  const KeyRename rename = {std::string(from), std::string(to)};
  JET_RETURN_IF_ERROR(state_->CheckFree(rename.to));
  const std::string staged = state_->folder.NewStagedName(to);
  absl::StatusOr<StoredKey> renamed = state_->StageRenamed(staged, key, rename.to);
  absl::Status status = renamed.status();
  if (status.ok()) status = RenameByJournal(state_->folder, rename, staged);
  if (status.ok()) return renamed;
  // The failure is what counts; what cannot be removed now, the next writer sweeps.
  (void)state_->folder.RemoveStaged(staged);
  return status;
}

absl::Status Keystore::Unlock() const { return state_->master_key.Open().status(); }

absl::Status Keystore::CheckStoreKeyAtHand() const {
  return state_->master_key.OpenUnasked().status();
}

absl::StatusOr<bool> Keystore::IsProtected() const { return state_->master_key.IsProtected(); }

absl::StatusOr<bool> Keystore::NeedsPassphrase() const {
  return state_->master_key.NeedsPassphrase();
}

std::string Keystore::store_key_path() const { return state_->master_key.path(); }

bool Keystore::HasUnusedMasterKey() const {
  return state_->master_key.is_elsewhere() && state_->folder.HasMasterKey();
}

absl::Status Keystore::Protect(const crypto::Secret& passphrase) {
  return state_->master_key.Rewrite(&passphrase);
}

absl::Status Keystore::Unprotect() { return state_->master_key.Rewrite(nullptr); }

absl::StatusOr<bool> Keystore::HasUnfinishedRekey() const { return state_->master_key.HasNext(); }

absl::StatusOr<RekeyReport> Keystore::Rekey() {
  return RekeyFolder(state_->folder, state_->master_key);
}

absl::StatusOr<MirrorHistory> Keystore::Mirrored() const {
  return ReadMirrorHistory(state_->folder, state_->master_key.OpenUnasked());
}

absl::Status Keystore::RememberMirrored(const std::vector<pki::Certificate>& certificates) {
  JET_ASSIGN_OR_RETURN(const StoreKeys* const keys, state_->master_key.OpenUnasked());
  return RememberInMirrorHistory(state_->folder, *keys, certificates);
}

}  // namespace jet::keystore

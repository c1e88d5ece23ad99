#include "keystore/keystore.h"

#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "ima/key_id.h"
#include "keystore/key_exchange.h"
#include "keystore/key_folder.h"
#include "keystore/master_key.h"
#include "keystore/opened_store.h"
#include "keystore/record.h"
#include "keystore/rekey.h"
#include "keystore/rename.h"
#include "keystore/store_folder.h"

namespace jet::keystore {
namespace {

constexpr size_t kMaxKeyName = 64;

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
}

absl::Status CheckBelongTogether(absl::string_view name, const crypto::PrivateKey& private_key,
                                 const crypto::PublicKey& public_key) {
  if (private_key.public_key() == public_key) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the private key for '", name, "' does not belong to the certificate"));
}

absl::Status CheckNew(const NewKey& key) {
  JET_RETURN_IF_ERROR(ima::KeyIdOf(key.certificate).status());
  if (!key.private_key_uri.empty()) JET_RETURN_IF_ERROR(CheckPrivateKeyUri(key.private_key_uri));
  if (key.private_key == nullptr) return absl::OkStatus();
  return CheckBelongTogether(key.name, *key.private_key, key.certificate.public_key());
}

absl::Status CheckJoins(const KeyFiles& waiting, const pki::Certificate& certificate) {
  if (!waiting.waits()) {
    return absl::AlreadyExistsError(
        absl::StrCat("the key '", waiting.name, "' has a certificate and does not wait for one"));
  }
  if (!(waiting.public_key() == certificate.public_key())) {
    return absl::FailedPreconditionError(absl::StrCat("the certificate is for another key than '",
                                                      waiting.name, "', which waits for its own"));
  }
  return ima::KeyIdOf(certificate).status();
}

absl::Status StillWaits(absl::string_view name) {
  return absl::FailedPreconditionError(absl::StrCat(
      "the key '", name, "' waits for its certificate; `jet-keystore import --key-name ", name,
      " --x509-cert FILE` joins the two"));
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

Keystore::Keystore(std::unique_ptr<OpenedStore> store) : store_(std::move(store)) {}
Keystore::Keystore(Keystore&&) noexcept = default;
Keystore& Keystore::operator=(Keystore&&) noexcept = default;
Keystore::~Keystore() = default;

absl::StatusOr<Keystore> Keystore::Open(const std::string& path, Access access,
                                        MasterKeyOptions master_key) {
  JET_ASSIGN_OR_RETURN(StoreFolder folder, StoreFolder::Open(path, access));
  return Keystore(std::make_unique<OpenedStore>(std::move(folder), std::move(master_key)));
}

const std::string& Keystore::path() const { return store_->folder().path(); }

const std::vector<std::string>& Keystore::recovered() const { return store_->folder().recovered(); }

absl::StatusOr<KeyListing> Keystore::List() const { return store_->ReadAll(); }

absl::StatusOr<StoredKey> Keystore::Find(absl::string_view name) const {
  JET_ASSIGN_OR_RETURN(const KeyFolder found, store_->Find(name));
  if (found.files.waits()) return StillWaits(name);
  return StoredKeyOf(found);
}

absl::StatusOr<absl::optional<WaitingKey>> Keystore::FindWaiting(absl::string_view name) const {
  const absl::StatusOr<KeyFolder> found = store_->Find(name);
  const absl::optional<WaitingKey> none;
  if (absl::IsNotFound(found.status())) return none;
  JET_RETURN_IF_ERROR(found.status());
  return found->files.waits() ? absl::optional<WaitingKey>(WaitingKeyOf(*found)) : none;
}

absl::StatusOr<crypto::PrivateKey> Keystore::OpenPrivateKey(absl::string_view name) const {
  JET_ASSIGN_OR_RETURN(const KeyFolder found, store_->Find(name));
  if (found.files.waits()) return StillWaits(name);
  if (found.files.private_key_pem.empty() && found.files.private_key_uri.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("the keystore has only the certificate of '",
                                                      name, "': it can verify, not sign"));
  }
  return store_->OpenPrivateKey(found);
}

absl::StatusOr<StoredKey> Keystore::Add(const NewKey& key, KeyStep mirror) {
  JET_RETURN_IF_ERROR(store_->CheckNewName(key.name));
  JET_RETURN_IF_ERROR(CheckNew(key));
  // Twins are looked for among checked records; what is wrong with the store key is said later.
  (void)store_->master_key().Open();
  JET_RETURN_IF_ERROR(store_->CheckNoTwin(key.name, key.certificate));
  const StagedKey staged(store_->folder(), key.name);
  JET_ASSIGN_OR_RETURN(const KeyFolder added, store_->Stage(staged.name(),
                                                            {.name = key.name,
                                                             .document = key.certificate,
                                                             .private_key_uri = key.private_key_uri,
                                                             .origin = key.origin,
                                                             .created = absl::Now()},
                                                            key.private_key));
  JET_RETURN_IF_ERROR(store_->folder().CommitKey(staged.name(), key.name));
  StoredKey stored = StoredKeyOf(added);
  const absl::Status mirrored = mirror(stored);
  if (mirrored.ok()) return stored;
  const absl::Status taken_out = store_->folder().TakeOutKey(key.name, staged.name());
  if (taken_out.ok()) return mirrored;
  return base::Annotate(mirrored, absl::StrCat("the key '", key.name, "' stays in the keystore (",
                                               taken_out.message(), ")"));
}

absl::StatusOr<WaitingKey> Keystore::AddWaiting(const NewWaitingKey& key) {
  JET_RETURN_IF_ERROR(store_->CheckNewName(key.name));
  JET_RETURN_IF_ERROR(CheckBelongTogether(key.name, key.private_key, key.request.public_key()));
  const StagedKey staged(store_->folder(), key.name);
  JET_ASSIGN_OR_RETURN(const KeyFolder added, store_->Stage(staged.name(),
                                                            {.name = key.name,
                                                             .document = key.request,
                                                             .origin = KeyOrigin::kGenerated,
                                                             .created = absl::Now()},
                                                            &key.private_key));
  JET_RETURN_IF_ERROR(store_->folder().CommitKey(staged.name(), key.name));
  return WaitingKeyOf(added);
}

absl::StatusOr<StoredKey> Keystore::Join(absl::string_view name,
                                         const pki::Certificate& certificate, KeyStep mirror) {
  JET_RETURN_IF_ERROR(store_->folder().CheckWritable());
  JET_ASSIGN_OR_RETURN(const KeyFolder waiting, store_->Find(name));
  JET_RETURN_IF_ERROR(CheckJoins(waiting.files, certificate));
  // First, as it opens the store key: records are checked from then on.
  JET_ASSIGN_OR_RETURN(const crypto::PrivateKey private_key, store_->OpenPrivateKey(waiting));
  JET_RETURN_IF_ERROR(store_->CheckNoTwin(waiting.files.name, certificate));
  KeyFiles joined = waiting.files;
  joined.document = certificate;
  const StagedKey staged(store_->folder(), name);
  JET_ASSIGN_OR_RETURN(const KeyFolder read, store_->Stage(staged.name(), joined, &private_key));
  JET_RETURN_IF_ERROR(ExchangeKey(store_->folder(), staged.name(), joined.name));
  StoredKey stored = StoredKeyOf(read);
  const absl::Status mirrored = mirror(stored);
  if (mirrored.ok()) return stored;
  const absl::Status back = ExchangeKey(store_->folder(), staged.name(), joined.name);
  if (back.ok()) return mirrored;
  return base::Annotate(mirrored, absl::StrCat("the certificate stays joined to '", name, "' (",
                                               back.message(), ")"));
}

absl::Status Keystore::Remove(absl::string_view name, KeyStep unlink) {
  const StoreFolder& folder = store_->folder();
  JET_RETURN_IF_ERROR(folder.CheckWritable());
  JET_RETURN_IF_ERROR(CheckKeyName(name));
  const std::string key_name(name);
  JET_RETURN_IF_ERROR(store_->PrepareRemoval(key_name, unlink));
  const std::string staged = store_->folder().NewStagedName(name);
  JET_RETURN_IF_ERROR(folder.TakeOutKey(key_name, staged));
  return base::Annotate(folder.RemoveStaged(staged),
                        absl::StrCat("the key '", name, "' is deleted, but not all its files"));
}

absl::Status Keystore::Rename(absl::string_view from, absl::string_view to) {
  JET_RETURN_IF_ERROR(store_->folder().CheckWritable());
  JET_RETURN_IF_ERROR(CheckKeyName(to));
  JET_ASSIGN_OR_RETURN(const KeyFolder key, store_->Find(from));
  const KeyRename rename = {std::string(from), std::string(to)};
  JET_RETURN_IF_ERROR(store_->CheckNewName(rename.to));
  const StagedKey staged(store_->folder(), to);
  JET_RETURN_IF_ERROR(store_->StageRenamed(staged.name(), key, rename.to).status());
  return RenameByJournal(store_->folder(), rename, staged.name());
}

absl::Status Keystore::Unlock() const { return store_->master_key().Open().status(); }

absl::Status Keystore::CheckStoreKeyAtHand() const {
  return store_->master_key().OpenUnasked().status();
}

absl::StatusOr<bool> Keystore::IsProtected() const { return store_->master_key().IsProtected(); }

absl::StatusOr<bool> Keystore::NeedsPassphrase() const {
  return store_->master_key().NeedsPassphrase();
}

std::string Keystore::store_key_path() const { return store_->master_key().path(); }

bool Keystore::HasUnusedMasterKey() const {
  return store_->master_key().is_elsewhere() && store_->folder().HasMasterKey();
}

absl::Status Keystore::Protect(const crypto::Secret& passphrase) {
  return store_->master_key().Rewrite(&passphrase);
}

absl::Status Keystore::Unprotect() { return store_->master_key().Rewrite(nullptr); }

absl::StatusOr<bool> Keystore::HasUnfinishedRekey() const { return store_->master_key().HasNext(); }

absl::StatusOr<RekeyReport> Keystore::Rekey() {
  return RekeyFolder(store_->folder(), store_->master_key());
}

absl::StatusOr<MirrorHistory> Keystore::Mirrored() const {
  return ReadMirrorHistory(store_->folder(), store_->master_key().OpenUnasked());
}

absl::Status Keystore::RememberMirrored(const std::vector<pki::Certificate>& certificates) {
  JET_ASSIGN_OR_RETURN(const StoreKeys* const keys, store_->master_key().OpenUnasked());
  return RememberInMirrorHistory(store_->folder(), *keys, certificates);
}

}  // namespace jet::keystore

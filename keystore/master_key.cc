#include "keystore/master_key.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "keystore/wrapped_key.h"

namespace jet::keystore {
namespace {

absl::Status WrongSize(size_t size, absl::string_view path) {
  return absl::DataLossError(absl::StrCat("'", path, "' has ", size, " bytes and a store key has ",
                                          kStoreKeySize, "; restore it from a backup"));
}

// Returns the content of a file for `key`; a null passphrase leaves it as it is.
absl::StatusOr<crypto::Secret> Encode(const crypto::Secret& key, const crypto::Secret* passphrase) {
  if (passphrase == nullptr) return crypto::Secret::CopyOf(key.Expose());
  JET_ASSIGN_OR_RETURN(const base::Bytes wrapped, WrapKey(key, *passphrase));
  return crypto::Secret::CopyOf(wrapped);
}

}  // namespace

std::string MasterKey::path() const {
  return is_elsewhere() ? options_.file : absl::StrCat(home_.path, "/", kMasterKeyFile);
}

absl::StatusOr<const StoreKeys*> MasterKey::Open() {
  if (!keys_.has_value()) keys_ = Load();
  JET_RETURN_IF_ERROR(keys_->status());
  return &**keys_;
}

absl::StatusOr<const StoreKeys*> MasterKey::OpenUnasked() {
  if (!keys_.has_value() && !options_.passphrase_given) {
    JET_ASSIGN_OR_RETURN(const bool is_protected, IsProtected());
    if (is_protected) {
      return absl::FailedPreconditionError(
          absl::StrCat("a passphrase protects the store key '", path(), "', and none was given"));
    }
  }
  return Open();
}

absl::StatusOr<const StoreKeys*> MasterKey::ForReading() {
  const absl::StatusOr<const StoreKeys*> keys = OpenUnasked();
  if (keys.ok()) return keys;
  // Somebody counts on the passphrase that was given: not to check then would look like success.
  if (options_.passphrase_given && IsProtected().value_or(false)) return keys.status();
  return nullptr;
}

absl::StatusOr<bool> MasterKey::IsProtected() const {
  JET_ASSIGN_OR_RETURN(const MasterKeyFile file, OpenFile());
  JET_ASSIGN_OR_RETURN(const crypto::Secret content, file.Read());
  return IsWrappedKey(content.Expose());
}

absl::StatusOr<bool> MasterKey::NeedsPassphrase() const {
  JET_ASSIGN_OR_RETURN(const MasterKeyFile file, OpenFile());
  JET_ASSIGN_OR_RETURN(const crypto::Secret content, file.Read());
  if (IsWrappedKey(content.Expose())) {
    JET_RETURN_IF_ERROR(CheckWrappedKey(content.Expose()));
    return true;
  }
  if (content.size() != kStoreKeySize) return WrongSize(content.size(), path());
  const absl::StatusOr<crypto::Secret> next = file.ReadNext();
  return next.ok() && CheckWrappedKey(next->Expose()).ok();
}

absl::StatusOr<bool> MasterKey::HasNext() const {
  JET_ASSIGN_OR_RETURN(const MasterKeyFile file, OpenFile());
  const absl::Status read = file.ReadNext().status();
  if (absl::IsNotFound(read)) return false;
  return true;
}

absl::StatusOr<StoreKeys> MasterKey::Load() {
  JET_ASSIGN_OR_RETURN(const MasterKeyFile file, OpenFile());
  JET_ASSIGN_OR_RETURN(crypto::Secret content, file.Read());
  JET_ASSIGN_OR_RETURN(StoreKey current, Decode(std::move(content), path()));
  StoreKeys keys(std::move(current));
  absl::StatusOr<crypto::Secret> next_content = file.ReadNext();
  if (absl::IsNotFound(next_content.status())) return keys;
  absl::StatusOr<StoreKey> next = next_content.ok()
                                      ? Decode(*std::move(next_content), file.next_path())
                                      : absl::StatusOr<StoreKey>(next_content.status());
  if (next.ok()) {
    keys.SetNext(*std::move(next));
  } else {
    keys.SetNextError(next.status());
  }
  return keys;
}

absl::StatusOr<StoreKey> MasterKey::Decode(crypto::Secret content, const std::string& path) {
  // Before the size: the first line of a wrapped key alone is as long as a key.
  if (!IsWrappedKey(content.Expose())) {
    if (content.size() != kStoreKeySize) return WrongSize(content.size(), path);
    return StoreKey::FromSecret(std::move(content));
  }
  const absl::Status whole = CheckWrappedKey(content.Expose());
  if (!whole.ok()) return base::Annotate(whole, absl::StrCat("'", path, "'"));
  JET_RETURN_IF_ERROR(NeedPassphrase(path));
  absl::StatusOr<crypto::Secret> key = UnwrapKey(content.Expose(), *passphrase_);
  if (!key.ok()) {
    return base::Annotate(key.status(), absl::StrCat("cannot open the store key '", path, "'"));
  }
  return StoreKey::FromSecret(*std::move(key));
}

absl::Status MasterKey::NeedPassphrase(const std::string& path) {
  if (passphrase_.has_value()) return absl::OkStatus();
  if (options_.passphrase == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("a passphrase protects the store key '", path, "', and none was given"));
  }
  JET_ASSIGN_OR_RETURN(passphrase_, options_.passphrase());
  return absl::OkStatus();
}

absl::Status MasterKey::Sync() const {
  JET_ASSIGN_OR_RETURN(const MasterKeyFile file, OpenFile());
  return file.Sync();
}

absl::Status MasterKey::Make() {
  JET_ASSIGN_OR_RETURN(const MasterKeyFile file, OpenFile());
  JET_ASSIGN_OR_RETURN(const crypto::Secret key, crypto::RandomSecret(kStoreKeySize));
  keys_.reset();
  return file.Create(key.Expose());
}

absl::Status MasterKey::Rewrite(const crypto::Secret* passphrase) {
  JET_ASSIGN_OR_RETURN(const StoreKeys* const keys, Open());
  JET_ASSIGN_OR_RETURN(const MasterKeyFile file, OpenFile());
  JET_ASSIGN_OR_RETURN(const bool has_next, HasNext());
  if (has_next) {
    // Two files cannot be rewritten at once, and both must open with one passphrase.
    return absl::FailedPreconditionError(absl::StrCat(
        "'", file.next_path(), "' is there: a rekey has not ended; finish it first (rekey)"));
  }
  JET_ASSIGN_OR_RETURN(const crypto::Secret content, Encode(keys->current().secret(), passphrase));
  JET_RETURN_IF_ERROR(file.Replace(content.Expose()));
  keys_.reset();
  passphrase_.reset();
  if (passphrase != nullptr) passphrase_ = crypto::Secret::CopyOf(passphrase->Expose());
  return absl::OkStatus();
}

absl::Status MasterKey::MakeNext() {
  JET_RETURN_IF_ERROR(Open().status());
  JET_ASSIGN_OR_RETURN(const MasterKeyFile file, OpenFile());
  JET_ASSIGN_OR_RETURN(const crypto::Secret key, crypto::RandomSecret(kStoreKeySize));
  JET_ASSIGN_OR_RETURN(const bool is_protected, IsProtected());
  JET_ASSIGN_OR_RETURN(const crypto::Secret content,
                       Encode(key, is_protected ? &*passphrase_ : nullptr));
  JET_RETURN_IF_ERROR(file.CreateNext(content.Expose()));
  keys_.reset();
  return absl::OkStatus();
}

absl::Status MasterKey::PromoteNext() {
  JET_ASSIGN_OR_RETURN(const MasterKeyFile file, OpenFile());
  keys_.reset();
  return file.PromoteNext();
}

}  // namespace jet::keystore

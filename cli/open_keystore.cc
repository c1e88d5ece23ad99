#include "cli/open_keystore.h"

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace jet::cli {
namespace {

constexpr char kMasterKeyFileVariable[] = "JET_MASTER_KEY_FILE";

std::string NameOf(const std::string& keystore) {
  return absl::StrCat("the keystore '", keystore, "'");
}

// Returns the passphrase, got once in a run: a descriptor can be read only once, and nobody should
// have to type it twice.
absl::StatusOr<crypto::Secret> Passphrase(const StoreKeyInput& input, const std::string& keystore) {
  if (input.typed->empty()) {
    JET_ASSIGN_OR_RETURN(*input.typed, ReadPassphrase(input.passphrase, NameOf(keystore)));
  }
  return crypto::Secret::CopyOf(input.typed->Expose());
}

}  // namespace

keystore::MasterKeyOptions MasterKeyOptionsOf(const Session& session) {
  keystore::MasterKeyOptions options;
  options.file = session.store_key.master_key_file.value_or(std::string());
  options.passphrase_given = session.store_key.passphrase.given();
  options.passphrase = [input = session.store_key, keystore = session.keystore] {
    return Passphrase(input, keystore);
  };
  return options;
}

namespace {

// Gets the passphrase, if one is needed, with no lock held but a moment's shared one.
absl::Status AskBeforeLocking(const Session& session) {
  absl::StatusOr<bool> is_protected = false;
  {
    const absl::StatusOr<keystore::Keystore> store = keystore::Keystore::Open(
        session.keystore, keystore::Access::kRead, MasterKeyOptionsOf(session));
    // What is wrong is said by who opens it to work with it.
    if (!store.ok()) return absl::OkStatus();
    is_protected = store->IsProtected();
  }
  if (!is_protected.ok() || !*is_protected) return absl::OkStatus();
  return Passphrase(session.store_key, session.keystore).status();
}

}  // namespace

void DeclareStoreKey(OptionParser& parser, StoreKeyInput& input) {
  parser.Value("--master-key-file", input.master_key_file, "FILE",
               "File that holds the store key, instead of the keystore's own master.key "
               "(JET_MASTER_KEY_FILE)");
  input.passphrase.prefix = "--store-passphrase";
  DeclarePassphrase(parser, input.passphrase, "the passphrase of the keystore");
}

void CompleteStoreKey(StoreKeyInput& input) {
  input.typed = std::make_shared<crypto::Secret>();
  const char* const value = std::getenv(kMasterKeyFileVariable);
  if (!input.master_key_file.has_value() && value != nullptr && *value != '\0') {
    input.master_key_file = value;
  }
}

absl::StatusOr<keystore::Keystore> OpenKeystore(const Session& session, keystore::Access access) {
  if (access == keystore::Access::kCreate) JET_RETURN_IF_ERROR(AskBeforeLocking(session));
  absl::StatusOr<keystore::Keystore> store =
      keystore::Keystore::Open(session.keystore, access, MasterKeyOptionsOf(session));
  if (store.ok() && store->HasUnusedMasterKey()) {
    session.output.Note(absl::StrCat("the store key is that of '", store->store_key_path(),
                                     "'; the keystore's own master.key is not used"));
  }
  return store;
}

absl::StatusOr<keystore::Keystore> OpenUnlockedKeystore(const Session& session,
                                                        keystore::Access access) {
  JET_RETURN_IF_ERROR(AskBeforeLocking(session));
  JET_ASSIGN_OR_RETURN(keystore::Keystore store, OpenKeystore(session, access));
  JET_RETURN_IF_ERROR(store.Unlock());
  return store;
}

void NoteUnlessChecked(const Session& session, const keystore::Keystore& store) {
  const absl::Status at_hand = store.CheckStoreKeyAtHand();
  if (at_hand.ok()) return;
  session.output.Note(absl::StrCat("not checked: whether the records are as they were written (",
                                   at_hand.message(), ")"));
}

}  // namespace jet::cli

#include "cli/open_keystore.h"

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::cli {
namespace {

constexpr char kMasterKeyFileVariable[] = "JET_MASTER_KEY_FILE";

std::string NameOf(const std::string& keystore) {
  return absl::StrCat("the keystore '", keystore, "'");
}

// Returns the passphrase, got once in a run: a descriptor can be read only once, and nobody should
// have to type it twice.
absl::StatusOr<crypto::Secret> Passphrase(const StoreKeyInput& input, const std::string& keystore) {
  absl::optional<absl::StatusOr<crypto::Secret>>& typed = *input.typed;
  if (!typed.has_value()) typed = ReadPassphrase(input.passphrase, NameOf(keystore));
  JET_RETURN_IF_ERROR(typed->status());
  return crypto::Secret::CopyOf((*typed)->Expose());
}

}  // namespace

keystore::MasterKeyOptions MasterKeyOptionsOf(const Session& session) {
  keystore::MasterKeyOptions options;
  options.file = session.store_key.master_key_file.value_or(std::string());
  options.passphrase_given = session.store_key.passphrase.given();
  options.passphrase = [input = session.store_key,
                        keystore = session.keystore]() -> absl::StatusOr<crypto::Secret> {
    // This is called with the keystore's lock held: nobody is asked now.
    if (!input.passphrase.given() && !input.typed->has_value()) {
      return absl::FailedPreconditionError(
          "a passphrase protects the store key, which was not so a moment ago; try again");
    }
    return Passphrase(input, keystore);
  };
  return options;
}

absl::Status AskForStorePassphrase(const Session& session) {
  absl::StatusOr<bool> needed = false;
  {
    const absl::StatusOr<keystore::Keystore> store = keystore::Keystore::Open(
        session.keystore, keystore::Access::kRead, MasterKeyOptionsOf(session));
    // What is wrong is said by who opens it to work with it.
    if (!store.ok()) return absl::OkStatus();
    needed = store->NeedsPassphrase();
  }
  if (!needed.ok() || !*needed) return absl::OkStatus();
  return Passphrase(session.store_key, session.keystore).status();
}

absl::Status AskBeforeOpeningPrivateKey(const Session& session, const std::string& name) {
  {
    JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                         keystore::Keystore::Open(session.keystore, keystore::Access::kRead,
                                                  MasterKeyOptionsOf(session)));
    JET_ASSIGN_OR_RETURN(const keystore::StoredKey key, store.Find(name));
    if (!key.has_private_key) return absl::OkStatus();
  }
  return base::Annotate(AskForStorePassphrase(session),
                        absl::StrCat("cannot open the private key of '", name, "'"));
}

void DeclareStoreKey(OptionParser& parser, StoreKeyInput& input) {
  parser.Value("--master-key-file", input.master_key_file, "FILE",
               "File that holds the store key, instead of the keystore's own master.key "
               "(JET_MASTER_KEY_FILE)");
  input.passphrase.prefix = "--store-passphrase";
  DeclarePassphrase(parser, input.passphrase, "the passphrase of the keystore");
}

void CompleteStoreKey(StoreKeyInput& input) {
  input.typed = std::make_shared<absl::optional<absl::StatusOr<crypto::Secret>>>();
  const char* const value = std::getenv(kMasterKeyFileVariable);
  if (!input.master_key_file.has_value() && value != nullptr && *value != '\0') {
    input.master_key_file = value;
  }
}

absl::StatusOr<keystore::Keystore> OpenKeystore(const Session& session, keystore::Access access) {
  if (access == keystore::Access::kCreate) JET_RETURN_IF_ERROR(AskForStorePassphrase(session));
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
  JET_RETURN_IF_ERROR(AskForStorePassphrase(session));
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

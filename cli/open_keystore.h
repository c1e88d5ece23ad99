// The one way for a command to open the keystore: with what the common options say of its store
// key.
#ifndef JET_CLI_OPEN_KEYSTORE_H_
#define JET_CLI_OPEN_KEYSTORE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/option_parser.h"
#include "keystore/keystore.h"

namespace jet::cli {

// Declares --master-key-file and --store-passphrase-file, -fd and -env, which every command has.
void DeclareStoreKey(OptionParser& parser, StoreKeyInput& input);

// Takes JET_MASTER_KEY_FILE where --master-key-file was not given.
void CompleteStoreKey(StoreKeyInput& input);

// Gets the passphrase of the store key, where one protects it and none of the options gives it, on
// the terminal, at most once in a run. Called before the keystore is opened: no lock is held, so
// that nobody waits for somebody who is typing. Asks for nothing, and is OK, where there is no
// keystore or its store key is missing, damaged or not protected: opening it tells that.
absl::Status AskForStorePassphrase(const Session& session);

// As AskForStorePassphrase, before the private key `name` is opened; asks for nothing where that
// has no use. Fails when there is no such key.
absl::Status AskBeforeOpeningPrivateKey(const Session& session, const std::string& name);

// Opens the keystore of the session; for kCreate, which adds a key, after AskForStorePassphrase.
// What needs no store key (listing) never asks. With the keystore open nobody is asked: what needs
// a passphrase then, and nobody asked before, fails.
absl::StatusOr<keystore::Keystore> OpenKeystore(const Session& session, keystore::Access access);

// As OpenKeystore, and opens the store key as well, asking before the lock is taken.
absl::StatusOr<keystore::Keystore> OpenUnlockedKeystore(const Session& session,
                                                        keystore::Access access);

// What the session says of the store key, for what opens the keystore by itself.
keystore::MasterKeyOptions MasterKeyOptionsOf(const Session& session);

// Says, once for all keys, that and why the records of `store` were not checked.
void NoteUnlessChecked(const Session& session, const keystore::Keystore& store);

}  // namespace jet::cli

#endif  // JET_CLI_OPEN_KEYSTORE_H_

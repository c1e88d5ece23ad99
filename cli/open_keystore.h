// The one way for a command to open the keystore: with what the common options say of its store
// key.
#ifndef JET_CLI_OPEN_KEYSTORE_H_
#define JET_CLI_OPEN_KEYSTORE_H_

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

// Opens the keystore of the session. Where a passphrase protects the store key and none of the
// options gives it, it is asked for on the terminal once the store key is needed, at most once in a
// run; for kCreate, which adds a key, before the lock is taken, so that nobody waits for somebody
// who is typing. What needs no store key (listing) never asks.
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

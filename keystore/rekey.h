// Moves the keys of a keystore to a new store key.
#ifndef JET_KEYSTORE_REKEY_H_
#define JET_KEYSTORE_REKEY_H_

#include "absl/status/statusor.h"
#include "keystore/keystore.h"
#include "keystore/master_key.h"
#include "keystore/store_folder.h"

namespace jet::keystore {

// Does what Keystore::Rekey says.
absl::StatusOr<RekeyReport> RekeyFolder(StoreFolder& folder, MasterKey& master_key);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_REKEY_H_

// What a keyring holds of a keystore: what `jet-ima load` and `jet-ima status` have in common.
#ifndef JET_CLI_MIRROR_COMPARISON_H_
#define JET_CLI_MIRROR_COMPARISON_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "cli/output.h"
#include "ima/keyring.h"
#include "ima/mirror.h"
#include "keystore/keystore.h"

namespace jet::cli {

struct MirrorComparison {
  std::vector<ima::NamedCertificate> missing;
  std::vector<ima::NamedCertificate> present;
  // In the ring and not in the keystore, which mirrored a certificate with the same subject key
  // identifier once.
  std::vector<ima::KeyringMember> stale;
  std::vector<ima::KeyringMember> foreign;  // what else is in the ring
  keystore::MirrorHistory history;
  // OK, or why nothing can be called stale, so that all of it is foreign: the history cannot be
  // authenticated, or a damaged key could be the one that the ring holds.
  absl::Status history_status;
};

// Compares the keys of `store` with the ring's `members`. Asks for no passphrase.
MirrorComparison CompareMirror(const keystore::Keystore& store, const keystore::KeyListing& listing,
                               const std::vector<ima::KeyringMember>& members);

// The identifier of a member in hexadecimal; empty when its description ends in none.
std::string IdentifierText(const ima::KeyringMember& member);

// "2 keys", "1 key".
std::string KeysText(size_t count);

}  // namespace jet::cli

#endif  // JET_CLI_MIRROR_COMPARISON_H_

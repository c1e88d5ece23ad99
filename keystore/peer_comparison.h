// Compares this keystore with what a peer says of its own.
#ifndef JET_KEYSTORE_PEER_COMPARISON_H_
#define JET_KEYSTORE_PEER_COMPARISON_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "keystore/keystore.h"
#include "keystore/transfer.h"

namespace jet::keystore {

enum class PeerDifference {
  kInStep,        // the same certificate under the same name
  kVerifyOnly,    // the same, but the private key is only here
  kMissing,       // only here
  kOnlyThere,     // only at the peer
  kConflict,      // another certificate under the same name
  kDamagedHere,   // it cannot be read in this keystore
  kDamagedThere,  // it cannot be read at the peer
};

struct KeyComparison {
  std::string name;
  PeerDifference difference = PeerDifference::kInStep;
};

// What is to be told of the keys of a listing, sorted by name. What is no key but lies among them
// is left out.
absl::StatusOr<std::vector<PeerKey>> KeysForPeer(const KeyListing& listing);

// Compares by name and hash of the certificate; both lists are sorted by name. Pure.
std::vector<KeyComparison> CompareKeys(const std::vector<PeerKey>& here,
                                       const std::vector<PeerKey>& there);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_PEER_COMPARISON_H_

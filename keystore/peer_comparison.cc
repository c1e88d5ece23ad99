#include "keystore/peer_comparison.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace jet::keystore {
namespace {

PeerDifference DifferenceOf(const PeerKey& here, const PeerKey& there) {
  if (here.certificate_sha256.empty()) return PeerDifference::kDamagedHere;
  if (there.certificate_sha256.empty()) return PeerDifference::kDamagedThere;
  if (here.certificate_sha256 != there.certificate_sha256) return PeerDifference::kConflict;
  if (here.has_private_key && !there.has_private_key) return PeerDifference::kVerifyOnly;
  return PeerDifference::kInStep;
}

// A key that only one side has.
PeerDifference DifferenceOf(const PeerKey& key, PeerDifference where, PeerDifference damaged) {
  return key.certificate_sha256.empty() ? damaged : where;
}

}  // namespace

absl::StatusOr<std::vector<PeerKey>> KeysForPeer(const KeyListing& listing) {
  std::vector<PeerKey> keys;
  for (const StoredKey& key : listing.keys) {
    JET_ASSIGN_OR_RETURN(std::string sha256, key.certificate.Fingerprint());
    keys.push_back({key.name, std::move(sha256), key.has_private_key});
  }
  for (const DamagedKey& damaged : listing.damaged) {
    if (CheckKeyName(damaged.name).ok()) keys.push_back({damaged.name, "", false});
  }
  std::sort(keys.begin(), keys.end(),
            [](const PeerKey& a, const PeerKey& b) { return a.name < b.name; });
  return keys;
}

std::vector<KeyComparison> CompareKeys(const std::vector<PeerKey>& here,
                                       const std::vector<PeerKey>& there) {
  std::vector<KeyComparison> comparisons;
  auto mine = here.begin();
  auto theirs = there.begin();
  while (mine != here.end() || theirs != there.end()) {
    if (theirs == there.end() || (mine != here.end() && mine->name < theirs->name)) {
      comparisons.push_back({mine->name, DifferenceOf(*mine, PeerDifference::kMissing,
                                                      PeerDifference::kDamagedHere)});
      ++mine;
    } else if (mine == here.end() || theirs->name < mine->name) {
      comparisons.push_back({theirs->name, DifferenceOf(*theirs, PeerDifference::kOnlyThere,
                                                        PeerDifference::kDamagedThere)});
      ++theirs;
    } else {
      comparisons.push_back({mine->name, DifferenceOf(*mine, *theirs)});
      ++mine;
      ++theirs;
    }
  }
  return comparisons;
}

}  // namespace jet::keystore

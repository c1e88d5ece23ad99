// The commands that change a keystore, each with what is there before and after it.
#ifndef JET_TESTS_KEYSTORE_CRASH_SCENARIOS_H_
#define JET_TESTS_KEYSTORE_CRASH_SCENARIOS_H_

#include <map>
#include <string>
#include <vector>

#include "pki/certificate.h"
#include "tests/base/scratch_folder.h"

namespace jet::keystore {

// The keys of a store: of each one the fingerprint of its certificate and whether its private key
// is there, or "any", or "waits".
using KeysByName = std::map<std::string, std::string>;
inline constexpr char kAnyKey[] = "any";
inline constexpr char kWaits[] = "waits";  // for its certificate

struct StoreState {
  KeysByName keys;
  bool is_protected = false;  // a passphrase protects the store key
};

// In a command line and in a configuration: the folder that the command is run in, and the kernel's
// ring that goes with it.
inline constexpr char kPlace[] = "@PLACE@";
inline constexpr char kRing[] = "@RING@";

// In a place: the keystore, the store key that is not in it, and the keystore of a peer.
inline constexpr char kNearStore[] = "keystore";
inline constexpr char kStoreKeyElsewhere[] = "token/k";
inline constexpr char kFarStore[] = "far";

// A command, and the keystore before and after it.
struct Scenario {
  std::string name;
  std::vector<std::string> arguments;  // after "jet keystore"
  StoreState before;                   // without keys: there is no keystore yet
  StoreState after;
  std::string start = "plain";       // which of the places that were made it starts from
  bool store_key_elsewhere = false;  // the store key is at kStoreKeyElsewhere
  std::string configuration = {};    // of the command; empty: none
  KeysByName far_before = {};        // of the peer, when there is one
  KeysByName far_after = {};
  // How many times the others a run takes, roughly, with the look at what it left: deriving a key
  // from a passphrase is slow on purpose. In a sample there are as many times fewer of its points.
  size_t cost = 1;
  // One in how many of its points is tried where all are asked for.
  size_t least_stride = 1;
};

// JET_CRASH_STRIDE: of how many points, or images, one is tried; 1 for all of them. Without it a
// number for everyday.
size_t CrashStride();

// Makes the files that the scenarios need and the places that they start from. A new command that
// changes keystores gets a row here.
class Scenarios {
 public:
  Scenarios();

  const std::vector<Scenario>& all() const { return all_; }
  const Scenario& Named(const std::string& name) const;
  // The folder that `scenario` starts from.
  std::string StartOf(const Scenario& scenario) const;
  // The certificates of the keystore that most scenarios start from.
  const std::vector<pki::Certificate>& certificates() const { return certificates_; }

 private:
  std::string Place(const std::string& start, const std::string& name) const;
  void MakePlaces() const;
  void MakePeers() const;
  void AddOrdinaryRows();
  void AddWaitingRows();
  void AddStoreKeyRows();
  void AddPeerRow();
  // The state before most scenarios, with one key more.
  StoreState With(const std::string& name, const std::string& key) const;

  test::ScratchFolder folder_;
  std::vector<pki::Certificate> certificates_;
  StoreState start_;
  std::vector<Scenario> all_;
};

// Of a protected store key.
inline constexpr char kPassphrase[] = "a passphrase for this test";

// What a KeysByName says of a key.
std::string Describe(const pki::Certificate& certificate, bool has_private_key);

}  // namespace jet::keystore

#endif  // JET_TESTS_KEYSTORE_CRASH_SCENARIOS_H_

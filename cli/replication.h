// Takes a change of one key of the keystore to the other Routing Engines.
#ifndef JET_CLI_REPLICATION_H_
#define JET_CLI_REPLICATION_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "cli/delivery.h"
#include "cli/option_parser.h"
#include "keystore/pending_work.h"

namespace jet::cli {

inline constexpr int kPeerTimeout = 60;  // seconds

struct PeerOptions {
  bool with_private_key = false;
  int timeout = kPeerTimeout;  // seconds for each request

  absl::Duration Timeout() const { return absl::Seconds(timeout); }
};

// Declares --peer-timeout.
void DeclarePeerTimeout(OptionParser& parser, PeerOptions& options);

// Declares --with-private-key and --peer-timeout.
void DeclarePeerOptions(OptionParser& parser, PeerOptions& options);

// The peers of the configuration, without this Routing Engine itself.
std::vector<Peer> OtherPeers(const Session& session);

// The name of this Routing Engine in results: "local" unless the configuration has one.
std::string LocalName(const Session& session);

// A change of the key `name`. First it is noted for every peer, while the keystore's lock is held
// and before the keystore is changed, so that whoever is killed later has left word; then, after
// the change and without the lock, the peers are told. Without peers nothing is done.
class Replication {
 public:
  Replication(Session& session, std::string name, const PeerOptions& options)
      : session_(session), name_(std::move(name)), options_(options), peers_(OtherPeers(session)) {}

  // Where it cannot be noted for one peer, it is noted for none.
  absl::Status NotePut(const keystore::PendingPut& put);
  absl::Status NoteRemoval(const std::string& certificate_sha256);
  // That the key `from` gets this name.
  absl::Status NoteRename(const std::string& from, const std::string& certificate_sha256);

  // After the change, still under the lock: drops what was noted before and is not so any more.
  void End();

  // True when the private key is to be sent to a peer that does not have the key yet.
  bool WantsPrivateKey() const { return wants_private_key_; }

  // After a change that failed: as it was before it was noted.
  void TakeBack();

  // Tells the peers and prints a line for every Routing Engine. kCouldNotDo unless all have done
  // it. Never an error: the change of this keystore stands, whatever becomes of the others.
  ExitStatus Deliver(PeerOutcome here, const KeyToSend& key);

  // As Deliver, where it cannot be said to the peers what is to be removed: prints that.
  ExitStatus DeliverNothing(PeerOutcome here, const std::string& why);

 private:
  using Change = absl::FunctionRef<void(const Peer&, keystore::PendingEntry&)>;
  absl::Status Note(Change change);
  absl::Status NoteForEach(Change change);
  absl::Status DropStale();
  absl::Status ForgetRenamesFromHere() const;
  absl::StatusOr<std::vector<PeerOutcome>> DeliverAll(const Peer& peer, const KeyToSend& key) const;
  std::vector<PeerOutcome> DeliverTo(const Peer& peer, const KeyToSend& key) const;
  ExitStatus Print(PeerOutcome here) const;

  Session& session_;
  std::string name_;
  PeerOptions options_;
  std::vector<Peer> peers_;
  absl::optional<keystore::PendingWork> pending_;
  std::vector<keystore::PendingEntry> before_;  // of the peers that were noted
  absl::optional<std::string> old_name_;        // of a rename
  std::string sha256_;                          // of the key of that name then; empty: none
  absl::Status ended_;                          // what End came to
  bool wants_private_key_ = false;
};

}  // namespace jet::cli

#endif  // JET_CLI_REPLICATION_H_

// How it is told what became of a key on another Routing Engine.
#ifndef JET_CLI_PEER_REPORT_H_
#define JET_CLI_PEER_REPORT_H_

#include <string>

#include "absl/types/optional.h"
#include "cli/command.h"

namespace jet::cli {

enum class PeerOperation { kPut, kDelete, kRename, kCompare };

enum class PeerResult {
  kImported,
  kGenerated,
  kDeleted,
  kRenamed,
  kAlreadyThere,
  kAlreadyGone,
  kDoneByOther,  // another process told the peer, or took the change back
  kInStep,
  kVerifyOnly,  // it has the key without the private key
  kMissing,
  kOnlyThere,
  kDamagedHere,   // the key cannot be read here
  kDamagedThere,  // the key cannot be read at the peer
  kConflict,
  kRefused,
  kFailed,
  kUnreachable,
};

struct PeerOutcome {
  std::string peer;
  std::string key;  // empty: it is about the peer as a whole
  PeerOperation operation = PeerOperation::kPut;
  PeerResult result = PeerResult::kFailed;
  bool pending = false;              // `jet-keystore sync` tries again
  absl::optional<bool> private_key;  // whether it has the private key, where that is known
  bool verify_only = false;          // to be told: it lacks a private key that this one has
  std::string detail;                // foreign text
};

enum class ShowKey { kYes, kNo };

// Prints a line ("re1: unreachable, pending: ...", with the key's name after the peer's for
// ShowKey::kYes) or the object {"type":"check","check":"peer",...} (docs/formats/json.md).
void PrintPeerOutcome(Session& session, const PeerOutcome& outcome, ShowKey show);

// kGood, kNo or kCouldNotDo.
ExitStatus ExitStatusOf(const PeerOutcome& outcome);

// The one of the two that wins.
ExitStatus Worse(ExitStatus a, ExitStatus b);

}  // namespace jet::cli

#endif  // JET_CLI_PEER_REPORT_H_

// What other Routing Engines have still to be told: the folder pending/ of a keystore.
#ifndef JET_KEYSTORE_PENDING_WORK_H_
#define JET_KEYSTORE_PENDING_WORK_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "base/unique_fd.h"
#include "keystore/keystore.h"

namespace jet::keystore {

// A key that a peer has still to store.
struct PendingPut {
  std::string certificate_sha256;
  bool with_private_key = false;

  friend bool operator==(const PendingPut& a, const PendingPut& b) = default;
};

// A name that a key of this name had here before, and that a peer may still have it under.
struct PendingRename {
  std::string from;
  std::string certificate_sha256;

  friend bool operator==(const PendingRename& a, const PendingRename& b) = default;
};

// What is pending for one key name at one peer. First the removals are done, then the renames, then
// the put, which goes without saying where a rename was done. What a rename and a removal name is
// not renamed but removed under the old name as well: the key was renamed here, and then deleted.
struct PendingEntry {
  std::vector<std::string> removals;   // SHA-256 of certificates that had the name here
  std::vector<PendingRename> renames;  // oldest name first
  absl::optional<PendingPut> put;

  bool empty() const { return removals.empty() && renames.empty() && !put.has_value(); }
  bool Removes(absl::string_view certificate_sha256) const;
  friend bool operator==(const PendingEntry& a, const PendingEntry& b) = default;
};

// The entry of a key that is about to be stored, under a name that none has. What it is to replace,
// the removal of the very certificate, stays until it is stored: DropStale.
void NotePut(PendingEntry& entry, const PendingPut& put);

// The entry of a key that is about to go. A put of it, which is not wanted then, stays until it is
// gone: DropStale.
void NoteRemoval(PendingEntry& entry, const std::string& certificate_sha256);

// A rename of the key with the certificate `certificate_sha256` from the name `from`, whose entry
// is `old_entry`, to the name `to`.
struct RenameToNote {
  std::string from;
  std::string to;
  std::string certificate_sha256;
  PendingEntry old_entry;
};

// The entry, of the new name, which none has, of a key that is about to get that name. What was
// pending under the old name goes along: a put, that it is with the private key, and earlier names.
void NoteRename(PendingEntry& entry, const RenameToNote& rename);

// Drops from `entry` what is not so any more in a keystore whose key of that name has the
// certificate `stored_sha256` (empty: there is no such key): a put or rename of another
// certificate, and the removal of the very certificate that is there, which somebody was killed
// before he could do.
void DropStale(PendingEntry& entry, absl::string_view stored_sha256);

// Encodes an entry as its file, and decodes it. One encoding of every entry: DATA_LOSS for any
// other, UNIMPLEMENTED for an unknown format version.
std::string EncodePendingEntry(const PendingEntry& entry);
absl::StatusOr<PendingEntry> DecodePendingEntry(base::ByteSpan content);

struct PendingItem {
  std::string peer;
  std::string name;
  absl::StatusOr<PendingEntry> entry;  // an error: its file cannot be read
};

// The queue of pending work. It holds no private keys. Every change is one rename, so that a
// process killed at any point leaves an entry as it was or as it is to be.
class PendingWork {
 public:
  // Held by whoever talks to a peer, so that what it is told arrives in order. Freed at the end of
  // its life, also that of a killed process.
  class PeerLock {
   public:
    explicit PeerLock(base::UniqueFd folder) : folder_(std::move(folder)) {}

   private:
    base::UniqueFd folder_;
  };

  // Opens the queue of the keystore at `store_path`, which must exist, and makes its folder where
  // there is none. FAILED_PRECONDITION when others could change it.
  static absl::StatusOr<PendingWork> Open(const std::string& store_path);

  // As Open, but makes nothing: nullopt when there is no queue.
  static absl::StatusOr<absl::optional<PendingWork>> OpenExisting(const std::string& store_path);

  // Waits for the lock of `peer`. Not while holding the keystore's lock: its holder opens the
  // store.
  absl::StatusOr<PeerLock> LockPeer(const std::string& peer) const;

  // The entry of key `name` at `peer`; empty when there is none.
  absl::StatusOr<PendingEntry> Find(const std::string& peer, const std::string& name) const;

  // All entries, sorted by peer and name.
  absl::StatusOr<std::vector<PendingItem>> List() const;

  // Reads the entry, lets `change` change it, and writes it durably; all under a lock. An entry
  // that cannot be read counts as empty: what it said is found again by comparing the stores.
  absl::Status Change(const std::string& peer, const std::string& name,
                      absl::FunctionRef<void(PendingEntry&)> change) const;

 private:
  PendingWork(std::string path, base::UniqueFd folder)
      : path_(std::move(path)), folder_(std::move(folder)) {}

  std::string PathOf(absl::string_view peer, absl::string_view name = "") const;
  absl::StatusOr<base::UniqueFd> OpenPeer(const std::string& peer) const;
  absl::StatusOr<base::UniqueFd> MakePeer(const std::string& peer) const;
  absl::StatusOr<PendingEntry> Read(int peer_fd, const std::string& peer,
                                    const std::string& name) const;
  absl::Status Write(int peer_fd, const std::string& peer, const std::string& name,
                     const PendingEntry& entry) const;

  std::string path_;
  base::UniqueFd folder_;
};

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_PENDING_WORK_H_

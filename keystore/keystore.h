// The system keystore: signing certificates and their private keys, one folder each.
#ifndef JET_KEYSTORE_KEYSTORE_H_
#define JET_KEYSTORE_KEYSTORE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/unique_fd.h"
#include "crypto/private_key.h"
#include "keystore/mirror_history.h"
#include "pki/certificate.h"
#include "pki/request.h"

namespace jet::keystore {

class OpenedStore;  // keystore/opened_store.h

enum class KeyOrigin { kGenerated, kImported };

// A key of the store, as its record and certificate say.
struct StoredKey {
  std::string name;
  pki::Certificate certificate;
  std::string certificate_path;  // of certificate.der in the store
  bool has_private_key = false;
  std::string private_key_uri;  // of a private key that is in a token (RFC 7512); else empty
  KeyOrigin origin = KeyOrigin::kImported;
  absl::Time created;
  // False when the store key was not at hand to check the record's HMAC: name, certificate and
  // private key fit together, but who may write the store could have changed all of them.
  bool record_authenticated = false;

  // True when the private key is in the store itself, so that OpenPrivateKey can open it.
  bool holds_private_key() const { return has_private_key && private_key_uri.empty(); }
};

// A key of the store that has no certificate yet, only the request for one: nothing can be signed
// with it, and no keyring can hold it.
struct WaitingKey {
  std::string name;
  pki::CertificateRequest request;
  std::string request_path;  // of request.der in the store
  KeyOrigin origin = KeyOrigin::kGenerated;
  absl::Time created;
  bool record_authenticated = false;  // as StoredKey's
};

// A folder below keys/ that cannot be read as a key, and why.
struct DamagedKey {
  std::string name;
  absl::Status error;
};

struct KeyListing {
  std::vector<StoredKey> keys;  // sorted by name
  std::vector<WaitingKey> waiting;
  std::vector<DamagedKey> damaged;
};

struct NewKey {
  std::string name;
  pki::Certificate certificate;
  const crypto::PrivateKey* private_key = nullptr;  // null: the store can only verify with it
  KeyOrigin origin = KeyOrigin::kImported;
  std::string private_key_uri = {};  // of one that is in a token (keystore/record.h); else empty
};

struct NewWaitingKey {
  std::string name;
  pki::CertificateRequest request;
  const crypto::PrivateKey& private_key;
};

// What a rekey did.
struct RekeyReport {
  bool resumed = false;            // it went on with one that was begun before
  std::string store_key_id;        // of the new store key
  std::vector<std::string> moved;  // names of the keys that it moved
  size_t moved_before = 0;         // keys that were under the new store key already
  std::vector<DamagedKey>
      failed;  // what was not moved; when there is any, both store keys are kept
};

enum class Access {
  kRead,    // shared lock; works on a read-only mount; NOT_FOUND when there is no keystore
  kWrite,   // exclusive lock; NOT_FOUND when there is no keystore
  kCreate,  // as kWrite; makes the keystore when there is none
};

// Yields the passphrase of a protected store key. May be called more than once.
using StorePassphrase = std::function<absl::StatusOr<crypto::Secret>()>;

// Where the store key is and how it is opened.
struct MasterKeyOptions {
  std::string file;            // of the store key; empty: master.key in the keystore
  StorePassphrase passphrase;  // may be null: then a protected store key cannot be opened
  // True when `passphrase` asks nobody: then readers check records with it as well. Else it is
  // called only for what cannot be done without the store key.
  bool passphrase_given = false;
};

// OK for a name that a key may have: [A-Za-z0-9][A-Za-z0-9._-]{0,63}. INVALID_ARGUMENT otherwise.
absl::Status CheckKeyName(absl::string_view name);

// Called with the key just committed, or about to go; see Add and Remove.
using KeyStep = absl::FunctionRef<absl::Status(const StoredKey&)>;

// An open keystore. It holds the store's lock (flock on the folder) from Open to the end of its
// life: any number of readers, or one writer. Not thread-safe; move only.
class Keystore {
 public:
  // Opens the store at `path`, waiting for its lock. FAILED_PRECONDITION when the folder could be
  // changed by others (group or world may write, or it belongs to another user than the caller), or
  // when kCreate is asked for in a folder that holds other things. A writer sweeps what a killed
  // writer left in staging/. A process that has the store open for writing and opens it again waits
  // for itself.
  static absl::StatusOr<Keystore> Open(const std::string& path, Access access,
                                       MasterKeyOptions master_key = {});

  Keystore(Keystore&&) noexcept;
  Keystore& operator=(Keystore&&) noexcept;
  ~Keystore();

  const std::string& path() const;

  // What a killed writer had left and opening the store for writing has put in order, in words.
  const std::vector<std::string>& recovered() const;

  // Reads every key. One that cannot be read is listed as damaged and never hides the others.
  absl::StatusOr<KeyListing> List() const;

  // Reads one key. INVALID_ARGUMENT for an impossible name, NOT_FOUND when there is none by it
  // (naming those there are), FAILED_PRECONDITION when it waits for its certificate, DATA_LOSS when
  // its files contradict its record.
  absl::StatusOr<StoredKey> Find(absl::string_view name) const;

  // As Find, for a key that waits for its certificate; nullopt when there is none by that name.
  absl::StatusOr<absl::optional<WaitingKey>> FindWaiting(absl::string_view name) const;

  // Decrypts the private key of `name`. FAILED_PRECONDITION when the store has only its
  // certificate, or when master.key is missing or others may use it; UNIMPLEMENTED when it is in a
  // token; DATA_LOSS when key and certificate do not belong together.
  absl::StatusOr<crypto::PrivateKey> OpenPrivateKey(absl::string_view name) const;

  // Stores a key: built in staging/, synced, renamed into keys/ (the commit), keys/ synced. Then
  // `mirror` is called; when it fails the key is taken out again and its status returned.
  // ALREADY_EXISTS when the name is taken, or when the key id could mean another key of the store
  // (design.md, section 4, Keys). INVALID_ARGUMENT for an impossible name; FAILED_PRECONDITION when
  // private key and certificate do not belong together, the certificate has no usable key id, or
  // master.key is missing from a store that has keys. The same public key may have several names.
  // REQUIRES: opened with kCreate or kWrite.
  absl::StatusOr<StoredKey> Add(const NewKey& key, KeyStep mirror);

  // Stores a key with the request for its certificate, as Add does; it then waits for Join.
  // REQUIRES: opened with kCreate or kWrite.
  absl::StatusOr<WaitingKey> AddWaiting(const NewWaitingKey& key);

  // Joins the certificate to the key `name` that waits for it: the key's folder is written anew
  // with it and exchanged for the old one in one step. Then `mirror` is called; when it fails the
  // key waits again. ALREADY_EXISTS when the key has its certificate, FAILED_PRECONDITION when this
  // one is for another key; else as Add and OpenPrivateKey. REQUIRES: opened with kCreate or
  // kWrite.
  absl::StatusOr<StoredKey> Join(absl::string_view name, const pki::Certificate& certificate,
                                 KeyStep mirror);

  // Calls `unlink`, and when that is OK takes the key out of keys/ and removes its files. Works on
  // a key that waits and on a damaged one as well; `unlink` is then not called. REQUIRES: opened
  // with kCreate or kWrite.
  absl::Status Remove(absl::string_view name, KeyStep unlink);

  // Gives the key `from` the name `to`: a record is written anew, certificate and private key stay
  // byte for byte. Killed at any moment, the next writer finds the key under one of the two names.
  // ALREADY_EXISTS when `to` is taken, FAILED_PRECONDITION when the store key is not at hand, and
  // otherwise as Find. REQUIRES: opened with kCreate or kWrite.
  absl::Status Rename(absl::string_view from, absl::string_view to);

  // Opens the store key, calling for its passphrase where one protects it; from then on records are
  // checked. NOT_FOUND when there is none, FAILED_PRECONDITION when others may use it or no
  // passphrase can be had, PERMISSION_DENIED when the passphrase is wrong, DATA_LOSS when it is no
  // store key.
  absl::Status Unlock() const;

  // OK when the store key is at hand, so that records are checked; else why not. Asks nobody.
  absl::Status CheckStoreKeyAtHand() const;

  // True when a passphrase protects the store key. NOT_FOUND when there is none.
  absl::StatusOr<bool> IsProtected() const;

  // True when Unlock calls for a passphrase. DATA_LOSS for a damaged store key, which none opens.
  absl::StatusOr<bool> NeedsPassphrase() const;

  // The file that the store key is in, and whether master.key in the keystore, though it is there,
  // is not that file.
  std::string store_key_path() const;
  bool HasUnusedMasterKey() const;

  // Puts the store key under `passphrase`, or under none: the file is replaced in one step. As
  // Unlock; FAILED_PRECONDITION while a rekey has not ended. REQUIRES: opened with kWrite.
  absl::Status Protect(const crypto::Secret& passphrase);
  absl::Status Unprotect();

  // True when a rekey has begun and not ended.
  absl::StatusOr<bool> HasUnfinishedRekey() const;

  // Moves every key to a new store key, protected as the old one, or goes on with what a killed
  // rekey had begun. Killed at any moment, every key stays readable. The old store key is kept
  // while any key could not be moved. As Unlock; REQUIRES: opened with kWrite.
  absl::StatusOr<RekeyReport> Rekey();

  // Returns what RememberMirrored was told. Asks for no passphrase: FAILED_PRECONDITION when the
  // store key, which authenticates it, is not at hand; DATA_LOSS when it was damaged or edited.
  absl::StatusOr<MirrorHistory> Mirrored() const;

  // Remembers that `certificates` of this store were put into a keyring. As Mirrored; REQUIRES:
  // opened with kCreate or kWrite.
  absl::Status RememberMirrored(const std::vector<pki::Certificate>& certificates);

 private:
  explicit Keystore(std::unique_ptr<OpenedStore> store);
  std::unique_ptr<OpenedStore> store_;
};

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_KEYSTORE_H_

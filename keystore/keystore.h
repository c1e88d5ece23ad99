// The system keystore: signing certificates and their private keys, one folder each.
#ifndef JET_KEYSTORE_KEYSTORE_H_
#define JET_KEYSTORE_KEYSTORE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/unique_fd.h"
#include "crypto/private_key.h"
#include "pki/certificate.h"

namespace jet::keystore {

enum class KeyOrigin { kGenerated, kImported };

// A key of the store, as its record and certificate say.
struct StoredKey {
  std::string name;
  pki::Certificate certificate;
  std::string certificate_path;  // of certificate.der in the store
  bool has_private_key = false;
  KeyOrigin origin = KeyOrigin::kImported;
  absl::Time created;
  // False when the store key was not at hand to check the record's HMAC: name, certificate and
  // private key fit together, but who may write the store could have changed all of them.
  bool record_authenticated = false;
};

// A folder below keys/ that cannot be read as a key, and why.
struct DamagedKey {
  std::string name;
  absl::Status error;
};

struct KeyListing {
  std::vector<StoredKey> keys;  // sorted by name
  std::vector<DamagedKey> damaged;
};

struct NewKey {
  std::string name;
  pki::Certificate certificate;
  const crypto::PrivateKey* private_key = nullptr;  // null: the store can only verify with it
  KeyOrigin origin = KeyOrigin::kImported;
};

enum class Access {
  kRead,    // shared lock; works on a read-only mount; NOT_FOUND when there is no keystore
  kWrite,   // exclusive lock; NOT_FOUND when there is no keystore
  kCreate,  // as kWrite; makes the keystore when there is none
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
  static absl::StatusOr<Keystore> Open(const std::string& path, Access access);

  Keystore(Keystore&&) noexcept;
  Keystore& operator=(Keystore&&) noexcept;
  ~Keystore();

  const std::string& path() const;

  // Reads every key. One that cannot be read is listed as damaged and never hides the others.
  absl::StatusOr<KeyListing> List() const;

  // Reads one key. INVALID_ARGUMENT for an impossible name, NOT_FOUND when there is none by it
  // (naming those there are), DATA_LOSS when its files contradict its record.
  absl::StatusOr<StoredKey> Find(absl::string_view name) const;

  // Decrypts the private key of `name`. FAILED_PRECONDITION when the store has only its
  // certificate, or when master.key is missing or others may use it; DATA_LOSS when key and
  // certificate do not belong together.
  absl::StatusOr<crypto::PrivateKey> OpenPrivateKey(absl::string_view name) const;

  // Stores a key: built in staging/, synced, renamed into keys/ (the commit), keys/ synced. Then
  // `mirror` is called; when it fails the key is taken out again and its status returned.
  // ALREADY_EXISTS when the name is taken, or when the key id could mean another key of the store
  // (design.md, section 4, Keys). INVALID_ARGUMENT for an impossible name; FAILED_PRECONDITION when
  // private key and certificate do not belong together, the certificate has no usable key id, or
  // master.key is missing from a store that has keys. The same public key may have several names.
  // REQUIRES: opened with kCreate or kWrite.
  absl::StatusOr<StoredKey> Add(const NewKey& key, KeyStep mirror);

  // Calls `unlink`, and when that is OK takes the key out of keys/ and removes its files. Works on
  // a damaged key as well; `unlink` is then not called. REQUIRES: opened with kCreate or kWrite.
  absl::Status Remove(absl::string_view name, KeyStep unlink);

 private:
  struct State;
  explicit Keystore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_KEYSTORE_H_

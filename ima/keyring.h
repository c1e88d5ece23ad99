// The kernel's keyrings, as far as IMA uses them.
#ifndef JET_IMA_KEYRING_H_
#define JET_IMA_KEYRING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "pki/certificate.h"

namespace jet::ima {

// The serial number of a key or keyring (key_serial_t of keyutils.h).
using KeySerial = int32_t;

enum class KeyringChoice {
  kAuto,        // "auto": what this kernel's IMA uses, see ResolveKeyring
  kNone,        // "none": no keyring at all
  kTrustedIma,  // ".ima", "%:.ima", "%keyring:.ima"
  kUserIma,     // "_ima", "%:_ima", "%keyring:_ima"
  kUser,        // "@u"
  kSession,     // "@s"
  kSerial,      // a decimal or 0x hexadecimal number
};

// What a user wrote for --keyring.
struct KeyringSelector {
  KeyringChoice choice = KeyringChoice::kAuto;
  KeySerial serial = 0;  // for kSerial
};

// Parses the value of --keyring. INVALID_ARGUMENT, listing what may be written, for anything else:
// nothing falls back to another ring.
absl::StatusOr<KeyringSelector> ParseKeyringSelector(absl::string_view text);

// A key in a keyring.
struct KeyringMember {
  KeySerial serial = 0;
  std::string type;         // "asymmetric", "keyring", ...
  std::string description;  // from outside: escape it before printing
  // The subject key identifier at the end of the description that the kernel writes for an
  // asymmetric key, "<O>: <CN>: <hex>"; nullopt where the description does not end in one. For a
  // certificate without an identifier the kernel writes its serial number there, which cannot be
  // told apart (x509_public_key.c, x509_key_preparse).
  absl::optional<base::Bytes> subject_key_identifier;
};

// One keyring of the running kernel. A value; the ring itself is the kernel's. Thread-safe.
class Keyring {
 public:
  Keyring(KeySerial serial, std::string name, bool trusted)
      : serial_(serial), name_(std::move(name)), trusted_(trusted) {}

  KeySerial serial() const { return serial_; }
  const std::string& name() const { return name_; }  // ".ima", "_ima", "@u", "@s" or the number
  // True for .ima, which takes only certificates signed by a key that the kernel trusts.
  bool trusted() const { return trusted_; }

  // Returns the members in the kernel's order. Keys that vanish meanwhile are left out, and so are
  // revoked and expired keys: they stay in the ring for minutes, but nothing is verified with them.
  // A key that this process may not view has an empty type and description.
  absl::StatusOr<std::vector<KeyringMember>> List() const;

  // Adds the certificate as a key of type "asymmetric" with an empty description, so that the
  // kernel writes its own. Returns the key's serial. The status explains what the kernel said and
  // carries the errno: ENOKEY (no key that this kernel trusts signed it), ENOPKG or ENOENT (key
  // type unknown to this kernel), EKEYREJECTED (blacklisted), EACCES (ring not possessed, or a
  // security module). OK does not mean that the kernel can verify with the key: without
  // CONFIG_CRYPTO_ECDSA Linux 6.1 takes EC certificates all the same.
  absl::StatusOr<KeySerial> Add(const pki::Certificate& certificate) const;

  // Removes the key from this ring. OK when it was not in it. The kernel finds the key in the ring
  // by its type and description: a serial that another key with the same description has replaced
  // removes that other key, so take it from a List() that is newer than any Add().
  absl::Status Unlink(KeySerial serial) const;

 private:
  KeySerial serial_;
  std::string name_;
  bool trusted_;
};

// What ResolveKeyring found.
struct ResolvedKeyring {
  absl::optional<Keyring> keyring;
  // Why there is none, in words: asked for by --keyring none; auto without CAP_SYS_ADMIN in the
  // initial user namespace; a kernel without IMA.
  std::string why_none;
  bool warn = false;  // "none" is worth a warning: auto found that this kernel has no IMA
};

enum class MissingKeyring {
  kCreate,  // make _ima in the user keyring when it is wanted and not there
  kReport,  // NOT_FOUND
};

// Finds the keyring that `selector` means (design.md, section 4, Keyrings). _ima is searched for
// only in the user keyring of this process (keyctl_search); .ima is found by
// find_key_by_type_and_desc and taken only when KEYCTL_DESCRIBE says keyring, uid 0 and exactly
// ".ima". /proc/keys is never parsed here: key descriptions can forge its lines, so that
// libkeyutils, which reads it, answers with another ring or fails. Both are FAILED_PRECONDITION,
// also for kAuto, which must not take _ima while a forgery may hide an .ima. An _ima that belongs
// to another user than the effective one is FAILED_PRECONDITION too. For _ima and @u the user
// keyring is made reachable first (ReachUserKeyring).
// `securityfs_ima` is the folder whose presence tells that this kernel has IMA.
absl::StatusOr<ResolvedKeyring> ResolveKeyring(
    const KeyringSelector& selector, MissingKeyring missing,
    const std::string& securityfs_ima = "/sys/kernel/security/ima");

// Sees to it that this process possesses what is in its user keyring, without which the kernel
// answers EACCES. Where the session keyring does not lead there (services get such sessions), a new
// anonymous session keyring with a link to it takes its place; otherwise nothing changes. Session
// keyrings belong to a thread and are inherited by the threads and processes that it starts later:
// REQUIRES a call before other threads that use keyrings are started. The parent process keeps its
// own.
absl::Status ReachUserKeyring();

// Replaces the session keyring of this thread by a new one that holds the user keyring and nothing
// else.
absl::Status JoinSessionOfUserKeyring();

// Returns the errno of a failed Add as a sentence that says what to do about it.
std::string ExplainAddKeyError(int error_number, const pki::Certificate& certificate,
                               const std::string& keyring_name);

}  // namespace jet::ima

#endif  // JET_IMA_KEYRING_H_

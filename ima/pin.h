// Pins root's _ima keyring, so that no other user's can take its place.
#ifndef JET_IMA_PIN_H_
#define JET_IMA_PIN_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/unique_fd.h"

namespace jet::ima {

// What executing the pin program showed.
enum class PinResult {
  kPinned,         // the unsigned program was refused, the signed one ran: the kernel has found a
                   // ring with our key and keeps it for its life
  kUnproven,       // the unsigned program was refused, and so was one with a signature that is
                   // merely well formed: a ring that could be found is now kept, but nothing
                   // proves that it is ours
  kNotAppraising,  // the unsigned program ran: no policy appraises this file system
};

// The signature that is to prove something.
struct PinSignature {
  // Made by a key that ought to be in the ring; else merely well formed.
  bool by_key = false;
  // A program that carries such a signature already, open for reading: it is executed instead of
  // the bundled one, with --version and without input or output. Not valid without one.
  base::UniqueFd other_program;
};

// Writes security.ima of the pin program, an open file, or finds another program.
using PinSigner = absl::FunctionRef<absl::StatusOr<PinSignature>(int fd)>;

// Executes the bundled pin program (a few bytes of ELF that exit at once) twice from a temporary
// file in `folder`, which must be on a file system that the policy appraises: once unsigned, once
// with the signature that `sign` wrote; or then the program that `sign` found. The kernel looks the
// ring up in the credentials of whoever executes the first file with a signature of version 2, and
// remembers it (integrity_digsig_verify in security/integrity/digsig.c), so this has to happen as
// root, in a session that reaches the user keyring, right after the policy was loaded: each time a
// child of this process joins a session keyring with nothing but the user keyring in it, so that no
// other _ima can be found, and executes the file. The files have lost their names before they are
// executed; `sign` gets one that is open for reading. UNIMPLEMENTED on a machine whose instruction
// set the bundled program is not made for; PERMISSION_DENIED when not root; FAILED_PRECONDITION
// when nothing can be executed in `folder` (noexec), when the kernel refuses the program although
// it is signed with a key, and when it runs one that no key signed. An execution that fails for
// another reason than EACCES or EPERM proves nothing: it is an error.
absl::StatusOr<PinResult> PinKeyring(const std::string& folder, PinSigner sign);

// Loads a policy. Not called unless the ring can be pinned afterwards, as far as that can be known.
using PolicyLoader = absl::FunctionRef<absl::Status()>;

// The same, with a policy that `load` brings into force. Until the ring is pinned the kernel
// refuses every process that does not reach root's user keyring, which at boot most do not: so the
// program is signed before, and executed right after. FAILED_PRECONDITION, with nothing loaded,
// when something refuses the unsigned program already, and when no key signed what `sign` found: a
// policy that cannot be proven would most likely refuse everything. A status of `load` is returned
// as it is.
absl::StatusOr<PinResult> PinKeyring(const std::string& folder, PinSigner sign, PolicyLoader load);

// The bundled program for this machine; empty when there is none.
base::ByteSpan PinProgram();

}  // namespace jet::ima

#endif  // JET_IMA_PIN_H_

// PEM (RFC 7468), as far as it holds no private keys. Internal to pki/.
#ifndef JET_PKI_PEM_H_
#define JET_PKI_PEM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "pki/der.h"

namespace jet::pki {

struct PemBlock {
  std::string label;    // "CERTIFICATE"
  base::Bytes content;  // empty for a private key: what was decoded of it has been wiped

  bool holds_private_key() const;  // of any format, encrypted or not
};

// True when `file` is to be read as PEM, false when as DER.
bool IsPem(base::ByteSpan file);

// Returns the blocks of `file` in their order; text between them is skipped. INVALID_ARGUMENT when
// a block is broken.
absl::StatusOr<std::vector<PemBlock>> ReadPem(base::ByteSpan file);

// Returns the DER of the one object of `kind` in `file`, which is DER (not looked at any further)
// or PEM. INVALID_ARGUMENT when the file is empty or its PEM holds anything but that object.
absl::StatusOr<base::Bytes> ReadOneDer(base::ByteSpan file, const ObjectKind& kind);

// Returns a PEM block, a newline at its end.
std::string WritePem(absl::string_view label, base::ByteSpan der);

}  // namespace jet::pki

#endif  // JET_PKI_PEM_H_

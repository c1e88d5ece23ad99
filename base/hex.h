// Hexadecimal text.
#ifndef JET_BASE_HEX_H_
#define JET_BASE_HEX_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/bytes.h"

namespace jet::base {

// Returns two lower-case hexadecimal digits for each byte.
std::string HexEncode(ByteSpan bytes);

// Decodes digits of either case. INVALID_ARGUMENT for an odd number of digits or any other
// character.
absl::StatusOr<Bytes> HexDecode(absl::string_view text);

}  // namespace jet::base

#endif  // JET_BASE_HEX_H_

// The section headers of ELF files, which anybody may have made up.
#ifndef JET_BASE_ELF_SECTIONS_H_
#define JET_BASE_ELF_SECTIONS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/bytes.h"

namespace jet::base {

// What of a section header (gABI, chapter 4) is of use here, whatever the file's class and order.
struct ElfSection {
  uint32_t name = 0;    // in the section of names
  uint32_t type = 0;    // SHT_...
  uint64_t flags = 0;   // SHF_...
  uint64_t offset = 0;  // in the file
  uint64_t size = 0;    // in bytes
};

// Calls `on_section` with the section headers of the open ELF file `fd`, which begins with
// `header`, in their order, until that returns false. Headers that lie outside the file or are of
// another size than their class has are none: then it is not called. At most 65536 are read, a few
// at a time. Fails only when the file cannot be read.
absl::Status ReadElfSections(int fd, ByteSpan header,
                             absl::FunctionRef<bool(const ElfSection&)> on_section);

// True when a section that has content is called `name`.
absl::StatusOr<bool> HasElfSection(int fd, ByteSpan header, absl::string_view name);

// True when the file has sections of code and the content of none of them: what is left when
// debugging information is kept apart (objcopy --only-keep-debug, eu-strip -f).
absl::StatusOr<bool> LacksItsCode(int fd, ByteSpan header);

}  // namespace jet::base

#endif  // JET_BASE_ELF_SECTIONS_H_

// Knows what a file is by its content, never by its name.
#ifndef JET_BASE_FILE_KIND_H_
#define JET_BASE_FILE_KIND_H_

#include <sys/stat.h>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace jet::base {

enum class FileKind {
  kElf,     // an ELF executable or shared object: what Linux maps for execution
  kScript,  // an executable file that begins with "#!"
  kOther,
};

// The bytes from the front of a file that decide its kind.
inline constexpr size_t kFileKindBytes = 64;

// Decides by the first bytes (up to kFileKindBytes) and the permission bits of a regular file.
// An ELF file has the magic, a known class, byte order and version, and e_type ET_EXEC or ET_DYN
// (gABI, chapter 4); object files and core dumps are kOther, as nothing executes them.
FileKind FileKindOf(ByteSpan first_bytes, mode_t mode);

// Reads the first bytes of the open regular file `fd` and decides. Does not move its position.
absl::StatusOr<FileKind> ReadFileKind(int fd, mode_t mode);

}  // namespace jet::base

#endif  // JET_BASE_FILE_KIND_H_

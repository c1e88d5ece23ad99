// Knows what a file is by its content, never by its name.
#ifndef JET_BASE_FILE_KIND_H_
#define JET_BASE_FILE_KIND_H_

#include <sys/stat.h>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace jet::base {

enum class FileKind {
  kElf,           // an ELF executable or shared object: what Linux maps for execution
  kScript,        // an executable file that begins with "#!"
  kObjectFile,    // an ELF relocatable object
  kKernelModule,  // an ELF relocatable object with the section .modinfo, where these are asked for
  kDebugFile,     // what was an ELF executable or shared object, without its code
  kOther,
};

// The bytes from the front of a file that decide its kind.
inline constexpr size_t kFileKindBytes = 64;

// Decides by the first bytes (up to kFileKindBytes) and the permission bits of a regular file,
// which cannot tell kKernelModule and kDebugFile: these are kObjectFile and kElf. An ELF file has
// the magic, a known class, byte order and version, and e_type ET_EXEC, ET_DYN or ET_REL (gABI,
// chapter 4); core dumps are kOther, as nothing executes them.
FileKind FileKindOf(ByteSpan first_bytes, mode_t mode);

// Reads what is needed of the open regular file `fd` and decides; kernel modules are told from
// other objects only with `modules`. Does not move its position.
absl::StatusOr<FileKind> ReadFileKind(int fd, mode_t mode, bool modules);

}  // namespace jet::base

#endif  // JET_BASE_FILE_KIND_H_

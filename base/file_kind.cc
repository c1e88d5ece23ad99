#include "base/file_kind.h"

#include <elf.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/elf_sections.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::base {
namespace {

constexpr size_t kTypeOffset = EI_NIDENT;  // e_type follows e_ident in both classes

// The e_type of an ELF file; ET_NONE for anything else.
int ElfTypeOf(ByteSpan header) {
  if (header.size() < kTypeOffset + 2 || std::memcmp(header.data(), ELFMAG, SELFMAG) != 0) {
    return ET_NONE;
  }
  const uint8_t elf_class = header[EI_CLASS];
  if (elf_class != ELFCLASS32 && elf_class != ELFCLASS64) return ET_NONE;
  if (header.size() < (elf_class == ELFCLASS32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr))) {
    return ET_NONE;
  }
  const uint8_t order = header[EI_DATA];
  if (order != ELFDATA2LSB && order != ELFDATA2MSB) return ET_NONE;
  if (header[EI_VERSION] != EV_CURRENT) return ET_NONE;
  const uint8_t first = header[kTypeOffset];
  const uint8_t second = header[kTypeOffset + 1];
  return order == ELFDATA2LSB ? first | second << 8 : first << 8 | second;
}

absl::StatusOr<FileKind> KindOfObject(int fd, ByteSpan first_bytes, bool modules) {
  if (!modules) return FileKind::kObjectFile;
  JET_ASSIGN_OR_RETURN(const bool is_module, HasElfSection(fd, first_bytes, ".modinfo"));
  return is_module ? FileKind::kKernelModule : FileKind::kObjectFile;
}

}  // namespace

static_assert(kFileKindBytes >= sizeof(Elf64_Ehdr));

FileKind FileKindOf(ByteSpan first_bytes, mode_t mode) {
  const int type = ElfTypeOf(first_bytes);
  if (type == ET_EXEC || type == ET_DYN) return FileKind::kElf;
  if (type == ET_REL) return FileKind::kObjectFile;
  const bool executable = (mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
  if (executable && first_bytes.size() >= 2 && first_bytes[0] == '#' && first_bytes[1] == '!') {
    return FileKind::kScript;
  }
  return FileKind::kOther;
}

absl::StatusOr<FileKind> ReadFileKind(int fd, mode_t mode, bool modules) {
  std::array<uint8_t, kFileKindBytes> buffer;
  ssize_t count = 0;
  do {
    count = pread(fd, buffer.data(), buffer.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return SystemError(errno, "cannot read the file");
  const ByteSpan first_bytes(buffer.data(), static_cast<size_t>(count));
  const FileKind kind = FileKindOf(first_bytes, mode);
  if (kind == FileKind::kObjectFile) return KindOfObject(fd, first_bytes, modules);
  if (kind != FileKind::kElf) return kind;
  JET_ASSIGN_OR_RETURN(const bool lacks_code, LacksItsCode(fd, first_bytes));
  return lacks_code ? FileKind::kDebugFile : FileKind::kElf;
}

}  // namespace jet::base

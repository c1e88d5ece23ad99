#include "base/file_kind.h"

#include <elf.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/system_error.h"

namespace jet::base {
namespace {

constexpr size_t kTypeOffset = EI_NIDENT;  // e_type follows e_ident in both classes

bool IsMappedForExecution(ByteSpan header) {
  if (header.size() < kTypeOffset + 2 || std::memcmp(header.data(), ELFMAG, SELFMAG) != 0) {
    return false;
  }
  const uint8_t elf_class = header[EI_CLASS];
  if (elf_class != ELFCLASS32 && elf_class != ELFCLASS64) return false;
  if (header.size() < (elf_class == ELFCLASS32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr))) {
    return false;
  }
  const uint8_t order = header[EI_DATA];
  if (order != ELFDATA2LSB && order != ELFDATA2MSB) return false;
  if (header[EI_VERSION] != EV_CURRENT) return false;
  const uint8_t first = header[kTypeOffset];
  const uint8_t second = header[kTypeOffset + 1];
  const int type = order == ELFDATA2LSB ? first | second << 8 : first << 8 | second;
  return type == ET_EXEC || type == ET_DYN;
}

}  // namespace

static_assert(kFileKindBytes >= sizeof(Elf64_Ehdr));

FileKind FileKindOf(ByteSpan first_bytes, mode_t mode) {
  if (IsMappedForExecution(first_bytes)) return FileKind::kElf;
  const bool executable = (mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
  if (executable && first_bytes.size() >= 2 && first_bytes[0] == '#' && first_bytes[1] == '!') {
    return FileKind::kScript;
  }
  return FileKind::kOther;
}

absl::StatusOr<FileKind> ReadFileKind(int fd, mode_t mode) {
  std::array<uint8_t, kFileKindBytes> buffer;
  ssize_t count = 0;
  do {
    count = pread(fd, buffer.data(), buffer.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return SystemError(errno, "cannot read the file");
  return FileKindOf(ByteSpan(buffer.data(), static_cast<size_t>(count)), mode);
}

}  // namespace jet::base

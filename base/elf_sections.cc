#include "base/elf_sections.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <limits>

#include "absl/types/optional.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::base {
namespace {

// Linux counts section numbers from 0xff00 on in another way; nothing of use here has as many.
constexpr uint64_t kMaxSections = 65536;
constexpr size_t kSectionsAtATime = 64;

// Reads numbers of a file's class and byte order out of its headers.
class ElfFields {
 public:
  explicit ElfFields(ByteSpan header)
      : wide_(header[EI_CLASS] == ELFCLASS64), big_endian_(header[EI_DATA] == ELFDATA2MSB) {}

  bool wide() const { return wide_; }

  // The unsigned number of `size` bytes at `offset`, which must lie within `bytes`.
  uint64_t Number(ByteSpan bytes, size_t offset, size_t size) const {
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t index = big_endian_ ? i : size - 1 - i;
      value = value << 8 | bytes[offset + index];
    }
    return value;
  }

  // A number that has the size of an address.
  uint64_t Word(ByteSpan bytes, size_t offset) const {
    return Number(bytes, offset, wide_ ? 8 : 4);
  }

 private:
  bool wide_;
  bool big_endian_;
};

// Where the section headers are.
struct SectionTable {
  uint64_t offset = 0;
  uint64_t count = 0;
  uint64_t names = 0;  // the index of the section of names
};

size_t EntrySize(const ElfFields& fields) {
  return fields.wide() ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
}

// Reads what the file has of `buffer.size()` bytes at `offset`: the number of bytes.
absl::StatusOr<size_t> ReadAt(int fd, uint64_t offset, absl::Span<uint8_t> buffer) {
  if (offset > static_cast<uint64_t>(std::numeric_limits<off_t>::max()) - buffer.size()) {
    return size_t{0};
  }
  ssize_t count = 0;
  do {
    count = pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
  } while (count < 0 && errno == EINTR);
  if (count < 0) return SystemError(errno, "cannot read the file");
  return static_cast<size_t>(count);
}

ElfSection DecodeSection(const ElfFields& fields, ByteSpan entry) {
  const bool wide = fields.wide();
  ElfSection section;
  section.name = static_cast<uint32_t>(fields.Number(entry, offsetof(Elf64_Shdr, sh_name), 4));
  section.type = static_cast<uint32_t>(fields.Number(entry, offsetof(Elf64_Shdr, sh_type), 4));
  section.flags = fields.Word(entry, offsetof(Elf64_Shdr, sh_flags));
  section.offset =
      fields.Word(entry, wide ? offsetof(Elf64_Shdr, sh_offset) : offsetof(Elf32_Shdr, sh_offset));
  section.size =
      fields.Word(entry, wide ? offsetof(Elf64_Shdr, sh_size) : offsetof(Elf32_Shdr, sh_size));
  return section;
}

// No sections where `header` cannot be one or says there are none.
SectionTable FindSections(const ElfFields& fields, ByteSpan header) {
  const bool wide = fields.wide();
  const auto field = [&](size_t in_64, size_t in_32) {
    return fields.Number(header, wide ? in_64 : in_32, 2);
  };
  if (field(offsetof(Elf64_Ehdr, e_shentsize), offsetof(Elf32_Ehdr, e_shentsize)) !=
      EntrySize(fields)) {
    return {};
  }
  SectionTable table;
  table.offset =
      fields.Word(header, wide ? offsetof(Elf64_Ehdr, e_shoff) : offsetof(Elf32_Ehdr, e_shoff));
  if (table.offset == 0) return {};
  table.count = field(offsetof(Elf64_Ehdr, e_shnum), offsetof(Elf32_Ehdr, e_shnum));
  table.names = field(offsetof(Elf64_Ehdr, e_shstrndx), offsetof(Elf32_Ehdr, e_shstrndx));
  return table;
}

// Numbers that do not fit the file header stand in the first section header.
absl::Status ResolveLargeNumbers(int fd, const ElfFields& fields, SectionTable& table) {
  if (table.offset == 0 || (table.count != 0 && table.names != SHN_XINDEX)) {
    return absl::OkStatus();
  }
  std::array<uint8_t, sizeof(Elf64_Shdr)> buffer;
  const size_t entry_size = EntrySize(fields);
  JET_ASSIGN_OR_RETURN(const size_t size,
                       ReadAt(fd, table.offset, absl::MakeSpan(buffer).subspan(0, entry_size)));
  if (size < entry_size) return absl::OkStatus();
  const ByteSpan entry = ByteSpan(buffer).subspan(0, entry_size);
  if (table.count == 0) table.count = DecodeSection(fields, entry).size;
  if (table.names == SHN_XINDEX) {
    table.names = fields.Number(
        entry, fields.wide() ? offsetof(Elf64_Shdr, sh_link) : offsetof(Elf32_Shdr, sh_link), 4);
  }
  return absl::OkStatus();
}

absl::StatusOr<SectionTable> LocateSections(int fd, ByteSpan header) {
  if (header.size() < sizeof(Elf32_Ehdr)) return SectionTable{};
  const ElfFields fields(header);
  if (fields.wide() && header.size() < sizeof(Elf64_Ehdr)) return SectionTable{};
  SectionTable table = FindSections(fields, header);
  JET_RETURN_IF_ERROR(ResolveLargeNumbers(fd, fields, table));
  table.count = std::min(table.count, kMaxSections);
  return table;
}

absl::Status ReadTable(int fd, const ElfFields& fields, const SectionTable& table,
                       absl::FunctionRef<bool(const ElfSection&)> on_section) {
  const size_t entry_size = EntrySize(fields);
  std::array<uint8_t, kSectionsAtATime * sizeof(Elf64_Shdr)> buffer;
  for (uint64_t first = 0; first < table.count; first += kSectionsAtATime) {
    const size_t wanted = std::min<uint64_t>(kSectionsAtATime, table.count - first) * entry_size;
    // `first` is small: it is the offset alone that may be out of all bounds.
    if (table.offset > std::numeric_limits<uint64_t>::max() / 2) return absl::OkStatus();
    JET_ASSIGN_OR_RETURN(const size_t size, ReadAt(fd, table.offset + first * entry_size,
                                                   absl::MakeSpan(buffer).subspan(0, wanted)));
    for (size_t at = 0; at + entry_size <= size; at += entry_size) {
      if (!on_section(DecodeSection(fields, ByteSpan(buffer).subspan(at, entry_size)))) {
        return absl::OkStatus();
      }
    }
    if (size < wanted) return absl::OkStatus();
  }
  return absl::OkStatus();
}

// The section of names; nullopt when there is none.
absl::StatusOr<absl::optional<ElfSection>> SectionOfNames(int fd, const ElfFields& fields,
                                                          const SectionTable& table) {
  absl::optional<ElfSection> names;
  if (table.names == SHN_UNDEF || table.names >= table.count) return names;
  SectionTable one = table;
  one.offset += table.names * EntrySize(fields);
  one.count = 1;
  JET_RETURN_IF_ERROR(ReadTable(fd, fields, one, [&names](const ElfSection& section) {
    if (section.type == SHT_STRTAB) names = section;
    return false;
  }));
  return names;
}

}  // namespace

absl::Status ReadElfSections(int fd, ByteSpan header,
                             absl::FunctionRef<bool(const ElfSection&)> on_section) {
  JET_ASSIGN_OR_RETURN(const SectionTable table, LocateSections(fd, header));
  if (table.count == 0) return absl::OkStatus();
  return ReadTable(fd, ElfFields(header), table, on_section);
}

absl::StatusOr<bool> HasElfSection(int fd, ByteSpan header, absl::string_view name) {
  JET_ASSIGN_OR_RETURN(const SectionTable table, LocateSections(fd, header));
  if (table.count == 0) return false;
  const ElfFields fields(header);
  JET_ASSIGN_OR_RETURN(const absl::optional<ElfSection> names, SectionOfNames(fd, fields, table));
  if (!names.has_value()) return false;
  bool found = false;
  absl::Status read;
  Bytes text(name.size() + 1);  // with the NUL that ends it
  const auto is_called_so = [&](const ElfSection& section) {
    if (section.type == SHT_NOBITS || section.name + text.size() > names->size ||
        names->offset > std::numeric_limits<uint64_t>::max() / 2) {
      return true;
    }
    const absl::StatusOr<size_t> size =
        ReadAt(fd, names->offset + section.name, absl::MakeSpan(text));
    read = size.status();
    found = size.ok() && *size == text.size() && text.back() == 0 &&
            AsText(ByteSpan(text).subspan(0, name.size())) == name;
    return read.ok() && !found;
  };
  JET_RETURN_IF_ERROR(ReadTable(fd, fields, table, is_called_so));
  JET_RETURN_IF_ERROR(read);
  return found;
}

absl::StatusOr<bool> LacksItsCode(int fd, ByteSpan header) {
  bool has_code = false;
  bool has_content = false;
  JET_RETURN_IF_ERROR(ReadElfSections(fd, header, [&](const ElfSection& section) {
    const bool code = (section.flags & SHF_ALLOC) != 0 && (section.flags & SHF_EXECINSTR) != 0;
    has_code = has_code || code;
    has_content = code && section.type != SHT_NOBITS;
    return !has_content;
  }));
  return has_code && !has_content;
}

}  // namespace jet::base

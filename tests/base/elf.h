// ELF headers to order.
#ifndef JET_TESTS_BASE_ELF_H_
#define JET_TESTS_BASE_ELF_H_

#include <elf.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace jet::test {

struct ElfSpec {
  uint8_t elf_class = ELFCLASS64;
  uint8_t order = ELFDATA2LSB;
  uint8_t version = EV_CURRENT;
  uint16_t type = ET_DYN;
};

// Returns a file header of the size that its class has; any other class gets that of ELFCLASS64.
inline base::Bytes ElfHeader(const ElfSpec& spec = {}) {
  base::Bytes header(spec.elf_class == ELFCLASS32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr));
  std::copy_n(ELFMAG, SELFMAG, header.begin());
  header[EI_CLASS] = spec.elf_class;
  header[EI_DATA] = spec.order;
  header[EI_VERSION] = spec.version;
  const auto low = static_cast<uint8_t>(spec.type & 0xff);
  const auto high = static_cast<uint8_t>(spec.type >> 8);
  header[EI_NIDENT] = spec.order == ELFDATA2MSB ? high : low;
  header[EI_NIDENT + 1] = spec.order == ELFDATA2MSB ? low : high;
  return header;
}

struct SectionSpec {
  std::string name;
  uint32_t type = SHT_PROGBITS;
  uint64_t flags = 0;
};

// Puts `value` into `bytes` at `offset`, in the byte order `order`.
inline void PutNumber(base::Bytes& bytes, size_t offset, size_t size, uint64_t value,
                      uint8_t order) {
  for (size_t i = 0; i < size; ++i) {
    const size_t at = order == ELFDATA2MSB ? offset + size - 1 - i : offset + i;
    bytes.at(at) = static_cast<uint8_t>(value >> (8 * i));
  }
}

// Returns a file with these sections, a null section before and the section of names after them:
// file header, names, section headers.
inline base::Bytes ElfFile(const ElfSpec& spec, const std::vector<SectionSpec>& sections) {
  const bool wide = spec.elf_class != ELFCLASS32;
  base::Bytes file = ElfHeader(spec);
  std::string names(1, '\0');
  std::vector<size_t> name_offsets;
  for (const SectionSpec& section : sections) {
    name_offsets.push_back(names.size());
    names += section.name + '\0';
  }
  const size_t names_offset = file.size();
  file.insert(file.end(), names.begin(), names.end());
  const size_t table = file.size();
  const size_t entry = wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
  file.resize(table + entry * (sections.size() + 2));
  const auto put = [&](size_t offset, size_t size, uint64_t value) {
    PutNumber(file, offset, size, value, spec.order);
  };
  const size_t word = wide ? 8 : 4;
  for (size_t i = 0; i < sections.size(); ++i) {
    const size_t at = table + entry * (i + 1);
    put(at, 4, name_offsets[i]);
    put(at + 4, 4, sections[i].type);
    put(at + 8, word, sections[i].flags);
  }
  const size_t at = table + entry * (sections.size() + 1);
  put(at + 4, 4, SHT_STRTAB);
  put(at + (wide ? offsetof(Elf64_Shdr, sh_offset) : offsetof(Elf32_Shdr, sh_offset)), word,
      names_offset);
  put(at + (wide ? offsetof(Elf64_Shdr, sh_size) : offsetof(Elf32_Shdr, sh_size)), word,
      names.size());
  put(wide ? offsetof(Elf64_Ehdr, e_shoff) : offsetof(Elf32_Ehdr, e_shoff), word, table);
  put(wide ? offsetof(Elf64_Ehdr, e_shentsize) : offsetof(Elf32_Ehdr, e_shentsize), 2, entry);
  put(wide ? offsetof(Elf64_Ehdr, e_shnum) : offsetof(Elf32_Ehdr, e_shnum), 2, sections.size() + 2);
  put(wide ? offsetof(Elf64_Ehdr, e_shstrndx) : offsetof(Elf32_Ehdr, e_shstrndx), 2,
      sections.size() + 1);
  return file;
}

}  // namespace jet::test

#endif  // JET_TESTS_BASE_ELF_H_

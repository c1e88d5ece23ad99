// ELF headers to order.
#ifndef JET_TESTS_BASE_ELF_H_
#define JET_TESTS_BASE_ELF_H_

#include <elf.h>

#include <algorithm>

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

}  // namespace jet::test

#endif  // JET_TESTS_BASE_ELF_H_

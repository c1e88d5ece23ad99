#include "base/elf_sections.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/file_kind.h"
#include "tests/base/elf.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using test::ElfFile;
using test::ElfSpec;
using test::IsOkAndHolds;
using test::SectionSpec;

constexpr uint64_t kCode = SHF_ALLOC | SHF_EXECINSTR;
constexpr mode_t kPlain = S_IFREG | 0644;

const ElfSpec kSpecs[] = {{ELFCLASS32, ELFDATA2LSB},
                          {ELFCLASS32, ELFDATA2MSB},
                          {ELFCLASS64, ELFDATA2LSB},
                          {ELFCLASS64, ELFDATA2MSB}};

// Writes `content` to a file and asks what it is.
absl::StatusOr<FileKind> KindOf(const Bytes& content, bool modules = false) {
  const test::ScratchFolder folder;
  const UniqueFd fd = test::Open(folder.Write("file", content), O_RDONLY);
  return ReadFileKind(fd.get(), kPlain, modules);
}

ElfSpec Object(ElfSpec spec) {
  spec.type = ET_REL;
  return spec;
}

TEST(ElfSectionsTest, AProgramWithoutTheContentOfItsCodeIsADebugFile) {
  for (const ElfSpec& spec : kSpecs) {
    const SectionSpec debug = {".debug_info", SHT_PROGBITS, 0};
    EXPECT_THAT(KindOf(ElfFile(spec, {debug, {".text", SHT_NOBITS, kCode}})),
                IsOkAndHolds(FileKind::kDebugFile));
    EXPECT_THAT(KindOf(ElfFile(spec, {debug, {".text", SHT_PROGBITS, kCode}})),
                IsOkAndHolds(FileKind::kElf));
    // One section of code with content is enough, wherever it stands.
    EXPECT_THAT(
        KindOf(ElfFile(spec, {{".text", SHT_NOBITS, kCode}, {".init", SHT_PROGBITS, kCode}})),
        IsOkAndHolds(FileKind::kElf));
    EXPECT_THAT(
        KindOf(ElfFile(spec, {{".init", SHT_PROGBITS, kCode}, {".text", SHT_NOBITS, kCode}})),
        IsOkAndHolds(FileKind::kElf));
  }
}

TEST(ElfSectionsTest, ASharedObjectOfDataOnlyIsElf) {
  for (const ElfSpec& spec : kSpecs) {
    EXPECT_THAT(KindOf(ElfFile(spec, {{".rodata", SHT_PROGBITS, SHF_ALLOC},
                                      {".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE}})),
                IsOkAndHolds(FileKind::kElf));
    EXPECT_THAT(KindOf(ElfFile(spec, {})), IsOkAndHolds(FileKind::kElf));
    EXPECT_THAT(KindOf(test::ElfHeader(spec)), IsOkAndHolds(FileKind::kElf));
  }
}

TEST(ElfSectionsTest, KernelModulesAreToldFromOtherObjectsByTheirInformation) {
  for (const ElfSpec& spec : kSpecs) {
    const Bytes module = ElfFile(
        Object(spec), {{".text", SHT_PROGBITS, kCode}, {".modinfo", SHT_PROGBITS, SHF_ALLOC}});
    EXPECT_THAT(KindOf(module, /*modules=*/true), IsOkAndHolds(FileKind::kKernelModule));
    EXPECT_THAT(KindOf(module), IsOkAndHolds(FileKind::kObjectFile));
    for (const char* name : {".modinf", ".modinfox", "modinfo", ""}) {
      EXPECT_THAT(KindOf(ElfFile(Object(spec), {{name, SHT_PROGBITS, SHF_ALLOC}}), true),
                  IsOkAndHolds(FileKind::kObjectFile))
          << name;
    }
    // What is left of a module in its debug file.
    EXPECT_THAT(KindOf(ElfFile(Object(spec), {{".modinfo", SHT_NOBITS, SHF_ALLOC}}), true),
                IsOkAndHolds(FileKind::kObjectFile));
  }
}

TEST(ElfSectionsTest, AsManySectionsAsTheHeaderCannotCountAreReadAllTheSame) {
  std::vector<SectionSpec> many(300, {"x", SHT_PROGBITS, 0});
  many.push_back({".text", SHT_NOBITS, kCode});
  for (const ElfSpec& spec : kSpecs) {
    const bool wide = spec.elf_class == ELFCLASS64;
    Bytes file = ElfFile(spec, many);
    EXPECT_THAT(KindOf(file), IsOkAndHolds(FileKind::kDebugFile));
    const size_t count_at = wide ? offsetof(Elf64_Ehdr, e_shnum) : offsetof(Elf32_Ehdr, e_shnum);
    const size_t entry = wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
    const size_t first = file.size() - entry * (many.size() + 2);
    test::PutNumber(file, count_at, 2, 0, spec.order);
    test::PutNumber(file,
                    first + (wide ? offsetof(Elf64_Shdr, sh_size) : offsetof(Elf32_Shdr, sh_size)),
                    wide ? 8 : 4, many.size() + 2, spec.order);
    EXPECT_THAT(KindOf(file), IsOkAndHolds(FileKind::kDebugFile));
  }
}

TEST(ElfSectionsTest, HeadersThatCannotBeAreNone) {
  const std::vector<SectionSpec> text = {{".text", SHT_NOBITS, kCode}};
  for (const ElfSpec& spec : kSpecs) {
    const bool wide = spec.elf_class == ELFCLASS64;
    const size_t offset_at = wide ? offsetof(Elf64_Ehdr, e_shoff) : offsetof(Elf32_Ehdr, e_shoff);
    const size_t size_at =
        wide ? offsetof(Elf64_Ehdr, e_shentsize) : offsetof(Elf32_Ehdr, e_shentsize);
    for (const uint64_t offset : {uint64_t{0}, uint64_t{1} << 20, ~uint64_t{0}, ~uint64_t{0} >> 1,
                                  uint64_t{1} << 63, (~uint64_t{0} >> 1) - 63}) {
      Bytes file = ElfFile(spec, text);
      test::PutNumber(file, offset_at, wide ? 8 : 4, offset, spec.order);
      EXPECT_THAT(KindOf(file), IsOkAndHolds(FileKind::kElf)) << std::hex << offset;
    }
    for (const uint64_t size : {0, 1, 39, 41, 63, 65, 0xffff}) {
      Bytes file = ElfFile(spec, text);
      test::PutNumber(file, size_at, 2, size, spec.order);
      EXPECT_THAT(KindOf(file), IsOkAndHolds(FileKind::kElf)) << size;
    }
  }
}

TEST(ElfSectionsTest, ACountBeyondTheEndOfTheFileReadsWhatIsThere) {
  for (const ElfSpec& spec : kSpecs) {
    const bool wide = spec.elf_class == ELFCLASS64;
    Bytes file = ElfFile(spec, {{".text", SHT_NOBITS, kCode}});
    test::PutNumber(file, wide ? offsetof(Elf64_Ehdr, e_shnum) : offsetof(Elf32_Ehdr, e_shnum), 2,
                    0xffff, spec.order);
    EXPECT_THAT(KindOf(file), IsOkAndHolds(FileKind::kDebugFile));
  }
}

TEST(ElfSectionsTest, FilesCutOffAnywhereAndWithAnyByteChangedAreStillDecided) {
  std::mt19937 random(1);
  for (const ElfSpec& spec : kSpecs) {
    const Bytes file = ElfFile(Object(spec), {{".modinfo", SHT_PROGBITS, SHF_ALLOC}});
    for (size_t size = 0; size < file.size(); ++size) {
      const Bytes cut(file.begin(), file.begin() + static_cast<ptrdiff_t>(size));
      const absl::StatusOr<FileKind> kind = KindOf(cut, true);
      ASSERT_TRUE(kind.ok()) << kind.status();
      EXPECT_NE(*kind, FileKind::kElf);
    }
    for (int i = 0; i < 500; ++i) {
      Bytes changed = file;
      for (int byte = 0; byte < 4; ++byte) {
        changed[random() % changed.size()] = static_cast<uint8_t>(random());
      }
      const absl::StatusOr<FileKind> kind = KindOf(changed, true);
      ASSERT_TRUE(kind.ok()) << kind.status();
    }
  }
}

}  // namespace
}  // namespace jet::base

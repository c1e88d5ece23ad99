#include "base/file_kind.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/base/elf.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using test::ElfHeader;
using test::ElfSpec;
using test::IsOkAndHolds;
using test::StatusIs;

constexpr mode_t kPlain = S_IFREG | 0644;
constexpr mode_t kExecutable = S_IFREG | 0755;
constexpr uint8_t kClasses[] = {ELFCLASS32, ELFCLASS64};
constexpr uint8_t kOrders[] = {ELFDATA2LSB, ELFDATA2MSB};

TEST(FileKindTest, ProgramsAndSharedObjectsOfEveryClassAndOrderAreElf) {
  for (const uint8_t elf_class : kClasses) {
    for (const uint8_t order : kOrders) {
      for (const uint16_t type : {uint16_t{ET_EXEC}, uint16_t{ET_DYN}}) {
        const Bytes header = ElfHeader({elf_class, order, EV_CURRENT, type});
        // The kernel maps shared objects whether they may be executed or not.
        EXPECT_EQ(FileKindOf(header, kPlain), FileKind::kElf);
        EXPECT_EQ(FileKindOf(header, kExecutable), FileKind::kElf);
      }
    }
  }
}

TEST(FileKindTest, OtherElfFilesAreOther) {
  for (const uint8_t elf_class : kClasses) {
    for (const uint8_t order : kOrders) {
      for (const uint16_t type : {uint16_t{ET_NONE}, uint16_t{ET_CORE}, uint16_t{5},
                                  uint16_t{ET_LOOS}, uint16_t{ET_HIPROC}}) {
        EXPECT_EQ(FileKindOf(ElfHeader({elf_class, order, EV_CURRENT, type}), kExecutable),
                  FileKind::kOther)
            << type;
      }
    }
  }
}

TEST(FileKindTest, TheTypeIsReadInTheByteOrderOfTheFile) {
  Bytes header = ElfHeader({ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ET_EXEC});
  header[EI_DATA] = ELFDATA2MSB;  // the type is 0x0200 now
  EXPECT_EQ(FileKindOf(header, kExecutable), FileKind::kOther);
}

TEST(FileKindTest, AnElfHeaderIsElfOnlyWhenItIsComplete) {
  for (const uint8_t elf_class : kClasses) {
    const Bytes header = ElfHeader({elf_class, ELFDATA2LSB, EV_CURRENT, ET_DYN});
    ASSERT_EQ(header.size(), elf_class == ELFCLASS32 ? 52u : 64u);
    for (size_t size = 0; size < header.size(); ++size) {
      EXPECT_EQ(FileKindOf(ByteSpan(header).subspan(0, size), kExecutable), FileKind::kOther)
          << size;
    }
    EXPECT_EQ(FileKindOf(header, kExecutable), FileKind::kElf);
  }
}

TEST(FileKindTest, AnUnknownClassByteOrderOrVersionIsOther) {
  const ElfSpec bad[] = {
      {ELFCLASSNONE, ELFDATA2LSB, EV_CURRENT, ET_DYN},
      {3, ELFDATA2LSB, EV_CURRENT, ET_DYN},
      {255, ELFDATA2LSB, EV_CURRENT, ET_DYN},
      {ELFCLASS64, ELFDATANONE, EV_CURRENT, ET_DYN},
      {ELFCLASS64, 3, EV_CURRENT, ET_DYN},
      {ELFCLASS64, ELFDATA2LSB, EV_NONE, ET_DYN},
      {ELFCLASS64, ELFDATA2LSB, 2, ET_DYN},
  };
  for (const ElfSpec& spec : bad) {
    EXPECT_EQ(FileKindOf(ElfHeader(spec), kExecutable), FileKind::kOther)
        << +spec.elf_class << ' ' << +spec.order << ' ' << +spec.version;
  }
}

TEST(FileKindTest, EveryByteOfTheMagicCounts) {
  for (size_t i = 0; i < SELFMAG; ++i) {
    Bytes header = ElfHeader();
    header[i] ^= 1;
    EXPECT_EQ(FileKindOf(header, kExecutable), FileKind::kOther) << i;
  }
}

TEST(FileKindTest, ScriptsNeedAnExecuteBit) {
  const ByteSpan script = AsBytes("#!/bin/sh\n");
  EXPECT_EQ(FileKindOf(script, kPlain), FileKind::kOther);
  for (const mode_t bit : {S_IXUSR, S_IXGRP, S_IXOTH}) {
    EXPECT_EQ(FileKindOf(script, kPlain | bit), FileKind::kScript) << std::oct << bit;
  }
}

TEST(FileKindTest, AScriptBeginsWithBothCharacters) {
  EXPECT_EQ(FileKindOf(AsBytes("#!"), kExecutable), FileKind::kScript);
  for (const char* text : {"", "#", "!", "!#", " #!/bin/sh", "#/bin/sh", "\n#!"}) {
    EXPECT_EQ(FileKindOf(AsBytes(text), kExecutable), FileKind::kOther) << text;
  }
}

TEST(FileKindTest, ReadingDecidesByTheBeginningWhereverThePositionIs) {
  const test::ScratchFolder folder;
  const UniqueFd fd = test::Open(folder.Write("program", ElfHeader()), O_RDONLY);
  ASSERT_EQ(lseek(fd.get(), 17, SEEK_SET), 17);
  EXPECT_THAT(ReadFileKind(fd.get(), kPlain, /*modules=*/false), IsOkAndHolds(FileKind::kElf));
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_CUR), 17);
}

TEST(FileKindTest, AnEmptyFileIsOther) {
  const test::ScratchFolder folder;
  const UniqueFd fd = test::Open(folder.Write("empty", "", 0755), O_RDONLY);
  EXPECT_THAT(ReadFileKind(fd.get(), kExecutable, /*modules=*/false),
              IsOkAndHolds(FileKind::kOther));
}

TEST(FileKindTest, AFileThatCannotBeReadIsAnError) {
  const test::ScratchFolder folder;
  const UniqueFd fd = test::Open(folder.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_THAT(
      ReadFileKind(fd.get(), kPlain, /*modules=*/false),
      StatusIs(absl::StatusCode::kFailedPrecondition, "cannot read the file: Is a directory"));
}

}  // namespace
}  // namespace jet::base

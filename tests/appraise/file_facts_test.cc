#include "appraise/file_facts.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/status_matchers.h"

namespace jet::appraise {
namespace {

using test::ValueOf;
using testing::IsEmpty;

TEST(FileFactsTest, TheMountTellsTheFileSystem) {
  constexpr char kMountinfo[] =
      "21 26 0:19 / /proc rw,nosuid shared:12 - proc proc rw\n"
      "26 1 8:1 / / rw shared:1 master:2 - ext4 /dev/sda1 rw\n"
      "126 1 8:1 / /with\\040blank rw - fuse.sshfs host: rw\n"
      "27 1 8:1 / /cut rw\n";
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 21), "proc");
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 26), "ext4");
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 126), "fuse");
  EXPECT_EQ(FileSystemOfMount("1 1 8:1 / / rw - fuseblk.ntfs /dev/a rw\n", 1), "fuseblk");
  EXPECT_EQ(FileSystemOfMount("1 1 8:1 / / rw - a.b none rw\n", 1), "a.b");
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 27), absl::nullopt);
  EXPECT_EQ(FileSystemOfMount(kMountinfo, 2), absl::nullopt);
  EXPECT_EQ(FileSystemOfMount("", 2), absl::nullopt);
}

TEST(FileFactsTest, ReadsThemOfAnOpenFile) {
  const base::UniqueFd program = ValueOf(base::OpenAt(AT_FDCWD, "/proc/self/exe", O_RDONLY));
  const FileFacts facts = ValueOf(ReadFileFacts(program.get(), base::FileKind::kElf));
  EXPECT_TRUE(facts.has_symbol_table);
  EXPECT_NE(facts.mode & 0111u, 0u);
  EXPECT_TRUE(facts.file_system_name.has_value());
  EXPECT_TRUE(facts.file_system_magic.has_value());
  EXPECT_EQ(facts.owner, getuid());
  EXPECT_TRUE(facts.group.has_value());
  EXPECT_EQ(facts.verity_enabled, false);
  EXPECT_EQ(facts.has_evm, false);
  EXPECT_THAT(facts.unreadable, IsEmpty());
  const base::UniqueFd stripped = ValueOf(base::OpenAt(AT_FDCWD, "/bin/true", O_RDONLY));
  EXPECT_FALSE(ValueOf(ReadFileFacts(stripped.get(), base::FileKind::kElf)).has_symbol_table);
}

}  // namespace
}  // namespace jet::appraise

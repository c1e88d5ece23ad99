#include "base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "base/system_error.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::IsOkAndHolds;
using test::Open;
using test::ScratchFolder;
using test::StatusIs;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kLimit = 1 << 20;

UniqueFd OpenFolder(const ScratchFolder& folder) {
  return Open(folder.path(), O_RDONLY | O_DIRECTORY);
}

mode_t ModeOf(const std::string& path) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) != 0) return 0;
  return status.st_mode & 07777;
}

TEST(OpenAtTest, OpensRelativeToAFolder) {
  const ScratchFolder folder;
  folder.Write("name", "content");
  ASSERT_OK_AND_ASSIGN(const UniqueFd fd, OpenAt(OpenFolder(folder).get(), "name", O_RDONLY));
  EXPECT_EQ(fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_THAT(ReadBounded(fd.get(), kLimit, "name"), IsOkAndHolds(ToBytes(AsBytes("content"))));
}

TEST(OpenAtTest, AFifoDoesNotBlock) {
  const ScratchFolder folder;
  ASSERT_EQ(mkfifo(folder.Path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(OpenAt(AT_FDCWD, folder.Path("fifo"), O_RDONLY), IsOk());
}

TEST(OpenAtTest, TheFailureNamesTheFileAndCarriesTheErrno) {
  const auto missing = OpenAt(AT_FDCWD, "/nonexistent/file", O_RDONLY);
  EXPECT_THAT(missing, StatusIs(StatusCode::kNotFound,
                                "cannot open '/nonexistent/file': No such file or directory"));
  EXPECT_EQ(ErrnoOf(missing.status()), ENOENT);
}

TEST(OpenAtTest, ALinkIsRefusedUnderNoFollow) {
  const ScratchFolder folder;
  std::filesystem::create_symlink("target", folder.Path("link"));
  const auto link = OpenAt(AT_FDCWD, folder.Path("link"), O_RDONLY | O_NOFOLLOW);
  EXPECT_EQ(ErrnoOf(link.status()), ELOOP);
}

TEST(ReadBoundedTest, ReadsUpToTheLimitAndNotOneByteMore) {
  const ScratchFolder folder;
  // The read size is 16 KiB: limits below, at and above it, and above two of it.
  for (const size_t limit : {size_t{0}, size_t{1}, size_t{16383}, size_t{16384}, size_t{16385},
                             size_t{32768}, size_t{40000}}) {
    for (const size_t size : {limit - 1, limit, limit + 1, limit + 20000}) {
      if (limit == 0 && size == SIZE_MAX) continue;
      const Bytes content(size, 'x');
      const UniqueFd fd = Open(folder.Write("file", ByteSpan(content)), O_RDONLY);
      const auto read = ReadBounded(fd.get(), limit, "name");
      if (size <= limit) {
        EXPECT_THAT(read, IsOkAndHolds(content));
      } else {
        EXPECT_THAT(read, StatusIs(StatusCode::kResourceExhausted,
                                   absl::StrCat("'name' is larger than ", limit, " bytes")));
      }
    }
  }
}

TEST(ReadBoundedTest, ReadsFromThePresentPosition) {
  const ScratchFolder folder;
  const UniqueFd fd = Open(folder.Write("file", "abcdef"), O_RDONLY);
  ASSERT_EQ(lseek(fd.get(), 4, SEEK_SET), 4);
  EXPECT_THAT(ReadBounded(fd.get(), 2, "file"), IsOkAndHolds(Bytes{'e', 'f'}));
}

TEST(ReadBoundedTest, AssemblesWhatAPipeGivesInPieces) {
  std::array<int, 2> ends = {};
  ASSERT_EQ(pipe(ends.data()), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  ASSERT_THAT(WriteAll(writer.get(), AsBytes("one "), "pipe"), IsOk());
  ASSERT_THAT(WriteAll(writer.get(), AsBytes("two"), "pipe"), IsOk());
  writer.Reset();
  EXPECT_THAT(ReadBounded(reader.get(), 7, "pipe"), IsOkAndHolds(ToBytes(AsBytes("one two"))));
}

TEST(ReadBoundedTest, AFailedReadNamesTheFile) {
  const ScratchFolder folder;
  EXPECT_THAT(
      ReadBounded(OpenFolder(folder).get(), kLimit, "the folder"),
      StatusIs(StatusCode::kFailedPrecondition, "cannot read 'the folder': Is a directory"));
}

TEST(ReadFileTest, FollowsLinks) {
  const ScratchFolder folder;
  folder.Write("file", "content");
  std::filesystem::create_symlink("file", folder.Path("link"));
  EXPECT_THAT(ReadFile(folder.Path("link"), kLimit), IsOkAndHolds(ToBytes(AsBytes("content"))));
}

TEST(ReadFileTest, AFolderIsRefused) {
  const ScratchFolder folder;
  EXPECT_THAT(ReadFile(folder.path(), kLimit),
              StatusIs(StatusCode::kInvalidArgument, EndsWith("is not a regular file")));
}

TEST(ReadFileTest, AFifoIsRefusedWithoutWaiting) {
  const ScratchFolder folder;
  ASSERT_EQ(mkfifo(folder.Path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(ReadFile(folder.Path("fifo"), kLimit),
              StatusIs(StatusCode::kInvalidArgument, EndsWith("is not a regular file")));
}

TEST(ReadFileTest, ADeviceIsRefused) {
  EXPECT_THAT(ReadFile("/dev/zero", kLimit),
              StatusIs(StatusCode::kInvalidArgument, "'/dev/zero' is not a regular file"));
}

TEST(WriteNewFileAtTest, WritesContentOfEverySize) {
  const ScratchFolder folder;
  const UniqueFd dir = OpenFolder(folder);
  for (const size_t size : {0, 1, 4096, 100000}) {
    const std::string name = absl::StrCat("file", size);
    const Bytes content(size, 0xa5);
    ASSERT_THAT(WriteNewFileAt(dir.get(), name, 0644, content), IsOk());
    EXPECT_THAT(ReadFile(folder.Path(name), kLimit), IsOkAndHolds(content));
  }
}

TEST(WriteNewFileAtTest, TheModeIsExactWhateverTheUmask) {
  const ScratchFolder folder;
  const std::string report = test::InChild([&]() -> std::string {
    const UniqueFd dir = OpenFolder(folder);
    for (const mode_t mask : {mode_t{0}, mode_t{077}, mode_t{0777}}) {
      (void)umask(mask);
      for (const mode_t mode : {mode_t{0600}, mode_t{0644}}) {
        const std::string name = absl::StrCat("file-", mask, "-", mode);
        const absl::Status written = WriteNewFileAt(dir.get(), name, mode, AsBytes("x"));
        if (!written.ok()) return written.ToString();
        if (ModeOf(folder.Path(name)) != mode) return absl::StrCat(name, " has another mode");
      }
    }
    return "good";
  });
  EXPECT_EQ(report, "good");
}

TEST(WriteNewFileAtTest, AnExistingFileStaysAsItIs) {
  const ScratchFolder folder;
  folder.Write("file", "old");
  EXPECT_THAT(WriteNewFileAt(OpenFolder(folder).get(), "file", 0600, AsBytes("new")),
              StatusIs(StatusCode::kAlreadyExists, "cannot open 'file': File exists"));
  EXPECT_THAT(ReadFile(folder.Path("file"), kLimit), IsOkAndHolds(ToBytes(AsBytes("old"))));
}

TEST(WriteNewFileAtTest, ADanglingLinkIsNotWrittenThrough) {
  const ScratchFolder folder;
  std::filesystem::create_symlink("elsewhere", folder.Path("link"));
  EXPECT_THAT(WriteNewFileAt(OpenFolder(folder).get(), "link", 0600, AsBytes("x")),
              StatusIs(StatusCode::kAlreadyExists, "cannot open 'link': File exists"));
  EXPECT_FALSE(std::filesystem::exists(folder.Path("elsewhere")));
}

TEST(WriteNewFileAtTest, AMissingFolderIsAnError) {
  EXPECT_THAT(WriteNewFileAt(AT_FDCWD, "/nonexistent/file", 0600, AsBytes("x")),
              StatusIs(StatusCode::kNotFound, HasSubstr("/nonexistent/file")));
}

TEST(WriteNewFileAtTest, AFileThatCouldNotBeCompletedIsRemoved) {
  const ScratchFolder folder;
  const std::string report = test::InChild([&]() -> std::string {
    (void)std::signal(SIGXFSZ, SIG_IGN);
    const rlimit ten_bytes = {10, 10};
    if (setrlimit(RLIMIT_FSIZE, &ten_bytes) != 0) return "no limit was set";
    return WriteNewFileAt(OpenFolder(folder).get(), "file", 0600, Bytes(11)).ToString();
  });
  EXPECT_THAT(report, HasSubstr("cannot write 'file': File too large"));
  EXPECT_FALSE(std::filesystem::exists(folder.Path("file")));
}

TEST(WithoutTrailingSlashesTest, OnlyTheRootKeepsOne) {
  EXPECT_EQ(WithoutTrailingSlashes("a/b//"), "a/b");
  EXPECT_EQ(WithoutTrailingSlashes("a"), "a");
  EXPECT_EQ(WithoutTrailingSlashes("///"), "/");
  EXPECT_EQ(WithoutTrailingSlashes(""), "");
}

TEST(MakeFolderTest, TheModeIsExactAndParentsFollowTheUmask) {
  const ScratchFolder folder;
  const mode_t before = umask(0277);
  const absl::Status made = MakeFolder(folder.Path("one"), 0700);
  (void)umask(0027);
  const absl::Status made_below = MakeFolder(folder.Path("a/b/c/"), 0700);
  (void)umask(before);
  EXPECT_THAT(made, IsOk());
  EXPECT_THAT(made_below, IsOk());
  EXPECT_EQ(ModeOf(folder.Path("one")), 0700);
  EXPECT_EQ(ModeOf(folder.Path("a")), 0750);
  EXPECT_EQ(ModeOf(folder.Path("a/b")), 0750);
  EXPECT_EQ(ModeOf(folder.Path("a/b/c")), 0700);
}

TEST(MakeFolderTest, WhatIsThereStaysAsItIs) {
  const ScratchFolder folder;
  ASSERT_EQ(mkdir(folder.Path("there").c_str(), 0755), 0);
  EXPECT_THAT(MakeFolder(folder.Path("there"), 0700), IsOk());
  EXPECT_EQ(ModeOf(folder.Path("there")), 0755);
  folder.Write("file", "content");
  EXPECT_THAT(MakeFolder(folder.Path("file"), 0700), IsOk());
  EXPECT_THAT(ReadFile(folder.Path("file"), kLimit), IsOkAndHolds(ToBytes(AsBytes("content"))));
}

TEST(MakeFolderTest, AFileAboveIsAnErrorThatNamesTheFolder) {
  const ScratchFolder folder;
  folder.Write("file", "");
  const absl::Status made = MakeFolder(folder.Path("file/below"), 0700);
  EXPECT_EQ(ErrnoOf(made), ENOTDIR);
  EXPECT_THAT(std::string(made.message()), HasSubstr("file/below'"));
  EXPECT_FALSE(MakeFolder("", 0700).ok());
}

TEST(ListFolderTest, NamesAreSortedAndComplete) {
  const ScratchFolder folder;
  folder.Write("b", "");
  folder.Write(".hidden", "");
  folder.Write("a\nnewline", "");
  folder.Write("\xff", "");
  folder.MakeFolder("c");
  const UniqueFd dir = OpenFolder(folder);
  const auto expected = ElementsAre(".hidden", "a\nnewline", "b", "c", "\xff");
  EXPECT_THAT(ListFolder(dir.get(), "x"), IsOkAndHolds(expected));
  // A second time, because the first must not have moved the position.
  EXPECT_THAT(ListFolder(dir.get(), "x"), IsOkAndHolds(expected));
}

TEST(ListFolderTest, AFileIsNoFolder) {
  const ScratchFolder folder;
  const UniqueFd file = Open(folder.Write("file", ""), O_RDONLY);
  EXPECT_EQ(ErrnoOf(ListFolder(file.get(), "file").status()), ENOTDIR);
}

TEST(RemoveFlatFolderAtTest, RemovesTheFolderAndItsFiles) {
  const ScratchFolder folder;
  folder.Write("victim/a", "1");
  folder.Write("victim/b", "2");
  folder.Write("bystander", "3");
  std::filesystem::create_symlink("../bystander", folder.Path("victim/link"));
  EXPECT_THAT(RemoveFlatFolderAt(OpenFolder(folder).get(), "victim"), IsOk());
  EXPECT_FALSE(std::filesystem::exists(folder.Path("victim")));
  EXPECT_TRUE(std::filesystem::exists(folder.Path("bystander")));
}

TEST(RemoveFlatFolderAtTest, NoFolderIsFine) {
  const ScratchFolder folder;
  EXPECT_THAT(RemoveFlatFolderAt(OpenFolder(folder).get(), "none"), IsOk());
}

TEST(RemoveFlatFolderAtTest, AFolderInsideIsRefused) {
  const ScratchFolder folder;
  folder.Write("victim/inner/file", "x");
  EXPECT_THAT(RemoveFlatFolderAt(OpenFolder(folder).get(), "victim"),
              StatusIs(StatusCode::kFailedPrecondition,
                       StartsWith("cannot remove 'victim/inner': Is a directory")));
  EXPECT_TRUE(std::filesystem::exists(folder.Path("victim/inner/file")));
}

TEST(RemoveFlatFolderAtTest, ALinkToAFolderIsNotFollowed) {
  const ScratchFolder folder;
  folder.Write("real/file", "x");
  std::filesystem::create_directory_symlink("real", folder.Path("link"));
  EXPECT_FALSE(RemoveFlatFolderAt(OpenFolder(folder).get(), "link").ok());
  EXPECT_TRUE(std::filesystem::exists(folder.Path("real/file")));
}

TEST(StatDescriptorTest, AClosedDescriptorIsAnErrorThatNamesTheFile) {
  EXPECT_THAT(StatDescriptor(-1, "gone"),
              StatusIs(StatusCode::kFailedPrecondition, "cannot stat 'gone': Bad file descriptor"));
}

TEST(SyncTest, APipeCannotBeSynced) {
  std::array<int, 2> ends = {};
  ASSERT_EQ(pipe(ends.data()), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  EXPECT_THAT(Sync(writer.get(), "pipe"), StatusIs(StatusCode::kInvalidArgument,
                                                   "cannot sync 'pipe' to disk: Invalid argument"));
}

}  // namespace
}  // namespace jet::base

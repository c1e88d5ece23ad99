#include "base/file_status.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/base/scratch_folder.h"

namespace jet::base {
namespace {

using test::ScratchFolder;

TEST(IsSameFileTest, TellsByDeviceAndInode) {
  struct stat file = {};
  file.st_dev = 1;
  file.st_ino = 2;
  file.st_size = 3;
  struct stat later = file;
  later.st_size = 4;
  EXPECT_TRUE(IsSameFile(file, later));
  later.st_ino = 3;
  EXPECT_FALSE(IsSameFile(file, later));
  struct stat elsewhere = file;
  elsewhere.st_dev = 2;
  EXPECT_FALSE(IsSameFile(file, elsewhere));
}

TEST(IsSameFileTest, PathsAreTheSameHoweverTheyAreWritten) {
  const ScratchFolder folder;
  folder.Write("a/file", "x");
  folder.Write("a/other", "x");
  std::filesystem::create_hard_link(folder.Path("a/file"), folder.Path("hard"));
  std::filesystem::create_symlink("a", folder.Path("link"));
  EXPECT_TRUE(IsSameFile(folder.Path("a/file"), folder.Path("hard")));
  EXPECT_TRUE(IsSameFile(folder.Path("a"), folder.Path("a/")));
  EXPECT_TRUE(IsSameFile(folder.Path("a/file"), folder.Path("link/../a/./file")));
  EXPECT_FALSE(IsSameFile(folder.Path("a/file"), folder.Path("a/other")));
}

TEST(IsSameFileTest, WhatIsNotThereIsTheSameAsNothing) {
  const ScratchFolder folder;
  EXPECT_FALSE(IsSameFile(folder.Path("none"), folder.Path("none")));
  EXPECT_FALSE(IsSameFile(folder.path(), folder.Path("none")));
}

TEST(IsFolderTest, FollowsLinksAndTakesNothingElse) {
  const ScratchFolder folder;
  folder.Write("file", "x");
  std::filesystem::create_directory_symlink(".", folder.Path("link"));
  EXPECT_TRUE(IsFolder(folder.path()));
  EXPECT_TRUE(IsFolder(folder.Path("link")));
  EXPECT_FALSE(IsFolder(folder.Path("file")));
  EXPECT_FALSE(IsFolder(folder.Path("none")));
}

TEST(IsSameTimeTest, EveryNanosecondCounts) {
  EXPECT_TRUE(IsSameTime({1, 2}, {1, 2}));
  EXPECT_FALSE(IsSameTime({1, 2}, {1, 3}));
  EXPECT_FALSE(IsSameTime({1, 2}, {2, 2}));
}

}  // namespace
}  // namespace jet::base

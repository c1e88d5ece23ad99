#include "base/path_filter.h"

#include <gtest/gtest.h>

namespace jet::base {
namespace {

TEST(PathFilterTest, WithoutPatternsEverythingIsTaken) {
  const PathFilter filter;
  EXPECT_TRUE(filter.TakesFile("a/b"));
  EXPECT_TRUE(filter.EntersFolder("a"));
  EXPECT_TRUE(filter.empty());
  EXPECT_FALSE(PathFilter({"a"}, {}).empty());
  EXPECT_FALSE(PathFilter({}, {"a"}).empty());
}

TEST(PathFilterTest, PatternWithoutASlashIsForTheLastComponent) {
  const PathFilter filter({"*.so"}, {});
  EXPECT_TRUE(filter.TakesFile("libx.so"));
  EXPECT_TRUE(filter.TakesFile("usr/lib/libx.so"));
  EXPECT_FALSE(filter.TakesFile("usr/lib.so/program"));
  EXPECT_FALSE(filter.TakesFile("libx.so.1"));
}

TEST(PathFilterTest, PatternWithASlashIsForTheWholePath) {
  const PathFilter filter({"usr/lib/*.so"}, {});
  EXPECT_TRUE(filter.TakesFile("usr/lib/libx.so"));
  EXPECT_TRUE(filter.TakesFile("usr/lib/deep/down/libx.so"));
  EXPECT_FALSE(filter.TakesFile("x/usr/lib/libx.so"));
}

TEST(PathFilterTest, ExcludeWinsOverInclude) {
  const PathFilter filter({"*.so"}, {"lib*"});
  EXPECT_TRUE(filter.TakesFile("x.so"));
  EXPECT_FALSE(filter.TakesFile("libx.so"));
}

TEST(PathFilterTest, ExcludedFolderIsNotEntered) {
  const PathFilter filter({"*.so"}, {".git", "build/debug"});
  EXPECT_FALSE(filter.EntersFolder("a/.git"));
  EXPECT_FALSE(filter.EntersFolder("build/debug"));
  EXPECT_TRUE(filter.EntersFolder("x/build/debug"));
  // What is to be included says nothing about folders.
  EXPECT_TRUE(filter.EntersFolder("usr"));
}

TEST(PathFilterTest, PatternsAreBytesAndCanBeEscaped) {
  EXPECT_TRUE(PathFilter({"\\*"}, {}).TakesFile("*"));
  EXPECT_FALSE(PathFilter({"\\*"}, {}).TakesFile("x"));
  EXPECT_TRUE(PathFilter({"[a-c]?\n\xff"}, {}).TakesFile("bx\n\xff"));
  EXPECT_TRUE(PathFilter({"*"}, {}).TakesFile(".hidden"));
}

TEST(PathFilterTest, AFileIsReachedOnlyThroughFoldersThatAreEntered) {
  const PathFilter filter({}, {"out", "a/b/deep"});
  EXPECT_TRUE(filter.Reaches("a/b/c"));
  EXPECT_FALSE(filter.Reaches("out/file"));
  EXPECT_FALSE(filter.Reaches("x/out/y/file"));
  EXPECT_FALSE(filter.Reaches("a/b/deep/file"));
  EXPECT_FALSE(filter.Reaches("x/out"));
}

}  // namespace
}  // namespace jet::base

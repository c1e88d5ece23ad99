#include "base/file_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;

TEST(SplitFilePathTest, SplitsAtTheLastSlash) {
  struct Case {
    const char* path;
    const char* folder;
    const char* name;
  };
  for (const Case& c :
       {Case{"file", ".", "file"}, Case{"./file", ".", "file"}, Case{"/file", "/", "file"},
        Case{"a/b/file", "a/b", "file"}, Case{"/a/.file", "/a", ".file"},
        Case{"a//file", "a/", "file"}, Case{"../...", "..", "..."}}) {
    const absl::StatusOr<FilePath> split = SplitFilePath(c.path);
    ASSERT_THAT(split, IsOk()) << c.path;
    EXPECT_EQ(split->folder, c.folder) << c.path;
    EXPECT_EQ(split->name, c.name) << c.path;
  }
}

TEST(SplitFilePathTest, APathThatNamesNoFileIsRefused) {
  for (const char* path : {"", "/", "a/", ".", "..", "a/.", "a/.."}) {
    EXPECT_THAT(SplitFilePath(path),
                StatusIs(StatusCode::kInvalidArgument,
                         absl::StrCat("'", path, "' is not the name of a file")));
  }
}

}  // namespace
}  // namespace jet::base

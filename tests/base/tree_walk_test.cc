#include "base/tree_walk.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"

namespace jet::base {
namespace {

using test::InChild;
using test::Open;
using test::ScratchFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

struct Walked {
  std::vector<std::string> files;  // in the order they were met, the root called "r"
  std::vector<std::string> errors;
};

Walked Walk(UniqueFd root, const TreeWalkOptions& options = {},
            const std::function<void(const TreeFile&)>& on_file = nullptr) {
  Walked walked;
  WalkTree(
      std::move(root), "r", options,
      [&](TreeFile file) {
        walked.files.push_back(file.path);
        if (on_file) on_file(file);
      },
      [&](const std::string& path, const absl::Status& error) {
        walked.errors.push_back(absl::StrCat(path, ": ", error.ToString()));
      });
  return walked;
}

UniqueFd OpenFolder(const std::string& path) { return Open(path, O_RDONLY | O_DIRECTORY); }

TEST(TreeWalkTest, FindsEveryFileOnce) {
  const ScratchFolder folder;
  for (const char* name : {"a", "b/c", "b/d", "b/e/f", "g/h/i/j"}) folder.Write(name, name);
  folder.MakeFolder("empty");
  const Walked walked = Walk(OpenFolder(folder.path()));
  EXPECT_THAT(walked.files, UnorderedElementsAre("r/a", "r/b/c", "r/b/d", "r/b/e/f", "r/g/h/i/j"));
  EXPECT_THAT(walked.errors, IsEmpty());
}

TEST(TreeWalkTest, FilesAreOpenForReadingAndStatted) {
  const ScratchFolder folder;
  folder.Write("file", "12345");
  int files = 0;
  Walk(OpenFolder(folder.path()), {}, [&](const TreeFile& file) {
    ++files;
    struct stat status = {};
    ASSERT_EQ(fstat(file.fd.get(), &status), 0);
    EXPECT_EQ(file.status.st_ino, status.st_ino);
    EXPECT_EQ(file.status.st_size, 5);
    EXPECT_EQ(fcntl(file.fd.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
    EXPECT_EQ(fcntl(file.fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  });
  EXPECT_EQ(files, 1);
}

TEST(TreeWalkTest, FilesComeBeforeTheSubfoldersOfTheirFolder) {
  const ScratchFolder folder;
  for (const char* name : {"sub/x", "z", "sub/sub/y", "sub/z"}) folder.Write(name, name);
  const Walked walked = Walk(OpenFolder(folder.path()));
  EXPECT_EQ(walked.files.front(), "r/z");
  EXPECT_EQ(walked.files.back(), "r/sub/sub/y");
}

TEST(TreeWalkTest, AnEmptyTreeIsNoError) {
  const ScratchFolder folder;
  const Walked walked = Walk(OpenFolder(folder.path()));
  EXPECT_THAT(walked.files, IsEmpty());
  EXPECT_THAT(walked.errors, IsEmpty());
}

TEST(TreeWalkTest, LinksFifosSocketsAndDevicesArePassedOver) {
  const ScratchFolder outside;
  outside.Write("secret", "x");
  const ScratchFolder folder;
  folder.Write("file", "x");
  std::filesystem::create_symlink("file", folder.Path("link-to-file"));
  std::filesystem::create_symlink("nowhere", folder.Path("dangling"));
  std::filesystem::create_directory_symlink(outside.path(), folder.Path("link-to-folder"));
  std::filesystem::create_directory_symlink(".", folder.Path("loop"));
  ASSERT_EQ(mkfifo(folder.Path("fifo").c_str(), 0600), 0);
  const UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  folder.Path("socket").copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const Walked walked = Walk(OpenFolder(folder.path()));
  EXPECT_THAT(walked.files, ElementsAre("r/file"));
  EXPECT_THAT(walked.errors, IsEmpty());
}

TEST(TreeWalkTest, NamesAreBytes) {
  const ScratchFolder folder;
  const std::vector<std::string> names = {"new\nline", "\xff\xfe", "-r", " ", "\x1b[31m", "\\x41"};
  std::vector<std::string> expected;
  for (const std::string& name : names) {
    folder.Write(name, "x");
    folder.Write(absl::StrCat("d", name, "/", name), "x");
    expected.push_back(absl::StrCat("r/", name));
    expected.push_back(absl::StrCat("r/d", name, "/", name));
  }
  EXPECT_THAT(Walk(OpenFolder(folder.path())).files, testing::UnorderedElementsAreArray(expected));
}

TEST(TreeWalkTest, AHardLinkIsAFileOfItsOwn) {
  const ScratchFolder folder;
  folder.Write("one", "x");
  std::filesystem::create_hard_link(folder.Path("one"), folder.Path("two"));
  EXPECT_THAT(Walk(OpenFolder(folder.path())).files, UnorderedElementsAre("r/one", "r/two"));
}

// Makes a chain of `depth` folders "d" with a file "f" in each; the last ones are deeper than any
// path may be long.
void MakeChain(const std::string& path, int depth) {
  UniqueFd at = OpenFolder(path);
  for (int level = 0; level < depth; ++level) {
    const UniqueFd file(openat(at.get(), "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    ASSERT_TRUE(file.valid());
    ASSERT_EQ(mkdirat(at.get(), "d", 0755), 0);
    at = UniqueFd(openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at.valid());
  }
}

TEST(TreeWalkTest, AVeryDeepTreeNeedsFewDescriptors) {
  constexpr int kDepth = 300;
  const ScratchFolder folder;
  MakeChain(folder.path(), kDepth);
  for (const int open_levels : {1, 2, 100}) {
    EXPECT_EQ(InChild([&] {
                const rlimit few = {128, 128};
                if (setrlimit(RLIMIT_NOFILE, &few) != 0) return std::string("no limit was set");
                TreeWalkOptions options;
                options.open_levels = open_levels;
                const Walked walked = Walk(OpenFolder(folder.path()), options);
                return absl::StrCat(walked.files.size(), " files ",
                                    absl::StrJoin(walked.errors, ";"));
              }),
              "300 files ")
        << open_levels;
  }
}

TEST(TreeWalkTest, TheDefaultCannotHoldEveryFolderOfADeepTreeOpen) {
  // The control of the test above: with the limit out of reach of open_levels the walk does run
  // out of descriptors, and says so instead of leaving files out silently.
  const ScratchFolder folder;
  MakeChain(folder.path(), 300);
  EXPECT_THAT(InChild([&] {
                const rlimit few = {128, 128};
                if (setrlimit(RLIMIT_NOFILE, &few) != 0) return std::string("no limit was set");
                return absl::StrJoin(Walk(OpenFolder(folder.path())).errors, ";");
              }),
              HasSubstr("Too many open files"));
}

TEST(TreeWalkTest, FewOpenLevelsFindTheSameFilesInABushyTree) {
  const ScratchFolder folder;
  for (const char a : {'a', 'b', 'c'}) {
    for (const char b : {'a', 'b', 'c'}) {
      for (const char c : {'a', 'b', 'c'}) {
        folder.Write(absl::StrCat(std::string{a, '/', b, '/', c}, "/file"), "x");
      }
    }
  }
  Walked all = Walk(OpenFolder(folder.path()));
  ASSERT_EQ(all.files.size(), 27u);
  TreeWalkOptions options;
  options.open_levels = 1;
  const Walked few = Walk(OpenFolder(folder.path()), options);
  EXPECT_EQ(few.files, all.files);
  EXPECT_THAT(few.errors, IsEmpty());
}

TEST(TreeWalkTest, AFolderThatMayNotBeReadIsAnErrorAndTheRestIsWalked) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const ScratchFolder folder;
  folder.Write("closed/hidden", "x");
  folder.Write("open/file", "x");
  folder.Write("unreadable", "x", 0600);
  ASSERT_EQ(chmod(folder.Path("closed").c_str(), 0700), 0);
  EXPECT_EQ(InChild([&] {
              test::BecomeUser(test::kNobody);
              Walked walked = Walk(OpenFolder(folder.path()));
              std::sort(walked.errors.begin(), walked.errors.end());
              return absl::StrCat(absl::StrJoin(walked.files, ";"), "|",
                                  absl::StrJoin(walked.errors, ";"));
            }),
            "r/open/file|"
            "r/closed: PERMISSION_DENIED: cannot open 'closed': Permission denied "
            "[jet/errno='13'];"
            "r/unreadable: PERMISSION_DENIED: cannot open 'unreadable': Permission denied "
            "[jet/errno='13']");
}

TEST(TreeWalkTest, AFolderThatIsMovedAwayDoesNotLeadOutOfTheTree) {
  const ScratchFolder outside;
  outside.Write("secret", "x");
  outside.Write("sub/secret", "x");
  const ScratchFolder folder;
  folder.Write("a/b/c/file", "x");
  folder.Write("a/b/z/late", "x");
  folder.Write("other/late", "x");
  TreeWalkOptions options;
  options.open_levels = 1;
  bool moved = false;
  const Walked walked = Walk(OpenFolder(folder.path()), options, [&](const TreeFile& file) {
    if (!absl::EndsWith(file.path, "/c/file")) return;
    std::filesystem::rename(folder.Path("a/b/c"), outside.Path("c"));
    moved = true;
  });
  ASSERT_TRUE(moved);
  for (const std::string& file : walked.files) EXPECT_THAT(file, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(walked.errors, testing::Contains(HasSubstr("r/a/b: ABORTED: ")));
}

TEST(TreeWalkTest, FilesComeWithTheirFolderWhichStaysOpenForThem) {
  const ScratchFolder folder;
  folder.Write("a/b/c/file", "x");
  TreeWalkOptions options;
  options.open_levels = 1;
  std::vector<TreeFile> files;
  WalkTree(
      OpenFolder(folder.path()), "r", options,
      [&](TreeFile file) { files.push_back(std::move(file)); },
      [](const std::string& path, const absl::Status& error) { ADD_FAILURE() << path << error; });
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].name, "file");
  std::filesystem::rename(folder.Path("a/b/c"), folder.Path("moved"));
  struct stat status = {};
  ASSERT_EQ(fstatat(files[0].folder->get(), "file", &status, 0), 0);
  EXPECT_EQ(status.st_ino, files[0].status.st_ino);
}

TEST(TreeWalkTest, AFolderThatIsListedFirstHasNoneOfTheFilesAddedMeanwhile) {
  const ScratchFolder folder;
  // More than one call of the system yields.
  for (int i = 0; i < 3000; ++i) folder.Write(absl::StrCat("sub/a-file-with-a-long-name-", i), "");
  TreeWalkOptions options;
  options.list_first = true;
  const Walked walked = Walk(OpenFolder(folder.path()), options, [&](const TreeFile& file) {
    folder.Write(absl::StrCat("sub/", file.name, ".sig"), "");
  });
  EXPECT_EQ(walked.files.size(), 3000u);
  EXPECT_THAT(walked.errors, IsEmpty());
}

// Whoever replaces a file has it under a temporary name for a moment.
TEST(TreeWalkTest, ATemporaryNameThatIsGoneIsNoFailure) {
  for (const bool temporary : {true, false}) {
    const ScratchFolder folder;
    const std::string names[] = {temporary ? ".a.0123456789abcdef.tmp" : ".a.tmp",
                                 temporary ? ".b.0123456789abcdef.tmp" : ".b.tmp"};
    for (const std::string& name : names) folder.Write(name, "x");
    // Whichever comes first, the other one is gone then.
    const Walked walked = Walk(OpenFolder(folder.path()), {}, [&](const TreeFile& file) {
      for (const std::string& name : names) {
        if (name != file.name) std::filesystem::remove(folder.Path(name));
      }
    });
    EXPECT_EQ(walked.files.size(), 1u);
    EXPECT_EQ(walked.errors.size(), temporary ? 0u : 1u);
  }
}

TEST(TreeWalkTest, AFolderOfATemporaryNameThatIsGoneIsNoFailure) {
  for (const bool temporary : {true, false}) {
    const ScratchFolder folder;
    const std::string name = temporary ? ".a.0123456789abcdef.tmp" : ".a.tmp";
    folder.MakeFolder(name);
    folder.Write("file", "x");
    TreeWalkOptions options;
    options.list_first = true;
    // Listed already when the file is met, as folders are entered after the files beside them.
    const Walked walked = Walk(OpenFolder(folder.path()), options, [&](const TreeFile&) {
      std::filesystem::remove(folder.Path(name));
    });
    EXPECT_THAT(walked.files, ElementsAre("r/file"));
    EXPECT_EQ(walked.errors.size(), temporary ? 0u : 1u);
  }
}

TEST(TreeWalkTest, EveryFolderThatAMoveMadeUnreachableIsReported) {
  const ScratchFolder outside;
  const ScratchFolder folder;
  // Whichever of two folders is entered first moves away what it is in, so that the other one is
  // left behind unvisited, on two levels.
  for (const char* name : {"a/x/f", "a/y/f", "b/x/f", "b/y/f"}) folder.Write(name, "x");
  TreeWalkOptions options;
  options.open_levels = 1;
  bool moved = false;
  const Walked walked = Walk(OpenFolder(folder.path()), options, [&](const TreeFile& file) {
    if (moved) return;
    moved = true;
    const std::string parent = file.path.substr(2, 3);
    std::filesystem::rename(folder.Path(parent), outside.Path("gone"));
  });
  ASSERT_EQ(walked.files.size(), 1u);
  const std::string first = walked.files[0].substr(0, 3);  // "r/a" or "r/b"
  EXPECT_THAT(walked.errors,
              ElementsAre(StartsWith(first + ": ABORTED: "), StartsWith("r: ABORTED: ")));
}

TEST(TreeWalkTest, AFolderMovedWhileItIsHeldOpenIsWalkedWhereItWas) {
  const ScratchFolder outside;
  outside.Write("secret", "x");
  const ScratchFolder folder;
  folder.Write("a/file", "x");
  folder.Write("a/b/inner", "x");
  const Walked walked = Walk(OpenFolder(folder.path()), {}, [&](const TreeFile& file) {
    if (file.path == "r/a/file") std::filesystem::rename(folder.Path("a"), outside.Path("a"));
  });
  EXPECT_THAT(walked.files, ElementsAre("r/a/file", "r/a/b/inner"));
}

TEST(TreeWalkTest, AFolderReplacedByALinkIsNotFollowed) {
  const ScratchFolder outside;
  outside.Write("secret", "x");
  const ScratchFolder folder;
  folder.Write("file", "x");
  folder.MakeFolder("sub");
  const Walked walked = Walk(OpenFolder(folder.path()), {}, [&](const TreeFile&) {
    std::filesystem::remove(folder.Path("sub"));
    std::filesystem::create_directory_symlink(outside.path(), folder.Path("sub"));
  });
  EXPECT_THAT(walked.files, ElementsAre("r/file"));
  EXPECT_THAT(walked.errors, ElementsAre(StartsWith("r/sub: ")));
}

TEST(TreeWalkTest, OtherFileSystemsAreEnteredUnlessForbidden) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const ScratchFolder folder;
  folder.Write("file", "x");
  folder.Write("mount/below", "x");
  for (const bool crosses : {false, true}) {
    EXPECT_EQ(InChild([&]() -> std::string {
                test::EnterPrivateMounts();
                const std::string at = folder.Path("mount");
                if (mount("jet-test", at.c_str(), "tmpfs", 0, nullptr) != 0) return "no mount";
                folder.Write("mount/inside", "x");
                TreeWalkOptions options;
                options.cross_file_systems = crosses;
                const Walked walked = Walk(OpenFolder(folder.path()), options);
                return absl::StrCat(absl::StrJoin(walked.files, ";"),
                                    absl::StrJoin(walked.errors, ";"));
              }),
              !crosses ? "r/file" : "r/file;r/mount/inside");
  }
}

TEST(TreeWalkTest, AFolderOfAnotherFileSystemIsTold) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const ScratchFolder folder;
  folder.MakeFolder("a/mount");
  EXPECT_EQ(InChild([&]() -> std::string {
              test::EnterPrivateMounts();
              const std::string at = folder.Path("a/mount");
              if (mount("jet-test", at.c_str(), "tmpfs", 0, nullptr) != 0) return "no mount";
              folder.Write("a/mount/inside", "x");
              std::string told;
              TreeWalkOptions options;
              options.on_other_file_system = [&told](const std::string& path) { told += path; };
              const size_t met = Walk(OpenFolder(folder.path()), options).files.size();
              return absl::StrCat(met, ";", told);
            }),
            "0;r/a/mount");
}

TEST(TreeWalkTest, WhatIsNotWantedIsNeitherOpenedNorEntered) {
  const ScratchFolder folder;
  for (const char* name : {"file", "unwanted", "in/file", "out/file"}) folder.Write(name, "x");
  TreeWalkOptions options;
  std::vector<std::string> asked;
  options.wants = [&asked](const std::string& path, bool is_folder) {
    asked.push_back(path + (is_folder ? "/" : ""));
    return path != "r/unwanted" && path != "r/out";
  };
  EXPECT_THAT(Walk(OpenFolder(folder.path()), options).files,
              UnorderedElementsAre("r/file", "r/in/file"));
  EXPECT_THAT(asked, UnorderedElementsAre("r/file", "r/unwanted", "r/in/", "r/out/", "r/in/file"));
}

TEST(TreeWalkTest, AFolderThatIsNotToBeEnteredIsNot) {
  const ScratchFolder folder;
  for (const char* name : {"in/file", "out/file"}) folder.Write(name, "x");
  struct stat out = {};
  ASSERT_EQ(stat(folder.Path("out").c_str(), &out), 0);
  TreeWalkOptions options;
  options.enters = [&out](const struct stat& status) { return status.st_ino != out.st_ino; };
  EXPECT_THAT(Walk(OpenFolder(folder.path()), options).files, ElementsAre("r/in/file"));
}

TEST(TreeWalkTest, AWalkThatIsStoppedTakesNoMoreFiles) {
  for (const bool list_first : {false, true}) {
    const ScratchFolder folder;
    for (const char* name : {"a", "b", "c", "d/e", "f/g"}) folder.Write(name, "x");
    size_t met = 0;
    TreeWalkOptions options;
    options.list_first = list_first;
    options.stopped = [&met] { return met == 2; };
    const Walked walked =
        Walk(OpenFolder(folder.path()), options, [&met](const TreeFile& /*file*/) { ++met; });
    EXPECT_EQ(walked.files.size(), 2u);
    EXPECT_THAT(walked.errors, IsEmpty());
  }
}

TEST(TreeWalkTest, ARootThatIsNoFolderIsAnError) {
  const ScratchFolder folder;
  const Walked walked = Walk(Open(folder.Write("file", "x"), O_RDONLY));
  EXPECT_THAT(walked.files, IsEmpty());
  EXPECT_THAT(walked.errors, ElementsAre(HasSubstr("Not a directory")));
}

}  // namespace
}  // namespace jet::base

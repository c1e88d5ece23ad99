#include "base/staged_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::ScratchFolder;
using test::StatusIs;
using test::ValueOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using testing::StrEq;

constexpr size_t kLimit = 4 << 20;

std::vector<std::string> NamesIn(const std::string& folder) {
  return ValueOf(ListFolder(test::Open(folder, O_RDONLY | O_DIRECTORY).get(), folder));
}

mode_t ModeOf(const std::string& path) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) != 0) return 0;
  return status.st_mode & 07777;
}

std::string ContentOf(const std::string& path) {
  return std::string(AsText(ValueOf(ReadFile(path, kLimit))));
}

absl::Status Publish(StagedFile file) {
  std::vector<StagedFile> files;
  files.push_back(std::move(file));
  return PublishTogether(files);
}

// Stages and publishes one file for each of `paths`, whose content is its path.
absl::Status PublishAll(const std::vector<std::string>& paths, mode_t mode = 0644) {
  std::vector<StagedFile> files;
  for (const std::string& path : paths) {
    absl::StatusOr<StagedFile> file = StagedFile::Write(path, mode, AsBytes(path));
    if (!file.ok()) return file.status();
    files.push_back(*std::move(file));
  }
  return PublishTogether(files);
}

void Mount(const std::string& path, unsigned long flags, const char* options) {
  if (mount("none", path.c_str(), "tmpfs", flags, options) != 0) throw std::runtime_error("mount");
}

// Without /proc a file without a name cannot be given one: what is left are temporary names.
void HideProc() {
  test::EnterPrivateMounts();
  Mount("/proc", 0, nullptr);
}

TEST(StagedFileTest, HasNoNameUntilItIsPublished) {
  const ScratchFolder folder;
  const std::string path = folder.Path("file");
  ASSERT_OK_AND_ASSIGN(StagedFile file, StagedFile::Write(path, 0640, AsBytes("content")));
  EXPECT_EQ(file.path(), path);
  EXPECT_THAT(NamesIn(folder.path()), IsEmpty());
  ASSERT_THAT(Publish(std::move(file)), IsOk());
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("file"));
  EXPECT_EQ(ContentOf(path), "content");
  EXPECT_EQ(ModeOf(path), 0640u);
}

TEST(StagedFileTest, LeavesNothingWhenItIsNeverPublished) {
  const ScratchFolder folder;
  { ASSERT_THAT(StagedFile::Write(folder.Path("file"), 0600, AsBytes("content")), IsOk()); }
  EXPECT_THAT(NamesIn(folder.path()), IsEmpty());
}

TEST(StagedFileTest, ContentMayBeEmptyOrLarge) {
  const ScratchFolder folder;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{3 << 20}}) {
    const std::string path = folder.Path(absl::StrCat(size));
    const Bytes content(size, 'x');
    ASSERT_THAT(Publish(ValueOf(StagedFile::Write(path, 0600, content))), IsOk());
    EXPECT_EQ(ValueOf(ReadFile(path, kLimit)), content);
  }
}

TEST(StagedFileTest, ModeIsExactWhateverTheUmask) {
  for (const mode_t mask : {0000, 0022, 0077, 0777}) {
    for (const mode_t mode : {0600, 0644, 0400, 0664, 0000}) {
      const ScratchFolder folder;
      const mode_t before = umask(mask);
      const absl::Status status = PublishAll({folder.Path("file")}, mode);
      umask(before);
      ASSERT_THAT(status, IsOk());
      EXPECT_EQ(ModeOf(folder.Path("file")), mode) << mask;
    }
  }
}

absl::Status ReplaceAt(const std::string& folder, const std::string& name,
                       absl::string_view content) {
  absl::StatusOr<StagedFile> file = StagedFile::WritePublicAt(
      test::Open(folder, O_PATH | O_DIRECTORY).get(), name, AsBytes(content));
  return file.ok() ? file->Replace() : file.status();
}

// Makes a file, replaces it, and tries what cannot be replaced; returns what is wrong.
std::string ReplaceInAllWays(const ScratchFolder& folder) {
  const mode_t before = umask(077);
  std::string wrong;
  for (const std::string content : {"first", "second", ""}) {
    const absl::Status status = ReplaceAt(folder.path(), "file", content);
    if (!status.ok()) absl::StrAppend(&wrong, status.ToString(), ";");
    if (ContentOf(folder.Path("file")) != content) absl::StrAppend(&wrong, content, ";");
    if (ModeOf(folder.Path("file")) != 0644) absl::StrAppend(&wrong, "mode;");
  }
  umask(before);
  if (symlink("file", folder.Path("link").c_str()) != 0) return "symlink";
  folder.MakeFolder("folder");
  for (const std::string name : {"link", "folder"}) {
    const absl::Status status = ReplaceAt(folder.path(), name, "x");
    if (!absl::IsFailedPrecondition(status)) absl::StrAppend(&wrong, status.ToString(), ";");
  }
  const std::vector<std::string> names = NamesIn(folder.path());
  if (names != std::vector<std::string>{"file", "folder", "link"}) {
    absl::StrAppend(&wrong, absl::StrJoin(names, ","));
  }
  return wrong;
}

TEST(StagedFileTest, ReplacesARegularFileAndNothingElse) {
  EXPECT_EQ(ReplaceInAllWays(ScratchFolder()), "");
}

TEST(StagedFileTest, ReplacesWithoutProcToo) {
  EXPECT_EQ(test::InChild([] {
              HideProc();
              return ReplaceInAllWays(ScratchFolder());
            }),
            "");
}

TEST(StagedFileTest, OldOrNewIsThereAtEveryMomentOfAReplacement) {
  const ScratchFolder folder;
  const std::string path = folder.Write("file", std::string(5000, 'a'));
  std::atomic<bool> stop = false;
  int bad = 0;
  std::thread reader([&] {
    while (!stop) {
      const absl::StatusOr<Bytes> content = ReadFile(path, kLimit);
      const bool whole = content.ok() && content->size() == 5000 &&
                         std::count(content->begin(), content->end(), content->front()) == 5000;
      if (!whole) ++bad;
    }
  });
  for (int i = 0; i < 500; ++i) {
    const std::string content(5000, static_cast<char>('a' + i % 26));
    EXPECT_THAT(ReplaceAt(folder.path(), "file", content), IsOk());
  }
  stop = true;
  reader.join();
  EXPECT_EQ(bad, 0);
}

TEST(StagedFileTest, TemporaryNamesAreKnown) {
  EXPECT_TRUE(IsTemporaryName(".file.0123456789abcdef.tmp"));
  EXPECT_TRUE(IsTemporaryName("..0123456789abcdef.0123456789abcdef.tmp"));
  for (const char* name :
       {"", ".tmp", "..0123456789abcde.tmp", "file.0123456789abcdef.tmp", ".file.tmp",
        ".file.0123456789abcdeg.tmp", ".file.0123456789ABCDEF.tmp", ".file-0123456789abcdef.tmp",
        ".file.0123456789abcdef.tmpx", ".0123456789abcdef.tmp"}) {
    EXPECT_FALSE(IsTemporaryName(name)) << name;
    EXPECT_EQ(TargetOfTemporaryName(name), "") << name;
  }
}

TEST(StagedFileTest, TemporaryNamesTellTheirTarget) {
  EXPECT_EQ(TargetOfTemporaryName(".file.0123456789abcdef.tmp"), "file");
  EXPECT_EQ(TargetOfTemporaryName("..a.b.0123456789abcdef.tmp"), ".a.b");
  const absl::StatusOr<std::string> name = TemporaryName("acme_key.pem");
  ASSERT_THAT(name, IsOk());
  EXPECT_EQ(TargetOfTemporaryName(*name), "acme_key.pem");
}

TEST(StagedFileTest, PathWithoutAFolderIsInTheWorkingFolder) {
  const ScratchFolder folder;
  EXPECT_EQ(test::InChild([&folder]() -> std::string {
              if (chdir(folder.path().c_str()) != 0) return "chdir";
              return PublishAll({"plain"}).ToString();
            }),
            "OK");
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("plain"));
}

TEST(StagedFileTest, PathMustNameAFile) {
  const ScratchFolder folder;
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("."), std::string(".."), folder.Path(""),
        folder.Path("."), folder.Path("..")}) {
    EXPECT_THAT(StagedFile::Write(path, 0600, {}),
                StatusIs(StatusCode::kInvalidArgument,
                         absl::StrCat("'", path, "' is not the name of a file")));
  }
}

TEST(StagedFileTest, FolderMustBeThereAndBeAFolder) {
  const ScratchFolder folder;
  folder.Write("plain", "");
  EXPECT_THAT(StagedFile::Write(folder.Path("missing/file"), 0600, {}),
              StatusIs(StatusCode::kNotFound, HasSubstr(folder.Path("missing"))));
  EXPECT_THAT(StagedFile::Write(folder.Path("plain/file"), 0600, {}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("plain': Not a directory")));
}

TEST(StagedFileTest, FolderThatMayNotBeWrittenIsSaid) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const ScratchFolder folder;
  EXPECT_THAT(test::InChild([&folder] {
                test::BecomeUser(test::kNobody);
                return PublishAll({folder.Path("file")}).ToString();
              }),
              StartsWith(absl::StrCat("PERMISSION_DENIED: cannot create '", folder.Path("file"),
                                      "': Permission denied")));
}

TEST(StagedFileTest, ReadOnlyFileSystemIsSaid) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const ScratchFolder folder;
  EXPECT_THAT(test::InChild([&folder] {
                test::EnterPrivateMounts();
                Mount(folder.path(), MS_RDONLY, nullptr);
                return PublishAll({folder.Path("file")}).ToString();
              }),
              HasSubstr("': Read-only file system"));
}

TEST(StagedFileTest, FullDiskIsSaidAndNothingStays) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  for (const bool hide_proc : {false, true}) {
    const ScratchFolder folder;
    EXPECT_THAT(test::InChild([&folder, hide_proc] {
                  test::EnterPrivateMounts();
                  Mount(folder.path(), 0, "size=64k");
                  if (hide_proc) HideProc();
                  const Bytes content(128 << 10, 'x');
                  const std::string path = folder.Path("file");
                  const absl::Status status = StagedFile::Write(path, 0600, content).status();
                  return absl::StrCat(status.ToString(), NamesIn(folder.path()).size());
                }),
                testing::MatchesRegex("RESOURCE_EXHAUSTED: cannot write '.*/file': No space left "
                                      "on device.*0"));
  }
}

TEST(StagedFileTest, WriteThatEndsEarlyLeavesNoTemporaryName) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const ScratchFolder folder;
  EXPECT_THAT(test::InChild([&folder] {
                HideProc();
                (void)signal(SIGXFSZ, SIG_IGN);
                const rlimit limit = {1024, 1024};
                if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return std::string("setrlimit");
                const Bytes content(4096, 'x');
                return StagedFile::Write(folder.Path("file"), 0600, content).status().ToString();
              }),
              HasSubstr("file': File too large"));
  EXPECT_THAT(NamesIn(folder.path()), IsEmpty());
}

TEST(StagedFileTest, TemporaryNameGoesWhereThereIsNoProc) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const ScratchFolder folder;
  const std::string long_name(255, 'n');
  EXPECT_EQ(test::InChild([&folder, &long_name]() -> std::string {
              HideProc();
              umask(0);
              absl::StatusOr<StagedFile> unused =
                  StagedFile::Write(folder.Path("unused"), 0600, AsBytes("x"));
              if (!unused.ok()) return unused.status().ToString();
              const std::vector<std::string> names = NamesIn(folder.path());
              if (names.size() != 1 || names[0].find(".unused.") != 0) return "no temporary name";
              if (ModeOf(folder.Path(names[0])) != 0600) return "wrong mode";
              // What it held goes when it gets another value.
              unused = StagedFile::Write(folder.Path("other"), 0600, AsBytes("x"));
              if (NamesIn(folder.path()).size() != 1) return "the old temporary name stays";
              return PublishAll({folder.Path("one"), folder.Path(long_name)}, 0644).ToString();
            }),
            "OK");
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre(long_name, "one"));
  EXPECT_EQ(ModeOf(folder.Path("one")), 0644u);
}

TEST(PublishTogetherTest, GivesAllFilesTheirNames) {
  const ScratchFolder folder;
  const std::vector<std::string> paths = {folder.MakeFolder("a") + "/one", folder.Path("two"),
                                          folder.MakeFolder("b") + "/three", folder.Path("four")};
  ASSERT_THAT(PublishAll(paths), IsOk());
  for (const std::string& path : paths) EXPECT_EQ(ContentOf(path), path);
}

TEST(PublishTogetherTest, NoFilesAreFine) { EXPECT_THAT(PublishTogether({}), IsOk()); }

TEST(PublishTogetherTest, FilesMayBeOnSeveralFileSystems) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const ScratchFolder folder;
  const std::string stick = folder.MakeFolder("stick");
  EXPECT_EQ(test::InChild([&folder, &stick]() -> std::string {
              test::EnterPrivateMounts();
              Mount(stick, 0, nullptr);
              const absl::Status status = PublishAll({stick + "/key", folder.Path("request")});
              return absl::StrCat(status.ToString(), " ", NamesIn(stick).size());
            }),
            "OK 1");
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("request", "stick"));
}

// Makes something by the name `path`.
struct Obstacle {
  const char* name;
  void (*make)(const std::string& path);
};

constexpr Obstacle kObstacles[] = {
    {"a file",
     [](const std::string& path) {
       const UniqueFd fd(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
       ASSERT_THAT(WriteAll(fd.get(), AsBytes("theirs"), path), IsOk());
     }},
    {"a folder", [](const std::string& path) { ASSERT_EQ(mkdir(path.c_str(), 0700), 0); }},
    {"a FIFO", [](const std::string& path) { ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); }},
    {"a link to nowhere",
     [](const std::string& path) { ASSERT_EQ(symlink("nowhere", path.c_str()), 0); }},
};

TEST(PublishTogetherTest, NothingIsOverwrittenAndNothingOfOursStays) {
  for (const Obstacle& obstacle : kObstacles) {
    for (const char* taken : {"one", "two", "three"}) {
      const ScratchFolder folder;
      obstacle.make(folder.Path(taken));
      EXPECT_THAT(
          PublishAll({folder.Path("one"), folder.Path("two"), folder.Path("three")}),
          StatusIs(StatusCode::kAlreadyExists, absl::StrCat("'", folder.Path(taken),
                                                            "' exists already and is not "
                                                            "overwritten; move it away first")))
          << obstacle.name;
      EXPECT_THAT(NamesIn(folder.path()), ElementsAre(taken)) << obstacle.name;
    }
  }
}

TEST(PublishTogetherTest, WhatIsInTheWayStaysAsItWas) {
  const ScratchFolder folder;
  folder.Write("two", "theirs", 0640);
  EXPECT_THAT(PublishAll({folder.Path("one"), folder.Path("two")}),
              StatusIs(StatusCode::kAlreadyExists, HasSubstr("two")));
  EXPECT_EQ(ContentOf(folder.Path("two")), "theirs");
  EXPECT_EQ(ModeOf(folder.Path("two")), 0640u);
}

TEST(PublishTogetherTest, NothingIsOverwrittenWithTemporaryNames) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const ScratchFolder folder;
  folder.Write("two", "theirs");
  EXPECT_THAT(test::InChild([&folder] {
                HideProc();
                return PublishAll({folder.Path("one"), folder.Path("two")}).ToString();
              }),
              StartsWith("ALREADY_EXISTS"));
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("two"));
  EXPECT_EQ(ContentOf(folder.Path("two")), "theirs");
}

TEST(PublishTogetherTest, OneNameForTwoFilesIsNotAllowed) {
  const ScratchFolder folder;
  EXPECT_THAT(PublishAll({folder.Path("same"), folder.Path("same")}),
              StatusIs(StatusCode::kAlreadyExists, HasSubstr("same")));
  EXPECT_THAT(NamesIn(folder.path()), IsEmpty());
}

TEST(PublishTogetherTest, SignalsAreAsTheyWere) {
  const ScratchFolder folder;
  sigset_t wanted;
  sigset_t before;
  sigset_t after;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR2);
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, &wanted, &before), 0);
  EXPECT_THAT(PublishAll({folder.Path("file")}), IsOk());
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, &before, &after), 0);
  for (int number = 1; number < SIGRTMIN; ++number) {
    EXPECT_EQ(sigismember(&after, number), number == SIGUSR2 ? 1 : 0) << number;
  }
}

TEST(PublishTogetherTest, WorksWhereTheEndOfChildrenIsIgnored) {
  const ScratchFolder folder;
  EXPECT_EQ(test::InChild([&folder] {
              (void)signal(SIGCHLD, SIG_IGN);
              return PublishAll({folder.Path("one"), folder.Path("two")}).ToString();
            }),
            "OK");
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("one", "two"));
}

}  // namespace
}  // namespace jet::base

// Files that are published together, while system calls fail and processes are killed. A probe does
// it under strace(1), which injects the faults.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::base {
namespace {

using test::ScratchFolder;
using test::ValueOf;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr size_t kLimit = 4 << 20;
const std::vector<std::string> kBoth = {"key", "request"};

std::string ContentOf(const std::string& path) {
  return std::string(AsText(ValueOf(ReadFile(path, kLimit))));
}

bool IsTemporaryName(const std::string& name) {
  return absl::StartsWith(name, ".") && absl::EndsWith(name, ".tmp");
}

// What one run of the probe left.
struct Left {
  bool succeeded = false;
  bool killed = false;             // the probe itself, not its child
  std::string output;              // of the probe
  std::vector<std::string> names;  // without temporary ones
  std::vector<std::string> temporary_names;
};

// Publishes "key" (0600) and "request" (0644) in a folder of its own.
class Probe {
 public:
  // What the file system offers: files without a name, or none.
  enum class Way { kWithoutName, kTemporaryName };

  explicit Probe(Way way = Way::kWithoutName) : way_(way) { scratch_.MakeFolder("certs"); }

  std::string folder() const { return scratch_.Path("certs"); }
  std::string Path(const std::string& name) const { return scratch_.Path("certs/" + name); }

  // Runs the probe under strace with `options`, which see all system calls or, given `traced`, only
  // those: also what is injected must be among them.
  Left Run(const std::string& options, const std::string& traced = "all") const {
    return Collect(std::system(Command(options, traced).c_str()));
  }

  // The lines of the last run's trace.
  std::vector<std::string> Trace() const {
    return absl::StrSplit(ContentOf(scratch_.Path("trace")), '\n', absl::SkipEmpty());
  }

  std::string Command(const std::string& options, const std::string& traced = "all") const {
    // LeakSanitizer does not work in a traced process.
    return absl::StrCat("exec env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o ",
                        scratch_.Path("trace"), " -e trace=", traced, WayOptions(), " ", options,
                        " sh -c 'echo $$ >", scratch_.Path("pid"), "; exec ", JET_STAGED_FILE_PROBE,
                        " ", Path("key"), "=600 ", Path("request"), "=644' >",
                        scratch_.Path("output"), " 2>&1");
  }

  Left Collect(int wait_status) const {
    Left left;
    left.succeeded = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    // The shell that ran strace says 128 and the number of the signal.
    left.killed = WIFSIGNALED(wait_status) ||
                  (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 128 + SIGKILL);
    left.output = ContentOf(scratch_.Path("output"));
    const UniqueFd fd = test::Open(folder(), O_RDONLY | O_DIRECTORY);
    for (const std::string& name : ValueOf(ListFolder(fd.get(), folder()))) {
      (IsTemporaryName(name) ? left.temporary_names : left.names).push_back(name);
    }
    return left;
  }

  pid_t WaitForPid() const { return std::stoi(WaitForContent("pid")); }
  std::string WaitForContent(const std::string& name) const {
    for (int i = 0; i < 1000; ++i) {
      const absl::StatusOr<Bytes> content = ReadFile(scratch_.Path(name), kLimit);
      if (content.ok() && !content->empty()) return std::string(AsText(*content));
      usleep(10 * 1000);
    }
    throw std::runtime_error(name + " does not appear");
  }

 private:
  std::string WayOptions() const;

  Way way_;
  ScratchFolder scratch_;
};

// strace's number of the call of `syscall` whose line holds `text`, counted from 1.
int NumberOfCall(const Probe& probe, const std::string& syscall, const std::string& text) {
  int number = 0;
  for (const std::string& line : probe.Trace()) {
    if (!absl::StrContains(line, syscall + "(")) continue;
    ++number;
    if (absl::StrContains(line, text)) return number;
  }
  throw std::runtime_error(absl::StrCat("no ", text, " in the trace"));
}

// Lets every O_TMPFILE fail. Each file opens its folder, tries that, and opens its temporary name:
// it is every third openat from the first such on.
std::string WithoutUnnamedFiles(const std::string& error) {
  static const int first = [] {
    const Probe reference;
    EXPECT_TRUE(reference.Run("", "openat").succeeded);
    return NumberOfCall(reference, "openat", "O_TMPFILE");
  }();
  return absl::StrCat(" -e inject=openat:error=", error, ":when=", first, "+3");
}

std::string Probe::WayOptions() const {
  if (way_ == Way::kWithoutName) return "";
  return ",openat" + WithoutUnnamedFiles("EOPNOTSUPP");
}

using Way = Probe::Way;

// The number of calls of `syscall` in the process that makes the most of them.
int CountCalls(Way way, const std::string& syscall, const std::string& more) {
  const Probe probe(way);
  const Left left = probe.Run(more, syscall + ",renameat2");
  EXPECT_TRUE(left.succeeded) << left.output;
  std::map<std::string, int> calls;
  for (const std::string& line : probe.Trace()) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() > 1 && absl::StartsWith(words[1], syscall + "(")) ++calls[words[0]];
  }
  int most = 0;
  for (const auto& [process, count] : calls) most = std::max(most, count);
  return most;
}

// Kills every process at its n-th `syscall`, for every n, and returns what was seen.
std::set<std::string> KillAtEvery(Way way, const std::string& syscall, const std::string& more) {
  std::set<std::string> seen;
  const int count = CountCalls(way, syscall, more);
  for (int n = 1; n <= count + 1; ++n) {
    const Probe probe(way);
    const Left left =
        probe.Run(absl::StrCat("-e inject=", syscall, ":signal=KILL:when=", n, " ", more),
                  syscall + ",renameat2");
    EXPECT_THAT(left.names, AnyOf(IsEmpty(), kBoth)) << syscall << " " << n;
    EXPECT_NE(left.succeeded, left.killed) << syscall << " " << n << ": " << left.output;
    if (left.succeeded) {
      EXPECT_EQ(left.names, kBoth) << syscall << " " << n;
      EXPECT_THAT(left.temporary_names, IsEmpty()) << syscall << " " << n;
    }
    if (way == Way::kWithoutName) {
      EXPECT_THAT(left.temporary_names, IsEmpty()) << syscall;
    }
    const bool some_killed =
        absl::StrContains(absl::StrJoin(probe.Trace(), "\n"), "killed by SIGKILL");
    EXPECT_EQ(some_killed, n <= count) << syscall << " " << n;
    seen.insert(absl::StrCat(left.killed   ? "killed"
                             : some_killed ? "child killed"
                                           : "untouched",
                             ", ", left.names.empty() ? "none" : "both"));
  }
  return seen;
}

TEST(StagedFileKillTest, KilledAtAnyCallItLeavesBothFilesOrNone) {
  std::set<std::string> seen;
  for (const char* syscall : {"openat", "fchmod", "write", "fsync", "pipe2", "clone", "linkat",
                              "read", "wait4", "exit_group", "close", "newfstatat"}) {
    seen.merge(KillAtEvery(Way::kWithoutName, syscall, ""));
  }
  // Every kind of end was met: the parent before and after the commit, the child within it.
  EXPECT_THAT(seen,
              ElementsAre("child killed, both", "killed, both", "killed, none", "untouched, both"));
}

TEST(StagedFileKillTest, KilledAtAnyCallTemporaryNamesLeaveBothFilesOrNone) {
  std::set<std::string> seen;
  for (const char* syscall :
       {"fchmod", "write", "renameat2", "fsync", "read", "wait4", "close", "unlinkat"}) {
    seen.merge(KillAtEvery(Way::kTemporaryName, syscall, ""));
  }
  EXPECT_THAT(seen,
              ElementsAre("child killed, both", "killed, both", "killed, none", "untouched, both"));
}

TEST(StagedFileKillTest, KilledAtAnyCallLinksOfTemporaryNamesLeaveBothFilesOrNone) {
  std::set<std::string> seen;
  for (const char* syscall : {"linkat", "unlinkat", "fsync", "read"}) {
    seen.merge(KillAtEvery(Way::kTemporaryName, syscall, "-e inject=renameat2:error=EINVAL"));
  }
  EXPECT_THAT(seen, Contains("child killed, both"));
}

TEST(StagedFileKillTest, KilledWhileItTakesBackItLeavesNone) {
  const int count = 4;  // more than there are calls
  for (const char* syscall : {"unlinkat", "fsync", "exit_group", "read"}) {
    for (int n = 1; n <= count; ++n) {
      const Probe probe;
      const Left left = probe.Run(absl::StrCat(
          "-e inject=linkat:error=ENOSPC:when=2 -e inject=", syscall, ":signal=KILL:when=", n));
      EXPECT_FALSE(left.succeeded);
      // Both processes take back; only where each is killed at its first unlink nobody does.
      if (absl::string_view(syscall) == "unlinkat" && n == 1) continue;
      EXPECT_THAT(left.names, IsEmpty()) << syscall << " " << n;
    }
  }
}

// Waits until the first of the two files is there and calls `send` with the processes of the probe.
Left Interrupt(const std::function<void(pid_t probe, pid_t group)>& send) {
  const Probe probe;
  const std::string command = probe.Command("-e inject=linkat:delay_exit=700000:when=1");
  const pid_t strace = fork();
  if (strace == 0) {
    (void)setpgid(0, 0);
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  (void)probe.WaitForContent("certs/key");
  EXPECT_EQ(access(probe.Path("request").c_str(), F_OK), -1);
  send(probe.WaitForPid(), strace);
  int wait_status = 0;
  EXPECT_EQ(waitpid(strace, &wait_status, 0), strace);
  return probe.Collect(wait_status);
}

TEST(StagedFileKillTest, SignalToTheParentBetweenTheTwoFilesStopsNothing) {
  for (const int signal : {SIGKILL, SIGTERM, SIGINT, SIGHUP}) {
    const Left left =
        Interrupt([signal](pid_t probe, pid_t /*group*/) { EXPECT_EQ(kill(probe, signal), 0); });
    EXPECT_EQ(left.names, kBoth) << signal;
    EXPECT_FALSE(left.succeeded) << signal;
  }
}

TEST(StagedFileKillTest, SignalToBothProcessesStopsNothingUnlessItIsKill) {
  // As Ctrl-C sends it; strace itself blocks these.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    const Left left =
        Interrupt([signal](pid_t /*probe*/, pid_t group) { EXPECT_EQ(kill(-group, signal), 0); });
    EXPECT_EQ(left.names, kBoth) << signal;
    EXPECT_FALSE(left.succeeded) << signal;
  }
}

TEST(StagedFileKillTest, ErrorAtTheSecondNameTakesTheFirstBack) {
  const struct {
    const char* error;
    const char* status;
  } rows[] = {
      {"ENOSPC", "RESOURCE_EXHAUSTED: cannot create '.*/request': No space left on device"},
      {"EDQUOT", "RESOURCE_EXHAUSTED: cannot create '.*/request': Disk quota exceeded"},
      {"EACCES", "PERMISSION_DENIED: cannot create '.*/request': Permission denied"},
      {"EROFS", "PERMISSION_DENIED: cannot create '.*/request': Read-only file system"},
      {"EEXIST", "ALREADY_EXISTS: '.*/request' exists already and is not overwritten"},
  };
  for (const auto& row : rows) {
    for (const char* syscall : {"linkat", "renameat2"}) {
      const Probe probe(absl::string_view(syscall) == "linkat" ? Way::kWithoutName
                                                               : Way::kTemporaryName);
      const Left left =
          probe.Run(absl::StrCat("-e inject=", syscall, ":error=", row.error, ":when=2"));
      EXPECT_THAT(left.output, testing::ContainsRegex(row.status)) << syscall;
      EXPECT_THAT(left.names, IsEmpty()) << row.error << syscall;
      EXPECT_THAT(left.temporary_names, IsEmpty()) << row.error << syscall;
    }
  }
}

TEST(StagedFileKillTest, TheChildIsInNoGroupWithItsParent) {
  const Probe probe;
  ASSERT_TRUE(probe.Run("", "setsid,linkat").succeeded);
  const std::vector<std::string> trace = probe.Trace();
  ASSERT_FALSE(trace.empty());
  EXPECT_THAT(trace[0], HasSubstr("setsid()"));
  EXPECT_THAT(trace[0], testing::Not(HasSubstr("= -1")));
}

TEST(StagedFileKillTest, FolderThatCannotBeSyncedTakesBothBack) {
  const Probe probe;
  const Left left = probe.Run(absl::StrCat("-P ", probe.folder(), " -e inject=fsync:error=EIO"));
  EXPECT_THAT(left.output,
              HasSubstr(absl::StrCat("cannot sync '", probe.folder(), "' to disk: Input/output")));
  EXPECT_THAT(left.names, IsEmpty());
}

TEST(StagedFileKillTest, FileThatCannotBeSyncedIsNotPublished) {
  const Probe probe;
  const Left left = probe.Run("-e inject=fsync:error=EIO:when=2");
  EXPECT_THAT(left.output, HasSubstr("/request' to disk: Input/output error"));
  EXPECT_THAT(left.names, IsEmpty());
}

TEST(StagedFileKillTest, OneFolderIsSyncedOnce) {
  const Probe probe;
  ASSERT_TRUE(probe.Run("", "fsync").succeeded);
  const std::vector<std::string> trace = probe.Trace();
  const auto calls = std::count_if(trace.begin(), trace.end(), [](const std::string& line) {
    return absl::StrContains(line, "fsync(");
  });
  EXPECT_EQ(calls, 3);  // two files and their folder
}

TEST(StagedFileKillTest, FileSystemWithoutUnnamedFilesGetsTemporaryNames) {
  for (const char* error : {"EOPNOTSUPP", "EISDIR", "EINVAL"}) {
    const Probe probe;
    const Left left = probe.Run(WithoutUnnamedFiles(error), "openat,renameat2");
    EXPECT_TRUE(left.succeeded) << left.output;
    EXPECT_EQ(left.names, kBoth);
    EXPECT_THAT(left.temporary_names, IsEmpty());
    const std::string trace = absl::StrJoin(probe.Trace(), "\n");
    EXPECT_THAT(trace, HasSubstr("O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600"));
    EXPECT_THAT(trace, HasSubstr("\"key\", RENAME_NOREPLACE) = 0"));
    EXPECT_EQ(ContentOf(probe.Path("key")), probe.Path("key"));
  }
}

TEST(StagedFileKillTest, AnyOtherErrorOfTheFolderIsSaid) {
  const Probe reference;
  ASSERT_TRUE(reference.Run("", "openat").succeeded);
  const Probe probe;
  const Left left = probe.Run(absl::StrCat("-e inject=openat:error=EDQUOT:when=",
                                           NumberOfCall(reference, "openat", "O_TMPFILE")));
  EXPECT_THAT(left.output, HasSubstr("/key': Disk quota exceeded"));
  EXPECT_THAT(left.names, IsEmpty());
}

TEST(StagedFileKillTest, FileSystemThatCannotRenameSafelyGetsLinks) {
  for (const char* error : {"EINVAL", "ENOSYS"}) {
    const Probe probe(Way::kTemporaryName);
    const Left left = probe.Run(absl::StrCat("-e inject=renameat2:error=", error));
    EXPECT_TRUE(left.succeeded) << left.output;
    EXPECT_EQ(left.names, kBoth);
    EXPECT_THAT(left.temporary_names, IsEmpty());
  }
}

TEST(StagedFileKillTest, FileSystemThatCanNeitherRenameSafelyNorLinkIsRefused) {
  for (const char* error : {"EPERM", "ENOSYS", "EOPNOTSUPP"}) {
    const Probe probe(Way::kTemporaryName);
    const Left left =
        probe.Run(absl::StrCat("-e inject=renameat2:error=EINVAL -e inject=linkat:error=", error));
    EXPECT_THAT(left.output, StartsWith("FAILED_PRECONDITION"));
    EXPECT_THAT(left.output, HasSubstr("its file system can neither rename without overwriting "
                                       "nor link; choose another place"));
    EXPECT_THAT(left.names, IsEmpty());
    EXPECT_THAT(left.temporary_names, IsEmpty());
  }
}

TEST(StagedFileKillTest, FileSystemThatKeepsNoModesMayGiveLess) {
  const Probe probe;
  const Left left = probe.Run("-e inject=fchmod:error=EPERM");
  EXPECT_TRUE(left.succeeded) << left.output;
  struct stat status = {};
  ASSERT_EQ(stat(probe.Path("request").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0600u);  // instead of 0644
}

TEST(StagedFileKillTest, FileSystemThatGivesOthersMoreIsRefused) {
  const Probe reference;
  ASSERT_TRUE(reference.Run("", "fchmod,newfstatat").succeeded);
  int number = 1;  // of the fstat that follows fchmod
  for (const std::string& line : reference.Trace()) {
    if (absl::StrContains(line, "fchmod(")) break;
    ++number;
  }
  const Probe probe;
  // st_mode is behind 24 bytes: S_IFREG and 0755, as vfat shows without umask=.
  const Left left = probe.Run(absl::StrCat(
      "-e inject=fchmod:error=EPERM -e inject=newfstatat:poke_exit=@arg3=", std::string(48, '0'),
      "ed810000:when=", number));
  EXPECT_THAT(left.output,
              HasSubstr("/key' would have the mode 755 instead of 600: its file system keeps no "
                        "modes; mount that with umask=077, or choose another place"));
  EXPECT_THAT(left.names, IsEmpty());
}

TEST(StagedFileKillTest, AnyOtherErrorOfTheModeIsSaid) {
  const Probe probe;
  const Left left = probe.Run("-e inject=fchmod:error=EIO");
  EXPECT_THAT(left.output, HasSubstr("cannot set the mode of"));
  EXPECT_THAT(left.names, IsEmpty());
}

TEST(StagedFileKillTest, WithoutAChildProcessNothingIsPublished) {
  const struct {
    const char* fault;
    const char* message;
  } rows[] = {{"pipe2:error=EMFILE", "cannot make a pipe: Too many open files"},
              {"clone:error=EAGAIN", "cannot start a child process"}};
  for (const auto& row : rows) {
    const Probe probe;
    const Left left = probe.Run(absl::StrCat("-e inject=", row.fault));
    EXPECT_THAT(left.output, HasSubstr(row.message));
    EXPECT_FALSE(left.succeeded);
    EXPECT_THAT(left.names, IsEmpty());
  }
}

}  // namespace
}  // namespace jet::base

// What a run needs of memory does not grow with the number of files: at most 32 MB for a million
// names, and 16 bytes for each inode that has several names, twice, as the table of them is never
// full.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/base/child.h"
#include "tests/cli/program.h"

namespace jet::test {
namespace {

constexpr int kFolders = 1000;
constexpr int kNamesPerFolder = 1000;
constexpr size_t kMost = 32 << 20;
constexpr size_t kMostPerInode = 2 * 16;

// In memory: a disk would take minutes.
class MemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(IsRoot()) << kNeedsRoot;
    EnterPrivateMounts();
    ASSERT_EQ(mount("jet-test", scratch_.path().c_str(), "tmpfs", 0, nullptr), 0);
  }
  void TearDown() override { (void)umount2(scratch_.path().c_str(), MNT_DETACH); }

  // Makes a million names of as many inodes as there are when each has `links` names in its folder.
  void MakeNames(int links) const {
    for (int folder = 0; folder < kFolders; ++folder) {
      const std::string path = absl::StrCat(scratch_.path(), "/", folder);
      ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
      std::string first;
      for (int i = 0; i < kNamesPerFolder; ++i) {
        const std::string name = absl::StrCat(path, "/", i);
        if (i % links != 0) {
          ASSERT_EQ(link(first.c_str(), name.c_str()), 0);
          continue;
        }
        first = name;
        ASSERT_EQ(mknod(name.c_str(), S_IFREG | 0600, 0), 0);
      }
    }
  }

  // Runs jet and returns how many bytes of memory it had at most; what it printed is in `out`.
  size_t PeakOf(std::vector<std::string> arguments, std::string& out) const {
    int output[2] = {};
    EXPECT_EQ(pipe(output), 0);
    const pid_t child = fork();
    if (child == 0) {
      SetEnvironment(scratch_.path());
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      (void)dup2(output[1], STDOUT_FILENO);
      execv(JET_BINARY, argv.data());
      _exit(127);
    }
    (void)close(output[1]);
    char last[256] = {};
    ssize_t count = 0;
    while ((count = read(output[0], last, sizeof(last))) > 0) {
      out.append(last, static_cast<size_t>(count));
    }
    (void)close(output[0]);
    rusage used = {};
    int status = 0;
    EXPECT_EQ(wait4(child, &status, 0, &used), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << out;
    RecordProperty("peak_kilobytes", absl::StrCat(used.ru_maxrss));
    return static_cast<size_t>(used.ru_maxrss) * 1024;
  }

  const Scratch scratch_;
};

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kMeasures = false;  // the sanitizer needs memory of its own
#else
constexpr bool kMeasures = true;
#endif

void ExpectAtMost(size_t peak, size_t most) {
  if (!kMeasures) return;
  EXPECT_LE(peak, most);
}

TEST_F(MemoryTest, AMillionFilesTakeNoMoreThanAFew) {
  MakeNames(/*links=*/1);
  std::string out;
  const size_t peak =
      PeakOf({"jet-sign", "--strip", "--dry-run", "-r", scratch_.path(), "--any-file"}, out);
  EXPECT_EQ(out, "would strip 0, without signature 1000000, skipped 0, failed 0\n");
  ExpectAtMost(peak, kMost);
}

TEST_F(MemoryTest, OnlyInodesWithSeveralNamesAreRemembered) {
  for (const int links : {2, 1000}) {
    SCOPED_TRACE(links);
    MakeNames(links);
    const size_t inodes = size_t{kFolders} * kNamesPerFolder / static_cast<size_t>(links);
    std::string out;
    const size_t peak =
        PeakOf({"jet-sign", "--strip", "--dry-run", "-r", scratch_.path(), "--any-file"}, out);
    const size_t others = 1000000 - inodes;
    EXPECT_EQ(out, absl::StrCat("would strip 0, without signature ", inodes, ", skipped ", others,
                                " (", others, " another name of a file already met), failed 0\n"));
    ExpectAtMost(peak, kMost + kMostPerInode * inodes);
    TearDown();
    SetUp();
  }
}

// On tmpfs a hole takes no memory either.
TEST_F(MemoryTest, AFileOfAHundredGigabytesTakesNoMoreThanASmallOne) {
  const Ran made = RunScript(scratch_.path(),
                             "jet-keystore generate --key-name k --key-type ec:p256 --keyring none "
                             "--quiet && cp /bin/true f && truncate -s 100G f");
  ASSERT_EQ(made.status, 0) << made.err;
  const std::string file = absl::StrCat(scratch_.path(), "/f");
  std::string out;
  ExpectAtMost(PeakOf({"jet-sign", file, "--key", "k"}, out), kMost);
  EXPECT_EQ(out, absl::StrCat(file, ": signed (key k, sha256)\n",
                              "signed 1, already valid 0, kept 0, skipped 0, failed 0\n"));
  out.clear();
  ExpectAtMost(PeakOf({"jet-appraise", file}, out), kMost);
  EXPECT_EQ(out, absl::StrCat(file, ": valid (key k, sha256)\n",
                              "judged 1, valid 1, skipped 0, failed 0\n"));
}

}  // namespace
}  // namespace jet::test

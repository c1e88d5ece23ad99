// Nothing that changes while it is signed ever carries a signature over other bytes, and nothing
// outside of the tree is signed. Each change is tried against evmctl first: where that makes no
// wrong signature, nothing raced, and what jet did proves nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/unique_fd.h"
#include "base/xattr.h"
#include "tests/base/child.h"
#include "tests/race/race_site.h"
#include "tests/status_matchers.h"

namespace jet::test {
namespace {

namespace fs = std::filesystem;

constexpr int kRunsOfJet = 10;
constexpr int kMostRuns = 200;  // until a race is seen

void Add(RaceCount& sum, const RaceCount& count) {
  sum.runs += count.runs;
  sum.changes += count.changes;
  sum.signed_ += count.signed_;
  sum.wrong += count.wrong;
  sum.detections += count.detections;
}

// The open file, when it has no signature yet; nobody here changes one that has. Opening waits for
// the lease of a signer, as every writer does.
absl::optional<base::UniqueFd> OpenUnsigned(const std::string& path, int flags) {
  base::UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return absl::nullopt;
  const auto value = base::GetXattr(fd.get(), base::kSecurityIma);
  if (!value.ok() || value->has_value()) return absl::nullopt;
  return fd;
}

bool IsUnsigned(int fd) {
  const auto value = base::GetXattr(fd, base::kSecurityIma);
  return value.ok() && !value->has_value();
}

// A place in the file behind its header, another one each time.
off_t Place() {
  static int count = 0;
  return 4096 + (++count * 7919) % 900000;
}

bool Truncate(const std::string& path) {
  const auto fd = OpenUnsigned(path, O_WRONLY);
  struct stat status = {};
  return fd.has_value() && fstat(fd->get(), &status) == 0 && status.st_size > 500000 &&
         ftruncate(fd->get(), status.st_size - 1) == 0;
}

bool RewriteAndRestoreTimes(const std::string& path) {
  struct stat before = {};
  if (lstat(path.c_str(), &before) != 0) return false;
  const auto fd = OpenUnsigned(path, O_RDWR);
  if (!fd.has_value()) return false;
  const off_t place = Place();
  char byte = 0;
  if (pread(fd->get(), &byte, 1, place) != 1) return false;
  ++byte;
  const timespec times[] = {before.st_atim, before.st_mtim};
  return pwrite(fd->get(), &byte, 1, place) == 1 && futimens(fd->get(), times) == 0;
}

// The file is closed before the stores, and the mapping lives on for a while.
bool WriteThroughSharedMapping(const std::string& path) {
  auto fd = OpenUnsigned(path, O_RDWR);
  if (!fd.has_value()) return false;
  constexpr size_t kSize = 500000;
  struct stat status = {};
  if (fstat(fd->get(), &status) != 0 || static_cast<size_t>(status.st_size) < kSize) return false;
  void* const mapped = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(), 0);
  if (mapped == MAP_FAILED) return false;
  fd.reset();
  const base::UniqueFd reader(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  bool changed = false;
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    if (!reader.valid() || !IsUnsigned(reader.get())) break;
    ++static_cast<char*>(mapped)[4096 + i];
    changed = true;
  }
  (void)munmap(mapped, kSize);
  return changed;
}

// Tries `change` against both signers, and prints the figures.
void Try(
    const std::string& name, RaceSite& site, const RaceSite::Change& change,
    const std::function<void()>& prepare = [] {}) {
  RaceCount evmctl;
  while (evmctl.wrong == 0 && evmctl.runs < kMostRuns) {
    site.Reset();
    prepare();
    Add(evmctl, site.SignWithEvmctl(change));
  }
  RaceCount jet;
  while (jet.runs < kRunsOfJet || (jet.detections == 0 && jet.runs < kMostRuns)) {
    site.Reset();
    prepare();
    Add(jet, site.SignWithJet(change));
  }
  std::cout << "figures: " << name << ": races tried: " << jet.runs << " with " << jet.changes
            << " changes, files signed: " << jet.signed_ << ", changes detected: " << jet.detections
            << ", wrong signatures: " << jet.wrong << "; evmctl: " << evmctl.wrong << " wrong in "
            << evmctl.runs << " runs\n";
  EXPECT_EQ(jet.wrong, 0);
  EXPECT_GT(jet.signed_, 0) << "nothing was signed, so nothing could go wrong";
  EXPECT_GT(jet.detections, 0) << "jet-sign noticed nothing: there was no race";
  EXPECT_GT(evmctl.wrong, 0) << "evmctl made no wrong signature: there was no race";
}

class RaceTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(IsRoot()) << kNeedsRoot; }

  RaceSite site_;
};

TEST_F(RaceTest, FileThatIsTruncated) { Try("truncated", site_, Truncate); }

TEST_F(RaceTest, FileThatIsRewrittenWithItsTimesRestored) {
  Try("rewritten, times restored", site_, RewriteAndRestoreTimes);
}

TEST_F(RaceTest, FileThatIsWrittenThroughASharedMapping) {
  Try("shared mapping", site_, WriteThroughSharedMapping);
}

// Whoever had the file open before the signer came writes without asking anybody.
TEST_F(RaceTest, FileThatWasOpenForWritingBefore) {
  std::map<std::string, base::UniqueFd> held;
  const auto hold = [&] {
    held.clear();
    for (size_t i = 0; i < site_.files().size(); i += 3) {
      held[site_.files()[i]] = Open(site_.files()[i], O_RDWR);
    }
  };
  const auto write = [&](const std::string& path) {
    const auto found = held.find(path);
    if (found == held.end() || !IsUnsigned(found->second.get())) return false;
    return pwrite(found->second.get(), &path[path.size() - 1], 1, Place()) == 1;
  };
  Try("open for writing before", site_, write, hold);
}

// The names of many files lead out of the tree for a moment: between two files a signer is too
// quick to be met by a change of one. A name is exchanged in one step, so it is never missing.
TEST_F(RaceTest, FileThatIsReplacedByALink) {
  const auto link_of = [this](const std::string& path) {
    return site_.Path(absl::StrCat("links", path.substr(site_.tree().size())));
  };
  const auto make_links = [&] {
    fs::remove_all(site_.Path("links"));
    for (const std::string& path : site_.files()) {
      fs::create_directories(fs::path(link_of(path)).parent_path());
      fs::create_symlink(absl::StrCat(site_.outside(), path.substr(site_.tree().size())),
                         link_of(path));
    }
  };
  const auto exchange = [&] {
    bool exchanged = true;
    for (const std::string& path : site_.files()) {
      exchanged &=
          renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, link_of(path).c_str(), RENAME_EXCHANGE) == 0;
    }
    return exchanged;
  };
  const auto replace = [&](const std::string&) {
    if (!exchange()) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    return exchange();
  };
  Try("replaced by a link", site_, replace, make_links);
}

// A folder leaves the tree while the signer is in it: its way back leads to the outside.
TEST_F(RaceTest, FolderThatIsMovedOut) {
  const auto move = [this](const std::string& path) {
    const std::string folder = fs::path(path).parent_path();
    const std::string moved = absl::StrCat(site_.outside(), "/moved");
    const std::string link = absl::StrCat(site_.outside(), folder.substr(site_.tree().size()));
    if (rename(folder.c_str(), moved.c_str()) != 0) return false;
    const bool linked = symlink(link.c_str(), folder.c_str()) == 0;
    std::this_thread::sleep_for(std::chrono::microseconds(500));
    if (linked) (void)unlink(folder.c_str());
    return rename(moved.c_str(), folder.c_str()) == 0 && linked;
  };
  Try("folder moved out", site_, move);
}

// More names for what is being signed: each file is signed once, and rightly.
TEST_F(RaceTest, HardLinksThatAppear) {
  RaceCount sum;
  for (int run = 0; run < kRunsOfJet; ++run) {
    site_.Reset();
    int links = 0;
    Add(sum, site_.SignWithJet([this, &links](const std::string& path) {
      const std::string name =
          absl::StrCat(site_.FolderOf(links % RaceSite::kFolders), "/l", links);
      ++links;
      return link(path.c_str(), name.c_str()) == 0;
    }));
    for (const std::string& path : site_.files()) {
      const base::UniqueFd fd = Open(path, O_RDONLY);
      EXPECT_FALSE(IsUnsigned(fd.get())) << path;
    }
  }
  std::cout << "figures: hard links: races tried: " << sum.runs << " with " << sum.changes
            << " changes, wrong signatures: " << sum.wrong << "\n";
  EXPECT_GT(sum.changes, 0);
  EXPECT_EQ(sum.wrong, 0);
  EXPECT_EQ(sum.detections, 0);
}

}  // namespace
}  // namespace jet::test

// A tree of programs that a signer signs while somebody else changes it.
#ifndef JET_TESTS_RACE_RACE_SITE_H_
#define JET_TESTS_RACE_RACE_SITE_H_

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "appraise/trust_set.h"
#include "tests/base/scratch_folder.h"

namespace jet::test {

// What one run of a signer, or several, came to.
struct RaceCount {
  int runs = 0;
  int changes = 0;     // that were made while the signer ran
  int signed_ = 0;     // files that carry a signature afterwards
  int wrong = 0;       // of these, and of those outside: signatures that ought not to be there
  int detections = 0;  // files that the signer says it could not sign
};

// The folders `tree`, which is signed, and `outside`, which never is. Each has folders d0, d1, ...
// of the same names with files of the same names.
class RaceSite {
 public:
  RaceSite();

  static constexpr int kFolders = 4;
  static constexpr int kFilesPerFolder = 6;

  // Makes both folders anew.
  void Reset();

  std::string tree() const { return folder_.Path("tree"); }
  std::string outside() const { return folder_.Path("outside"); }
  std::string Path(const std::string& name) const { return folder_.Path(name); }
  std::string FolderOf(int folder) const;
  // Paths of all files of the tree.
  const std::vector<std::string>& files() const { return files_; }

  // Signs the tree with jet-sign or evmctl while `change` is called again and again, each time with
  // a file of the tree, at random; it returns whether it changed anything. Returns what came of it.
  using Change = std::function<bool(const std::string& path)>;
  RaceCount SignWithJet(const Change& change);
  RaceCount SignWithEvmctl(const Change& change);

 private:
  RaceCount Race(const std::vector<std::string>& command, const Change& change);
  void Judge(RaceCount& count) const;

  ScratchFolder folder_;
  std::vector<std::string> files_;
  std::unique_ptr<appraise::TrustSet> trust_;
  std::mt19937 random_;
};

}  // namespace jet::test

#endif  // JET_TESTS_RACE_RACE_SITE_H_

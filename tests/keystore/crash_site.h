// A place where commands that change a keystore can be run again and again, and the question
// whether what one left is a keystore.
#ifndef JET_TESTS_KEYSTORE_CRASH_SITE_H_
#define JET_TESTS_KEYSTORE_CRASH_SITE_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ima/keyring.h"
#include "tests/base/scratch_folder.h"
#include "tests/keystore/crash_scenarios.h"

namespace jet::keystore {

// How a run ended, as far as that limits what may be in the store.
enum class Ending { kKilled, kFailed, kSucceeded };

// A folder with a keystore and a kernel keyring of its own. Used by one thread.
class CrashSite {
 public:
  explicit CrashSite(const Scenarios& scenarios);

  // Makes the keystore and the ring what they are before `scenario`.
  void Reset(const Scenario& scenario) const;

  // The command line of `scenario` here.
  std::vector<std::string> CommandLine(const Scenario& scenario) const;

  // Returns what is wrong with keystore, ring and peer after a run of `scenario`; empty when all is
  // well. Leaves them as somebody does who goes on with what was cut off.
  std::string Examine(const Scenario& scenario, Ending ending) const;

  // The same for the keystore alone, in `place`, which is like parent().
  static std::string ExamineStore(const std::string& place, const Scenario& scenario,
                                  Ending ending);

  std::string store() const { return absl::StrCat(parent(), "/", kNearStore); }
  std::string parent() const { return folder_.Path("site"); }
  std::string scratch() const { return folder_.path(); }

 private:
  std::string Here(const std::string& text) const;
  std::string ExamineRing() const;
  std::string ExamineFar(const Scenario& scenario, Ending ending) const;
  std::string SyncAgain(const Scenario& scenario) const;

  const Scenarios& scenarios_;
  test::ScratchFolder folder_;
  ima::Keyring ring_;
};

// Gives this process, and what it starts from now on, a session keyring of its own.
void EnterOwnSessionKeyring();

}  // namespace jet::keystore

#endif  // JET_TESTS_KEYSTORE_CRASH_SITE_H_

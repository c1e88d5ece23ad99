// Commands that change a keystore, a place where each can be run again and again, and the question
// whether what it left is a keystore.
#ifndef JET_TESTS_KEYSTORE_CRASH_SITE_H_
#define JET_TESTS_KEYSTORE_CRASH_SITE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "ima/keyring.h"
#include "keystore/keystore.h"
#include "pki/certificate.h"
#include "tests/base/scratch_folder.h"

namespace jet::keystore {

// The keys of a store: the fingerprint of each one's certificate, or "any".
using StoreState = std::map<std::string, std::string>;
inline constexpr char kAnyCertificate[] = "any";

// A command, and the keystore before and after it.
struct Scenario {
  std::string name;
  std::vector<std::string> arguments;  // after "jet keystore"
  StoreState before;                   // empty: there is no keystore yet
  StoreState after;
};

// How a run ended, as far as that limits what may be in the store.
enum class Ending { kKilled, kFailed, kSucceeded };

// Makes the files that the scenarios need and a keystore to start from. A new command that changes
// keystores gets a row here.
class Scenarios {
 public:
  Scenarios();

  const std::vector<Scenario>& all() const { return all_; }
  const Scenario& Named(const std::string& name) const;
  // The keystore that all scenarios but the first start from, and its certificates.
  const std::string& store() const { return store_; }
  const std::vector<pki::Certificate>& certificates() const { return certificates_; }

 private:
  test::ScratchFolder folder_;
  std::string store_ = folder_.Path("keystore");
  std::vector<pki::Certificate> certificates_;
  std::vector<Scenario> all_;
};

// A folder with a keystore and a kernel keyring of its own. Used by one thread.
class CrashSite {
 public:
  explicit CrashSite(const Scenarios& scenarios);

  // Makes the keystore and the ring what they are before `scenario`.
  void Reset(const Scenario& scenario) const;

  // The command line of `scenario` here.
  std::vector<std::string> CommandLine(const Scenario& scenario) const;

  // Returns what is wrong with keystore and ring after a run of `scenario`; empty when all is well.
  std::string Examine(const Scenario& scenario, Ending ending) const;

  // The same for the keystore alone, at `store`.
  static std::string ExamineStore(const std::string& store, const Scenario& scenario,
                                  Ending ending);

  std::string store() const { return folder_.Path("site/keystore"); }
  std::string parent() const { return folder_.Path("site"); }
  std::string scratch() const { return folder_.path(); }

 private:
  std::string ExamineRing() const;

  const Scenarios& scenarios_;
  test::ScratchFolder folder_;
  ima::Keyring ring_;
};

// Gives this process, and what it starts from now on, a session keyring of its own.
void EnterOwnSessionKeyring();

}  // namespace jet::keystore

#endif  // JET_TESTS_KEYSTORE_CRASH_SITE_H_

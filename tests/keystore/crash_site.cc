#include "tests/keystore/crash_site.h"

#include <keyutils.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <stdexcept>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "crypto/secret.h"
#include "ima/mirror.h"
#include "keystore/keystore.h"
#include "keystore/verify.h"
#include "tests/keystore/fixture.h"
#include "tests/keystore/traced_run.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using test::ValueOf;

std::string Print(const KeysByName& keys) {
  return absl::StrCat("{", absl::StrJoin(keys, ", ", absl::PairFormatter("=")), "}");
}

std::string Print(const StoreState& state) {
  return absl::StrCat(Print(state.keys), state.is_protected ? " protected" : "");
}

bool AreKeys(const KeysByName& found, const KeysByName& wanted) {
  return std::equal(found.begin(), found.end(), wanted.begin(), wanted.end(),
                    [](const auto& key, const auto& other) {
                      return key.first == other.first &&
                             (other.second == kAnyKey || key.second == other.second);
                    });
}

bool IsState(const StoreState& found, const StoreState& wanted) {
  return found.is_protected == wanted.is_protected && AreKeys(found.keys, wanted.keys);
}

KeysByName KeysOf(const KeyListing& listing) {
  KeysByName keys;
  for (const StoredKey& key : listing.keys) {
    keys[key.name] = Describe(key.certificate, key.has_private_key);
  }
  for (const WaitingKey& key : listing.waiting) keys[key.name] = kWaits;
  return keys;
}

// The keystore that is examined, and how its store key is opened.
struct Examined {
  std::string store;
  MasterKeyOptions store_key;
};

Examined NearStore(const std::string& place, const Scenario& scenario) {
  Examined examined = {absl::StrCat(place, "/", kNearStore), {}};
  if (scenario.store_key_elsewhere) {
    examined.store_key.file = absl::StrCat(place, "/", kStoreKeyElsewhere);
  }
  return examined;
}

MasterKeyOptions WithPassphrase(MasterKeyOptions options) {
  options.passphrase = []() -> absl::StatusOr<crypto::Secret> {
    return crypto::Secret::CopyOf(base::AsBytes(kPassphrase));
  };
  options.passphrase_given = true;
  return options;
}

// What `verify` finds fault with, but for what `allowed` says.
std::string Faults(const Examined& examined, const std::vector<CheckResult>& allowed) {
  const VerifyReport report = ValueOf(Verify(examined.store, examined.store_key, absl::Now()));
  std::string faults;
  for (const CheckedObject& object : report.objects) {
    if (object.result == CheckResult::kVerified) continue;
    if (std::find(allowed.begin(), allowed.end(), object.result) != allowed.end()) continue;
    absl::StrAppend(&faults, "verify: ", object.name, ": ", absl::StrJoin(object.problems, "; "),
                    "\n");
  }
  return faults;
}

// As the next reader finds it, who knows no passphrase: nothing is damaged.
std::string ExamineAsReader(const Examined& examined) {
  const Keystore reader =
      ValueOf(Keystore::Open(examined.store, Access::kRead, examined.store_key));
  const KeyListing listing = ValueOf(reader.List());
  std::string faults;
  for (const DamagedKey& key : listing.damaged) {
    absl::StrAppend(&faults, "a reader finds damage: ", key.error.ToString(), "\n");
  }
  std::vector<CheckResult> allowed = {CheckResult::kLeftOver};
  if (!listing.keys.empty() && ValueOf(reader.IsProtected())) {
    allowed.push_back(CheckResult::kUnchecked);
  }
  return absl::StrCat(faults, Faults(examined, allowed));
}

// Goes on with a rekey that has not ended. One that was reported as done has.
std::string FinishRekey(Keystore& writer, Ending ending) {
  if (!ValueOf(writer.HasUnfinishedRekey())) return "";
  if (ending == Ending::kSucceeded) return "a rekey that succeeded has not ended\n";
  const RekeyReport report = ValueOf(writer.Rekey());
  std::string faults;
  for (const DamagedKey& key : report.failed) {
    absl::StrAppend(&faults, "the rekey cannot go on: ", key.error.ToString(), "\n");
  }
  if (!report.resumed) faults += "the rekey did not go on with what had begun\n";
  if (ValueOf(writer.HasUnfinishedRekey())) faults += "the rekey does not end\n";
  return faults;
}

std::string OpenPrivateKeys(const Keystore& store, const KeyListing& listing) {
  std::string faults;
  for (const StoredKey& key : listing.keys) {
    if (!key.record_authenticated) {
      absl::StrAppend(&faults, "the record of ", key.name, " is not authenticated\n");
    }
    if (!key.has_private_key) continue;
    const absl::Status opened = store.OpenPrivateKey(key.name).status();
    if (!opened.ok()) {
      absl::StrAppend(&faults, "the private key of ", key.name, ": ", opened.ToString(), "\n");
    }
  }
  return faults;
}

// Returns the state that a writer finds, and adds to `faults`.
StoreState FindAsWriter(const Examined& examined, Ending ending, std::string& faults) {
  Keystore writer = ValueOf(Keystore::Open(examined.store, Access::kWrite, examined.store_key));
  // Before and after a rekey has been gone on with.
  faults += OpenPrivateKeys(writer, ValueOf(writer.List()));
  faults += FinishRekey(writer, ending);
  const KeyListing listing = ValueOf(writer.List());
  faults += OpenPrivateKeys(writer, listing);
  return {KeysOf(listing), !listing.keys.empty() && ValueOf(writer.IsProtected())};
}

// As the next writer finds it: the state before or after.
std::string ExamineAsWriter(Examined examined, const Scenario& scenario, Ending ending) {
  examined.store_key = WithPassphrase(examined.store_key);
  std::string faults;
  const StoreState found = FindAsWriter(examined, ending, faults);
  const bool good = IsState(found, scenario.after) ||
                    (ending != Ending::kSucceeded && IsState(found, scenario.before));
  if (!good) {
    absl::StrAppend(&faults, "a writer finds ", Print(found), ", wanted ", Print(scenario.before),
                    " or ", Print(scenario.after), "\n");
  }
  return absl::StrCat(faults, Faults(examined, {}));
}

// In the session keyring, under a name of its own: one of the same name would take its place.
ima::Keyring MakeRing() {
  static std::atomic<int> count{0};
  const std::string name = absl::StrCat("jet crash test ", count++);
  const key_serial_t serial =
      add_key("keyring", name.c_str(), nullptr, 0, KEY_SPEC_SESSION_KEYRING);
  if (serial < 0) throw std::runtime_error("cannot make a keyring");
  return {serial, absl::StrCat(serial), /*trusted=*/false};
}

}  // namespace

void EnterOwnSessionKeyring() {
  if (keyctl_join_session_keyring(nullptr) < 0) throw std::runtime_error("no session keyring");
}

CrashSite::CrashSite(const Scenarios& scenarios) : scenarios_(scenarios), ring_(MakeRing()) {}

std::string CrashSite::Here(const std::string& text) const {
  return absl::StrReplaceAll(text, {{kPlace, parent()}, {kRing, ring_.name()}});
}

void CrashSite::Reset(const Scenario& scenario) const {
  std::filesystem::remove_all(parent());
  if (keyctl_clear(ring_.serial()) != 0) throw std::runtime_error("cannot clear the ring");
  std::filesystem::copy(scenarios_.StartOf(scenario), parent(),
                        std::filesystem::copy_options::recursive);
  if (!scenario.configuration.empty()) {
    (void)folder_.Write("site/near.toml", Here(scenario.configuration));
  }
  if (scenario.before.keys.empty()) return;
  for (const pki::Certificate& certificate : scenarios_.certificates()) {
    (void)ValueOf(ring_.Add(certificate));
  }
}

std::vector<std::string> CrashSite::CommandLine(const Scenario& scenario) const {
  std::vector<std::string> arguments;
  for (const std::string& argument : scenario.arguments) arguments.push_back(Here(argument));
  arguments.insert(arguments.end(), {"--keystore", store()});
  return arguments;
}

std::string CrashSite::ExamineRing() const {
  const absl::StatusOr<Keystore> reader = Keystore::Open(store(), Access::kRead);
  std::vector<StoredKey> keys;
  if (reader.ok()) keys = ValueOf(reader->List()).keys;
  std::string faults;
  for (const ima::KeyringMember& member : ValueOf(ring_.List())) {
    const bool stored = std::any_of(keys.begin(), keys.end(), [&member](const StoredKey& key) {
      return ima::HoldsKeyOf({member}, key.certificate);
    });
    if (!stored) absl::StrAppend(&faults, "only the ring holds ", member.description, "\n");
  }
  return faults;
}

std::string CrashSite::ExamineStore(const std::string& place, const Scenario& scenario,
                                    Ending ending) {
  const Examined examined = NearStore(place, scenario);
  const absl::Status opened =
      Keystore::Open(examined.store, Access::kRead, examined.store_key).status();
  if (absl::IsNotFound(opened) && scenario.before.keys.empty() && ending != Ending::kSucceeded) {
    return "";
  }
  const std::string as_reader = ExamineAsReader(examined);
  return absl::StrCat(as_reader, ExamineAsWriter(examined, scenario, ending));
}

// A peer was not cut off itself: it has all of a key or nothing, and what was cut off is made up
// for by the same command.
std::string CrashSite::ExamineFar(const Scenario& scenario, Ending ending) const {
  if (scenario.far_after.empty()) return "";
  const Examined far = {absl::StrCat(parent(), "/", kFarStore), {}};
  std::string faults = Faults(far, {});
  const KeysByName found =
      KeysOf(ValueOf(ValueOf(Keystore::Open(far.store, Access::kRead)).List()));
  if (!AreKeys(found, scenario.far_after) &&
      (ending == Ending::kSucceeded || !AreKeys(found, scenario.far_before))) {
    absl::StrAppend(&faults, "the peer has ", Print(found), "\n");
  }
  return absl::StrCat(faults, SyncAgain(scenario));
}

std::string CrashSite::SyncAgain(const Scenario& scenario) const {
  const TracedRun run = RunTraced({"-e", "trace=none"}, CommandLine(scenario), scratch());
  std::string faults;
  if (run.exit_status != 0) absl::StrAppend(&faults, "it cannot be run again: ", run.said, "\n");
  const KeysByName found = KeysOf(ValueOf(
      ValueOf(Keystore::Open(absl::StrCat(parent(), "/", kFarStore), Access::kRead)).List()));
  if (!AreKeys(found, scenario.far_after)) {
    absl::StrAppend(&faults, "run again, the peer has ", Print(found), "\n");
  }
  const std::string pending = absl::StrCat(store(), "/pending/", kFarStore);
  if (!Exists(pending)) return faults + "nothing was ever pending\n";
  for (const std::string& name : NamesIn(pending)) absl::StrAppend(&faults, name, " is pending\n");
  return faults;
}

std::string CrashSite::Examine(const Scenario& scenario, Ending ending) const {
  const std::string before = ExamineRing();
  const std::string stored = ExamineStore(parent(), scenario, ending);
  return absl::StrCat(before, stored, ExamineRing(), ExamineFar(scenario, ending));
}

}  // namespace jet::keystore

#include "tests/keystore/crash_site.h"

#include <keyutils.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <stdexcept>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "ima/mirror.h"
#include "keystore/verify.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using test::ValueOf;

void ThrowUnlessOk(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

std::string Print(const StoreState& state) {
  return absl::StrCat("{", absl::StrJoin(state, ", ", absl::PairFormatter("=")), "}");
}

bool IsState(const StoreState& found, const StoreState& wanted) {
  return std::equal(found.begin(), found.end(), wanted.begin(), wanted.end(),
                    [](const auto& key, const auto& other) {
                      return key.first == other.first &&
                             (other.second == kAnyCertificate || key.second == other.second);
                    });
}

StoreState StateOf(const KeyListing& listing) {
  StoreState state;
  for (const StoredKey& key : listing.keys) {
    state[key.name] = ValueOf(key.certificate.Fingerprint());
  }
  return state;
}

// What `verify` finds fault with; leftovers only where there must not be any.
std::string Faults(const std::string& store, bool leftovers_allowed) {
  const VerifyReport report = ValueOf(Verify(store, {}, absl::Now()));
  std::string faults;
  for (const CheckedObject& object : report.objects) {
    if (object.result == CheckResult::kVerified) continue;
    if (object.result == CheckResult::kLeftOver && leftovers_allowed) continue;
    absl::StrAppend(&faults, "verify: ", object.name, ": ", absl::StrJoin(object.problems, "; "),
                    "\n");
  }
  return faults;
}

// As the next reader finds it: nothing is damaged.
std::string ExamineAsReader(const std::string& store) {
  const Keystore reader = ValueOf(Keystore::Open(store, Access::kRead));
  const KeyListing listing = ValueOf(reader.List());
  std::string faults;
  for (const DamagedKey& key : listing.damaged) {
    absl::StrAppend(&faults, "a reader finds damage: ", key.error.ToString(), "\n");
  }
  return absl::StrCat(faults, Faults(store, /*leftovers_allowed=*/true));
}

// As the next writer finds it: the state before or after.
std::string ExamineAsWriter(const std::string& store, const Scenario& scenario, Ending ending) {
  StoreState found;
  {
    const Keystore writer = ValueOf(Keystore::Open(store, Access::kWrite));
    found = StateOf(ValueOf(writer.List()));
  }
  const bool good = IsState(found, scenario.after) ||
                    (ending != Ending::kSucceeded && IsState(found, scenario.before));
  std::string faults;
  if (!good) {
    faults = absl::StrCat("a writer finds ", Print(found), ", wanted ", Print(scenario.before),
                          " or ", Print(scenario.after), "\n");
  }
  return absl::StrCat(faults, Faults(store, /*leftovers_allowed=*/false));
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

Scenarios::Scenarios() {
  // Not every kernel takes EC certificates into a ring.
  const crypto::PrivateKey& signer = TestKey("rsa:2048", 0);
  certificates_ = {TestCertificate(signer, "signer"),
                   TestCertificate(TestKey("rsa:2048", 1), "verifier")};
  {
    Keystore store = ValueOf(Keystore::Open(store_, Access::kCreate));
    ThrowUnlessOk(store.Add({"signer", certificates_[0], &signer}, Agree).status());
    ThrowUnlessOk(store.Add({"verifier", certificates_[1]}, Agree).status());
  }
  const StoreState before = {{"signer", ValueOf(certificates_[0].Fingerprint())},
                             {"verifier", ValueOf(certificates_[1].Fingerprint())}};
  const auto with = [&before](const std::string& name, const std::string& fingerprint) {
    StoreState state = before;
    state[name] = fingerprint;
    return state;
  };
  const crypto::PrivateKey& other = TestKey("rsa:2048", 2);
  const pki::Certificate other_certificate = TestCertificate(other, "other");
  const std::string certificate = folder_.Write("other.der", other_certificate.der());
  const std::string private_key =
      folder_.Write("other.pem", ValueOf(other.UnencryptedPem()).Expose(), 0600);
  StoreState renamed = {{"renamed", before.at("signer")}, {"verifier", before.at("verifier")}};
  const std::vector<std::string> import = {"import",    "--key-name",    "new",      "--x509-cert",
                                           certificate, "--private-key", private_key};
  const std::string imported = ValueOf(other_certificate.Fingerprint());
  all_ = {
      {"first", import, {}, {{"new", imported}}},
      {"import", import, before, with("new", imported)},
      {"generate",
       {"generate", "--key-name", "new", "--key-type", "rsa:2048"},
       before,
       with("new", kAnyCertificate)},
      {"delete", {"delete", "signer", "--yes"}, before, {{"verifier", before.at("verifier")}}},
      {"rename", {"rename", "signer", "renamed"}, before, renamed},
  };
}

const Scenario& Scenarios::Named(const std::string& name) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&name](const Scenario& scenario) {
    return scenario.name == name;
  });
  if (found == all_.end()) throw std::runtime_error(absl::StrCat("no scenario ", name));
  return *found;
}

CrashSite::CrashSite(const Scenarios& scenarios) : scenarios_(scenarios), ring_(MakeRing()) {}

void CrashSite::Reset(const Scenario& scenario) const {
  std::filesystem::remove_all(parent());
  folder_.MakeFolder("site");
  if (keyctl_clear(ring_.serial()) != 0) throw std::runtime_error("cannot clear the ring");
  if (scenario.before.empty()) return;
  std::filesystem::copy(scenarios_.store(), store(), std::filesystem::copy_options::recursive);
  for (const pki::Certificate& certificate : scenarios_.certificates()) {
    (void)ValueOf(ring_.Add(certificate));
  }
}

std::vector<std::string> CrashSite::CommandLine(const Scenario& scenario) const {
  std::vector<std::string> arguments = scenario.arguments;
  arguments.insert(arguments.end(), {"--keystore", store()});
  if (arguments[0] != "rename") arguments.insert(arguments.end(), {"--keyring", ring_.name()});
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

std::string CrashSite::ExamineStore(const std::string& store, const Scenario& scenario,
                                    Ending ending) {
  const absl::Status opened = Keystore::Open(store, Access::kRead).status();
  if (absl::IsNotFound(opened) && scenario.before.empty() && ending != Ending::kSucceeded) {
    return "";
  }
  const std::string as_reader = ExamineAsReader(store);
  return absl::StrCat(as_reader, ExamineAsWriter(store, scenario, ending));
}

std::string CrashSite::Examine(const Scenario& scenario, Ending ending) const {
  const std::string before = ExamineRing();
  const std::string stored = ExamineStore(store(), scenario, ending);
  return absl::StrCat(before, stored, ExamineRing());
}

}  // namespace jet::keystore

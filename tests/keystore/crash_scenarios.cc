#include "tests/keystore/crash_scenarios.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "crypto/secret.h"
#include "crypto/signer.h"
#include "keystore/keystore.h"
#include "pki/request.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using test::ValueOf;

constexpr size_t kDefaultStride = 9;
constexpr size_t kDerivations = 6;  // the cost of a row with a passphrase

void ThrowUnlessOk(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

// Not every kernel takes EC certificates into a ring.
const crypto::PrivateKey& RsaKey(int number) { return TestKey("rsa:2048", number); }

void Rewrite(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  if (!file.flush()) throw std::runtime_error(path);
}

// Leaves what a rekey leaves that was killed after the first key: `unmoved` is under the old store
// key still.
void BeginRekey(const std::string& store, const std::string& unmoved) {
  const std::string record = absl::StrCat(store, "/keys/", unmoved, "/record.json");
  const std::string content = ContentOf(record);
  Rewrite(record, "damaged");
  const RekeyReport report = ValueOf(ValueOf(Keystore::Open(store, Access::kWrite)).Rekey());
  Rewrite(record, content);
  if (report.moved.size() != 1 || report.failed.size() != 1) {
    throw std::runtime_error("a rekey that was to stop half-way did not");
  }
}

void AddWaitingKey(Keystore& store) {
  const auto signer = ValueOf(crypto::MakeSigner(RsaKey(3).Share()));
  const pki::CertificateRequest request =
      ValueOf(pki::MakeRequest(*signer, {.organization = "JET", .common_name = "new"}));
  ThrowUnlessOk(store.AddWaiting({"new", request, RsaKey(3)}).status());
}

}  // namespace

size_t CrashStride() {
  const char* const stride = std::getenv("JET_CRASH_STRIDE");
  return stride == nullptr ? kDefaultStride : std::max(1UL, std::strtoul(stride, nullptr, 10));
}

std::string Describe(const pki::Certificate& certificate, bool has_private_key) {
  return absl::StrCat(ValueOf(certificate.Fingerprint()), has_private_key ? " private" : "");
}

Scenarios::Scenarios() {
  certificates_ = {TestCertificate(RsaKey(0), "signer"), TestCertificate(RsaKey(1), "verifier")};
  start_.keys = {{"signer", Describe(certificates_[0], true)},
                 {"verifier", Describe(certificates_[1], false)}};
  MakePlaces();
  MakePeers();
  AddOrdinaryRows();
  AddWaitingRows();
  AddStoreKeyRows();
  AddPeerRow();
}

std::string Scenarios::Place(const std::string& start, const std::string& name) const {
  return folder_.Path(absl::StrCat(start, "/", name));
}

std::string Scenarios::StartOf(const Scenario& scenario) const {
  return folder_.Path(scenario.start);
}

StoreState Scenarios::With(const std::string& name, const std::string& key) const {
  StoreState state = start_;
  state.keys[name] = key;
  return state;
}

const Scenario& Scenarios::Named(const std::string& name) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&name](const Scenario& scenario) {
    return scenario.name == name;
  });
  if (found == all_.end()) throw std::runtime_error(absl::StrCat("no scenario ", name));
  return *found;
}

void Scenarios::MakePlaces() const {
  folder_.MakeFolder("empty/token");
  for (const char* start : {"plain", "protected", "elsewhere", "begun", "peers", "waiting"}) {
    folder_.MakeFolder(absl::StrCat(start, "/token"));
    MasterKeyOptions options;
    if (std::string(start) == "elsewhere") options.file = Place(start, kStoreKeyElsewhere);
    Keystore store = ValueOf(Keystore::Open(Place(start, kNearStore), Access::kCreate, options));
    ThrowUnlessOk(store.Add({"signer", certificates_[0], &RsaKey(0)}, Agree).status());
    ThrowUnlessOk(store.Add({"verifier", certificates_[1]}, Agree).status());
    if (std::string(start) == "waiting") AddWaitingKey(store);
    ThrowUnlessOk(store.RememberMirrored(certificates_));
    if (std::string(start) == "protected") {
      ThrowUnlessOk(store.Protect(crypto::Secret::CopyOf(base::AsBytes(kPassphrase))));
    }
  }
  BeginRekey(Place("begun", kNearStore), "signer");
}

// A peer that is reached by an `ssh` which runs here what it was to run there: the program finds
// ssh by PATH. Only the near side is killed; the far side's own changes are other rows.
void Scenarios::MakePeers() const {
  Keystore far = ValueOf(Keystore::Open(Place("peers", kFarStore), Access::kCreate));
  ThrowUnlessOk(far.Add({"verifier", certificates_[1]}, Agree).status());
  static const std::string path = std::getenv("PATH");
  const std::string with_ssh =
      absl::StrCat(JET_SOURCE_DIR, "/tests/keystore/peer-here:",
                   std::filesystem::path(JET_BINARY).parent_path().string(), ":", path);
  if (setenv("PATH", with_ssh.c_str(), /*replace=*/1) != 0) throw std::runtime_error("setenv");
}

void Scenarios::AddOrdinaryRows() {
  const pki::Certificate other = TestCertificate(RsaKey(2), "other");
  const std::vector<std::string> import = {
      "import",
      "--key-name",
      "new",
      "--keyring",
      kRing,
      "--x509-cert",
      folder_.Write("other.der", other.der()),
      "--private-key",
      folder_.Write("other.pem", ValueOf(RsaKey(2).UnencryptedPem()).Expose(), 0600)};
  const std::string imported = Describe(other, true);
  std::vector<std::string> import_elsewhere = import;
  import_elsewhere.insert(import_elsewhere.end(),
                          {"--master-key-file", absl::StrCat(kPlace, "/", kStoreKeyElsewhere)});
  StoreState renamed = With("renamed", start_.keys.at("signer"));
  renamed.keys.erase("signer");
  StoreState deleted = start_;
  deleted.keys.erase("signer");
  all_.insert(
      all_.end(),
      {{"first", import, {}, {{{"new", imported}}}, "empty"},
       {"first, store key elsewhere",
        import_elsewhere,
        {},
        {{{"new", imported}}},
        "empty",
        /*store_key_elsewhere=*/true},
       {"import", import, start_, With("new", imported)},
       {"import, store key elsewhere", import_elsewhere, start_, With("new", imported), "elsewhere",
        /*store_key_elsewhere=*/true},
       {"generate",
        {"generate", "--key-name", "new", "--key-type", "rsa:2048", "--keyring", kRing},
        start_,
        With("new", kAnyKey)},
       {"delete", {"delete", "signer", "--yes", "--keyring", kRing}, start_, deleted},
       {"rename", {"rename", "signer", "renamed"}, start_, renamed}});
}

void Scenarios::AddWaitingRows() {
  const pki::Certificate answer = TestCertificate(RsaKey(3), "new");
  const StoreState waiting = With("new", kWaits);
  const StoreState renamed = With("renamed", kWaits);
  all_.insert(all_.end(),
              {{"request",
                {"generate", "--key-name", "new", "--key-type", "rsa:2048", "--request",
                 absl::StrCat(kPlace, "/new.req")},
                start_,
                waiting},
               {"join",
                {"import", "--key-name", "new", "--keyring", kRing, "--x509-cert",
                 folder_.Write("answer.der", answer.der())},
                waiting,
                With("new", Describe(answer, true)),
                "waiting"},
               {"rename, waiting", {"rename", "new", "renamed"}, waiting, renamed, "waiting"},
               {"rekey, one key waits", {"rekey"}, waiting, waiting, "waiting"}});
}

void Scenarios::AddStoreKeyRows() {
  const std::string passphrase = folder_.Write("passphrase", kPassphrase, 0600);
  const StoreState guarded = {start_.keys, true};
  all_.insert(all_.end(),
              {{"rekey", {"rekey"}, start_, start_},
               {"rekey, gone on with", {"rekey"}, start_, start_, "begun"},
               {"rekey, store key elsewhere",
                {"rekey", "--master-key-file", absl::StrCat(kPlace, "/", kStoreKeyElsewhere)},
                start_,
                start_,
                "elsewhere",
                /*store_key_elsewhere=*/true},
               {"protect", {"protect", "--new-store-passphrase-file", passphrase}, start_, guarded},
               {"unprotect",
                {"unprotect", "--store-passphrase-file", passphrase},
                guarded,
                start_,
                "protected"}});
  if (CrashStride() == 1) {  // Several derivations in each run: too long for every day.
    Scenario rekey = {"rekey, protected",
                      {"rekey", "--store-passphrase-file", passphrase},
                      guarded,
                      guarded,
                      "protected"};
    rekey.least_stride = 8;
    all_.push_back(std::move(rekey));
  }
  for (Scenario& scenario : all_) {
    if (scenario.before.is_protected || scenario.after.is_protected) scenario.cost = kDerivations;
  }
}

void Scenarios::AddPeerRow() {
  Scenario sync = {"sync",
                   {"sync", "--with-private-key", "--config", absl::StrCat(kPlace, "/near.toml")},
                   start_,
                   start_,
                   "peers"};
  sync.configuration = absl::StrCat(
      "[[peers]]\nname = \"near\"\n[[peers]]\nname = \"far\"\ndestination = \"far\"\nkeystore = \"",
      kPlace, "/", kFarStore, "\"\n");
  sync.far_after = start_.keys;
  sync.far_before = start_.keys;
  sync.far_before.erase("signer");
  all_.push_back(std::move(sync));
}

}  // namespace jet::keystore

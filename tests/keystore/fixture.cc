#include "tests/keystore/fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "crypto/key_type.h"
#include "pki/issue.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using test::ValueOf;

constexpr size_t kMaxTestFile = 1 << 20;

void ThrowIf(bool failed, const std::string& what) {
  if (failed) throw std::system_error(errno, std::generic_category(), what);
}

void ThrowUnlessOk(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

}  // namespace

const crypto::PrivateKey& TestKey(const std::string& type, int number) {
  static std::map<std::pair<std::string, int>, crypto::PrivateKey> keys;
  const auto slot = std::make_pair(type, number);
  auto found = keys.find(slot);
  if (found == keys.end()) {
    const crypto::KeyType parsed = ValueOf(crypto::ParseSigningKeyType(type));
    found = keys.emplace(slot, ValueOf(crypto::PrivateKey::Generate(parsed))).first;
  }
  return found->second;
}

pki::Certificate TestCertificate(const crypto::PrivateKey& key, const std::string& common_name) {
  const absl::Time now = absl::Now();
  return ValueOf(pki::IssueSelfSigned(key, {.organization = "JET", .common_name = common_name},
                                      {now - absl::Hours(1), now + absl::Hours(24 * 365)}));
}

absl::Status Agree(const StoredKey& /*key*/) { return absl::OkStatus(); }

absl::Status Refuse(const StoredKey& /*key*/) { return absl::UnavailableError("the ring is full"); }

std::string ContentOf(const std::string& path) {
  return std::string(base::AsText(ValueOf(base::ReadFile(path, kMaxTestFile))));
}

mode_t ModeOf(const std::string& path) {
  struct stat status = {};
  ThrowIf(lstat(path.c_str(), &status) != 0, path);
  return status.st_mode & 07777U;
}

bool Exists(const std::string& path) {
  struct stat status = {};
  return lstat(path.c_str(), &status) == 0;
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

void GiveAllTo(const std::string& path, uid_t id) {
  ThrowIf(lchown(path.c_str(), id, id) != 0, path);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    ThrowIf(lchown(entry.path().c_str(), id, id) != 0, entry.path());
  }
}

std::string KeystoreTest::InStore(absl::string_view name) const {
  return absl::StrCat(store_, "/", name);
}

Keystore KeystoreTest::OpenStore(Access access) const {
  return ValueOf(Keystore::Open(store_, access));
}

void KeystoreTest::AddKey(const std::string& name, const crypto::PrivateKey& key,
                          KeyOrigin origin) const {
  Keystore store = OpenStore(Access::kCreate);
  ThrowUnlessOk(store.Add({name, TestCertificate(key, name), &key, origin}, Agree).status());
}

void KeystoreTest::AddCertificate(const std::string& name,
                                  const pki::Certificate& certificate) const {
  Keystore store = OpenStore(Access::kCreate);
  ThrowUnlessOk(store.Add({name, certificate}, Agree).status());
}

void KeystoreTest::Rewrite(absl::string_view name, absl::string_view content) const {
  const std::string path = InStore(name);
  folder_.Write(absl::StrCat("keystore/", name), content, ModeOf(path));
}

std::vector<std::string> KeystoreTest::KeyNames() const {
  std::vector<std::string> names;
  const KeyListing listing = ValueOf(OpenStore(Access::kRead).List());
  for (const StoredKey& key : listing.keys) names.push_back(key.name);
  return names;
}

std::vector<std::string> KeystoreTest::DamagedNames() const {
  std::vector<std::string> names;
  const KeyListing listing = ValueOf(OpenStore(Access::kRead).List());
  for (const DamagedKey& key : listing.damaged) names.push_back(key.name);
  return names;
}

}  // namespace jet::keystore

// What the tests of the keystore share: keys, certificates, and a store to break.
#ifndef JET_TESTS_KEYSTORE_FIXTURE_H_
#define JET_TESTS_KEYSTORE_FIXTURE_H_

#include <gtest/gtest.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "crypto/private_key.h"
#include "keystore/keystore.h"
#include "pki/certificate.h"
#include "tests/base/scratch_folder.h"

namespace jet::keystore {

// Returns a key of `type` that is the same for the whole process for the same `number`.
const crypto::PrivateKey& TestKey(const std::string& type = "ec:p256", int number = 0);

// Returns a certificate for `key` by the key itself, valid for a year.
pki::Certificate TestCertificate(const crypto::PrivateKey& key, const std::string& common_name);

// Steps for Add and Remove.
absl::Status Agree(const StoredKey& key);
absl::Status Refuse(const StoredKey& key);  // UNAVAILABLE, "the ring is full"

// The content, the permission bits and the names of what is on disk. They throw on failure.
std::string ContentOf(const std::string& path);
mode_t ModeOf(const std::string& path);
bool Exists(const std::string& path);
std::vector<std::string> NamesIn(const std::string& folder);

// Gives `path` and all below it to the user `id`; throws on failure.
void GiveAllTo(const std::string& path, uid_t id);

// A store path in a folder of the test's own; there is no store yet.
class KeystoreTest : public ::testing::Test {
 protected:
  // Returns the path of something in the store.
  std::string InStore(absl::string_view name) const;

  // Opens the store, which must succeed.
  Keystore OpenStore(Access access) const;

  // Makes the store if need be and adds the key, which must succeed.
  void AddKey(const std::string& name, const crypto::PrivateKey& key,
              KeyOrigin origin = KeyOrigin::kGenerated) const;
  void AddCertificate(const std::string& name, const pki::Certificate& certificate) const;

  // Replaces a file of the store, keeping its mode.
  void Rewrite(absl::string_view name, absl::string_view content) const;

  // Names of the readable and of the damaged keys.
  std::vector<std::string> KeyNames() const;
  std::vector<std::string> DamagedNames() const;

  test::ScratchFolder folder_;
  std::string store_ = folder_.Path("keystore");
};

}  // namespace jet::keystore

#endif  // JET_TESTS_KEYSTORE_FIXTURE_H_

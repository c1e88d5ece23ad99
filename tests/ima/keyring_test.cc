#include "ima/keyring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/system_error.h"
#include "tests/base/child.h"
#include "tests/ima/certificate_builder.h"
#include "tests/ima/keyring_sandbox.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

using absl::StatusCode;
using base::Bytes;
using base::ErrnoOf;
using test::BuildCertificate;
using test::CertificateSpec;
using test::CheckedInSandbox;
using test::IsOk;
using test::IsOkAndHolds;
using test::kPassed;
using test::MakeUserIma;
using test::StatusIs;
using test::TestKey;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// Real rings and users: all of it needs root.
class KeyringTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot; }
};

// --- Members

TEST_F(KeyringTest, AnAddedCertificateIsListedWithItsIdentifier) {
  CertificateSpec spec;
  spec.identifier = Bytes{0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89};
  const pki::Certificate certificate = BuildCertificate(spec);
  EXPECT_EQ(CheckedInSandbox([&certificate] {
              const Keyring ring = MakeUserIma();
              EXPECT_THAT(ring.List(), IsOkAndHolds(IsEmpty()));
              ASSERT_OK_AND_ASSIGN(const KeySerial serial, ring.Add(certificate));
              ASSERT_OK_AND_ASSIGN(const std::vector<KeyringMember> members, ring.List());
              ASSERT_THAT(members, SizeIs(1));
              EXPECT_EQ(members[0].serial, serial);
              EXPECT_EQ(members[0].type, "asymmetric");
              EXPECT_EQ(members[0].description, "test key: abcdef0123456789");
              EXPECT_EQ(members[0].subject_key_identifier, certificate.subject_key_identifier());
              // Again: the new key takes the place of the old one.
              EXPECT_THAT(ring.Add(certificate), IsOk());
              EXPECT_THAT(ring.List(), IsOkAndHolds(SizeIs(1)));
            }),
            kPassed);
}

TEST_F(KeyringTest, WithoutIdentifierTheKernelListsTheSerialNumber) {
  CertificateSpec spec;
  spec.identifier = absl::nullopt;
  const pki::Certificate certificate = BuildCertificate(spec);
  EXPECT_EQ(CheckedInSandbox([&certificate] {
              const Keyring ring = MakeUserIma();
              ASSERT_THAT(ring.Add(certificate), IsOk());
              ASSERT_OK_AND_ASSIGN(const std::vector<KeyringMember> members, ring.List());
              ASSERT_THAT(members, SizeIs(1));
              EXPECT_EQ(members[0].subject_key_identifier, certificate.serial_content());
            }),
            kPassed);
}

TEST_F(KeyringTest, AnEllipticCurveKeyIsAddedOrSaidToBeUnknownToThisKernel) {
  CertificateSpec spec;
  spec.key = TestKey::kP256;
  const pki::Certificate certificate = BuildCertificate(spec);
  EXPECT_EQ(CheckedInSandbox([&certificate] {
              const Keyring ring = MakeUserIma();
              const auto added = ring.Add(certificate);
              ASSERT_OK_AND_ASSIGN(const std::vector<KeyringMember> members, ring.List());
              if (added.ok()) {
                ASSERT_THAT(members, SizeIs(1));
                EXPECT_EQ(members[0].subject_key_identifier, certificate.subject_key_identifier());
              } else {
                EXPECT_THAT(
                    std::string(added.status().message()),
                    AllOf(HasSubstr("does not know the type of the key"), HasSubstr("ec:p256")));
                EXPECT_THAT(members, IsEmpty());
              }
            }),
            kPassed);
}

TEST_F(KeyringTest, AnEd25519KeyIsExplainedToBeUnknownToTheKernel) {
  CertificateSpec spec;
  spec.key = TestKey::kEd25519;
  const pki::Certificate certificate = BuildCertificate(spec);
  EXPECT_EQ(CheckedInSandbox([&certificate] {
              const auto added = MakeUserIma().Add(certificate);
              EXPECT_EQ(ErrnoOf(added.status()), ENOPKG);
              EXPECT_THAT(added, StatusIs(StatusCode::kUnimplemented,
                                          AllOf(HasSubstr("'CN=test key'"), HasSubstr("_ima"),
                                                HasSubstr("ed25519"))));
            }),
            kPassed);
}

TEST_F(KeyringTest, DescriptionsAreTakenWholeAndOnlyAsymmetricKeysHaveIdentifiers) {
  EXPECT_EQ(CheckedInSandbox([] {
              const Keyring ring = MakeUserIma();
              constexpr char kDescription[] = "a;b;c;d;e;f\nnext line: abcdef";
              ASSERT_GT(add_key("user", kDescription, "x", 1, ring.serial()), 0);
              ASSERT_OK_AND_ASSIGN(const std::vector<KeyringMember> members, ring.List());
              ASSERT_THAT(members, SizeIs(1));
              EXPECT_EQ(members[0].type, "user");
              EXPECT_EQ(members[0].description, kDescription);
              EXPECT_EQ(members[0].subject_key_identifier, absl::nullopt);
            }),
            kPassed);
}

TEST_F(KeyringTest, OnlyLowerCaseDigitsAfterTheLastColonAreAnIdentifier) {
  const Bytes der = BuildCertificate().der();
  EXPECT_EQ(CheckedInSandbox([&der] {
              for (const char* const name : {"abcd", "name:abcd", "name: ", "name: abc",
                                             "name: ABCD", "name: abcd x", "name: abcd: xyz"}) {
                const Keyring ring = MakeUserIma();
                ASSERT_EQ(keyctl_clear(ring.serial()), 0);
                ASSERT_GT(add_key("asymmetric", name, der.data(), der.size(), ring.serial()), 0);
                ASSERT_OK_AND_ASSIGN(const std::vector<KeyringMember> members, ring.List());
                ASSERT_THAT(members, SizeIs(1));
                EXPECT_EQ(members[0].description, name);
                EXPECT_EQ(members[0].subject_key_identifier, absl::nullopt) << name;
              }
            }),
            kPassed);
}

TEST_F(KeyringTest, RevokedAndExpiredKeysAreNoMembers) {
  CertificateSpec other;
  other.common_name = "other key";
  const std::vector<pki::Certificate> certificates = {BuildCertificate(), BuildCertificate(other)};
  EXPECT_EQ(CheckedInSandbox([&certificates] {
              const Keyring ring = MakeUserIma();
              ASSERT_OK_AND_ASSIGN(const KeySerial revoked, ring.Add(certificates[0]));
              ASSERT_OK_AND_ASSIGN(const KeySerial expired, ring.Add(certificates[1]));
              ASSERT_EQ(keyctl_revoke(revoked), 0);
              ASSERT_EQ(keyctl_set_timeout(expired, /*timeout=*/1), 0);
              std::this_thread::sleep_for(std::chrono::milliseconds(1500));
              // Both are linked still.
              EXPECT_EQ(keyctl_read(ring.serial(), nullptr, 0), 2 * long{sizeof(KeySerial)});
              EXPECT_THAT(ring.List(), IsOkAndHolds(IsEmpty()));
            }),
            kPassed);
}

TEST_F(KeyringTest, AKeyCanBeUnlinkedTwice) {
  const pki::Certificate certificate = BuildCertificate();
  EXPECT_EQ(CheckedInSandbox([&certificate] {
              const Keyring ring = MakeUserIma();
              ASSERT_OK_AND_ASSIGN(const KeySerial serial, ring.Add(certificate));
              EXPECT_THAT(ring.Unlink(serial), IsOk());
              EXPECT_THAT(ring.List(), IsOkAndHolds(IsEmpty()));
              EXPECT_THAT(ring.Unlink(serial), IsOk());
              // A key that is somewhere else is not in this ring either.
              const KeySerial other = add_key("user", "other", "x", 1, KEY_SPEC_USER_KEYRING);
              EXPECT_THAT(ring.Unlink(other), IsOk());
            }),
            kPassed);
}

TEST_F(KeyringTest, ARingThatIsNotThereIsAnErrorInEveryCall) {
  const Keyring ring(/*serial=*/1, "1", /*trusted=*/false);  // the kernel gives no number under 3
  EXPECT_THAT(ring.List(), StatusIs(StatusCode::kNotFound, HasSubstr("the keyring 1")));
  EXPECT_THAT(ring.Add(BuildCertificate()),
              StatusIs(StatusCode::kNotFound, HasSubstr("the keyring is gone")));
  EXPECT_THAT(ring.Unlink(2), StatusIs(StatusCode::kNotFound, HasSubstr("the keyring 1")));
}

TEST_F(KeyringTest, ARevokedRingIsAnErrorInEveryCall) {
  const pki::Certificate certificate = BuildCertificate();
  EXPECT_EQ(CheckedInSandbox([&certificate] {
              const Keyring ring = MakeUserIma();
              ASSERT_OK_AND_ASSIGN(const KeySerial serial, ring.Add(certificate));
              ASSERT_EQ(keyctl_revoke(ring.serial()), 0);
              EXPECT_EQ(ErrnoOf(ring.List().status()), EKEYREVOKED);
              EXPECT_EQ(ErrnoOf(ring.Unlink(serial)), EKEYREVOKED);
              EXPECT_THAT(
                  std::string(ring.Add(certificate).status().message()),
                  HasSubstr("the keyring, or the key that signed this certificate, is revoked"));
            }),
            kPassed);
}

TEST_F(KeyringTest, ARestrictedRingSaysSo) {
  const pki::Certificate certificate = BuildCertificate();
  EXPECT_EQ(CheckedInSandbox([&certificate] {
              const Keyring ring = MakeUserIma();
              ASSERT_EQ(keyctl_restrict_keyring(ring.serial(), nullptr, nullptr), 0);
              EXPECT_THAT(ring.Add(certificate),
                          StatusIs(StatusCode::kPermissionDenied, HasSubstr("restricted")));
            }),
            kPassed);
}

// --- Explanations

struct ExplanationCase {
  int error_number;
  const char* words;
};

TEST(ExplainAddKeyErrorTest, SaysInWordsWhatTheKernelSaidInNumbers) {
  const pki::Certificate certificate = BuildCertificate({TestKey::kP256, "CA of the lab", {}});
  constexpr ExplanationCase kCases[] = {
      {ENOKEY, "no key that this kernel trusts signed this certificate"},
      {ENOPKG, "does not know the type of the key (ec:p256)"},
      {ENOENT, "does not know the type of the key (ec:p256)"},
      {EKEYREJECTED, "blacklist"},
      {EKEYREVOKED, "revoked"},
      {EKEYEXPIRED, "expired"},
      {EACCES, "does not possess"},
      {EPERM, "restricted"},
      {EINVAL, "signature, key size or parameters"},
      {EBADMSG, "parser"},
      {EDQUOT, "quota"},
      {EIO, "no reason that is known"},
  };
  for (const ExplanationCase& test_case : kCases) {
    EXPECT_THAT(ExplainAddKeyError(test_case.error_number, certificate, ".ima"),
                HasSubstr(test_case.words));
  }
}

TEST(ExplainAddKeyErrorTest, NamesTheIssuerAndTheWayOutOnlyWhereTheKernelWantsOne) {
  const pki::Certificate certificate = BuildCertificate({TestKey::kP256, "CA of the lab", {}});
  EXPECT_THAT(ExplainAddKeyError(ENOKEY, certificate, ".ima"),
              AllOf(HasSubstr("'CN=CA of the lab'"), HasSubstr("--keyring none"),
                    HasSubstr(".secondary_trusted_keys")));
  EXPECT_THAT(ExplainAddKeyError(ENOKEY, certificate, "_ima"), Not(HasSubstr("CA of the lab")));
}

}  // namespace
}  // namespace jet::ima

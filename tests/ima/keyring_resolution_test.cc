#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <latch>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ima/keyring.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/ima/certificate_builder.h"
#include "tests/ima/keyring_sandbox.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::BuildCertificate;
using test::CertificateSpec;
using test::CheckedInChild;
using test::CheckedInSandbox;
using test::IsOk;
using test::IsOkAndHolds;
using test::kPassed;
using test::MakeUserIma;
using test::ScratchFolder;
using test::StatusIs;
using test::ValueOf;
using testing::_;
using testing::AllOf;
using testing::AnyOf;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr KeyringSelector kAuto = {KeyringChoice::kAuto, 0};
constexpr KeyringSelector kTrustedIma = {KeyringChoice::kTrustedIma, 0};
constexpr KeyringSelector kUserIma = {KeyringChoice::kUserIma, 0};
constexpr gid_t kNoGroupChange = static_cast<gid_t>(-1);
constexpr char kNoSuchFolder[] = "/nonexistent/ima";

// Everybody may do anything, so that other users see the key in /proc/keys.
constexpr key_perm_t kOpenToAll = 0x3f3f3f3f;
// Only whoever possesses the key sees it: no other process of this machine is disturbed.
constexpr key_perm_t kPossessorOnly = 0x3f000000;

// Real rings and users: all of it needs root.
class KeyringResolutionTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot; }
};

// The answer of libkeyutils, -1 for none.
KeySerial FindByName(const char* name) { return find_key_by_type_and_desc("keyring", name, 0); }

std::string AutoName() { return FindByName(".ima") > 0 ? ".ima" : "_ima"; }

KeySerial SessionSerial() { return keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0); }

// --- Selectors

struct SelectorCase {
  const char* text;
  KeyringChoice choice;
  KeySerial serial;
};

TEST(ParseKeyringSelectorTest, KnowsEveryWayToNameAKeyring) {
  constexpr SelectorCase kCases[] = {
      {"auto", KeyringChoice::kAuto, 0},
      {"none", KeyringChoice::kNone, 0},
      {".ima", KeyringChoice::kTrustedIma, 0},
      {"%:.ima", KeyringChoice::kTrustedIma, 0},
      {"%keyring:.ima", KeyringChoice::kTrustedIma, 0},
      {"_ima", KeyringChoice::kUserIma, 0},
      {"%:_ima", KeyringChoice::kUserIma, 0},
      {"%keyring:_ima", KeyringChoice::kUserIma, 0},
      {"@u", KeyringChoice::kUser, 0},
      {"@s", KeyringChoice::kSession, 0},
      {"1", KeyringChoice::kSerial, 1},
      {"0x1f", KeyringChoice::kSerial, 31},
      {"0xAB", KeyringChoice::kSerial, 0xab},
      {"2147483647", KeyringChoice::kSerial, 2147483647},
      {"0x7fffffff", KeyringChoice::kSerial, 2147483647},
  };
  for (const SelectorCase& test_case : kCases) {
    SCOPED_TRACE(test_case.text);
    ASSERT_OK_AND_ASSIGN(const KeyringSelector selector, ParseKeyringSelector(test_case.text));
    EXPECT_EQ(selector.choice, test_case.choice);
    EXPECT_EQ(selector.serial, test_case.serial);
  }
}

TEST(ParseKeyringSelectorTest, RefusesAllElseAndListsWhatThereIs) {
  for (const char* const text :
       {"",      "ima",  "AUTO", "@",          "@us",        "@nosuch",     "%:ima", "%user:.ima",
        ".ima ", " 1",   "+1",   "-3",         "0",          "0x",          "0x0",   "1f",
        "0X1f",  "0x1g", "1.0",  "2147483648", "0x80000000", "0xffffffffff"}) {
    EXPECT_THAT(ParseKeyringSelector(text),
                StatusIs(StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(absl::StrCat("'", text, "'")),
                               HasSubstr("auto, none, .ima, _ima"), HasSubstr("number"))))
        << text;
  }
}

// --- auto

TEST_F(KeyringResolutionTest, AutoMakesTheKeyringOfAKernelWithIma) {
  const ScratchFolder securityfs_ima;
  EXPECT_EQ(
      CheckedInSandbox([&securityfs_ima] {
        ASSERT_OK_AND_ASSIGN(const ResolvedKeyring made,
                             ResolveKeyring(kAuto, MissingKeyring::kCreate, securityfs_ima.path()));
        ASSERT_TRUE(made.keyring.has_value()) << made.why_none;
        EXPECT_EQ(made.keyring->name(), AutoName());
        EXPECT_EQ(made.keyring->trusted(), AutoName() == ".ima");
        EXPECT_FALSE(made.warn);
        ASSERT_OK_AND_ASSIGN(const ResolvedKeyring found,
                             ResolveKeyring(kAuto, MissingKeyring::kReport, securityfs_ima.path()));
        EXPECT_EQ(found.keyring->serial(), made.keyring->serial());
      }),
      kPassed);
}

TEST_F(KeyringResolutionTest, AutoOnAKernelWithoutImaGivesNoneWithAWarning) {
  EXPECT_EQ(CheckedInSandbox([] {
              ASSERT_EQ(AutoName(), "_ima") << "this kernel has a .ima: run this on one without";
              ASSERT_OK_AND_ASSIGN(const ResolvedKeyring resolved,
                                   ResolveKeyring(kAuto, MissingKeyring::kCreate, kNoSuchFolder));
              EXPECT_FALSE(resolved.keyring.has_value());
              EXPECT_TRUE(resolved.warn);
              EXPECT_THAT(resolved.why_none, AllOf(HasSubstr("no IMA"), HasSubstr(kNoSuchFolder)));
              // Nor was one made in passing.
              EXPECT_EQ(keyctl_search(KEY_SPEC_USER_KEYRING, "keyring", "_ima", 0), -1);
            }),
            kPassed);
}

void ExpectAutoGivesNoneWithoutWarning(const ScratchFolder& securityfs_ima) {
  ASSERT_OK_AND_ASSIGN(const ResolvedKeyring resolved,
                       ResolveKeyring(kAuto, MissingKeyring::kCreate, securityfs_ima.path()));
  EXPECT_FALSE(resolved.keyring.has_value());
  EXPECT_FALSE(resolved.warn);
  EXPECT_THAT(resolved.why_none, HasSubstr("CAP_SYS_ADMIN"));
}

TEST_F(KeyringResolutionTest, AutoWithoutPrivilegeGivesNone) {
  const ScratchFolder securityfs_ima;
  EXPECT_EQ(CheckedInChild([&securityfs_ima] {
              test::BecomeUser(test::kNobody);
              ExpectAutoGivesNoneWithoutWarning(securityfs_ima);
            }),
            kPassed);
}

TEST_F(KeyringResolutionTest, AutoInAUserNamespaceGivesNoneThoughAllCapabilitiesAreThere) {
  const ScratchFolder securityfs_ima;
  EXPECT_EQ(CheckedInChild([&securityfs_ima] {
              test::EnterUserNamespace();
              ExpectAutoGivesNoneWithoutWarning(securityfs_ima);
            }),
            kPassed);
}

TEST_F(KeyringResolutionTest, NoneIsNoneWithoutWarning) {
  ASSERT_OK_AND_ASSIGN(const ResolvedKeyring resolved,
                       ResolveKeyring({KeyringChoice::kNone, 0}, MissingKeyring::kCreate));
  EXPECT_FALSE(resolved.keyring.has_value());
  EXPECT_FALSE(resolved.warn);
  EXPECT_THAT(resolved.why_none, HasSubstr("--keyring none"));
}

// --- _ima

TEST_F(KeyringResolutionTest, AMissingUserImaIsReportedAndNotMadeUnasked) {
  EXPECT_EQ(CheckedInSandbox([] {
              EXPECT_THAT(ResolveKeyring(kUserIma, MissingKeyring::kReport),
                          StatusIs(StatusCode::kNotFound, HasSubstr("_ima")));
              EXPECT_EQ(keyctl_search(KEY_SPEC_USER_KEYRING, "keyring", "_ima", 0), -1);
            }),
            kPassed);
}

// Lets 8 threads resolve at the same moment and returns what they got.
std::vector<KeySerial> MakeUserImaTogether() {
  std::vector<KeySerial> serials(8);
  std::latch start(static_cast<std::ptrdiff_t>(serials.size()));
  std::vector<std::thread> makers;
  for (KeySerial& serial : serials) {
    makers.emplace_back([&serial, &start] {
      start.arrive_and_wait();
      serial = MakeUserIma().serial();
    });
  }
  for (std::thread& maker : makers) maker.join();
  return serials;
}

TEST_F(KeyringResolutionTest, MakersAtTheSameTimeGetTheSameUserIma) {
  EXPECT_EQ(CheckedInSandbox([] {
              for (int round = 0; round < 50; ++round) {
                ASSERT_EQ(keyctl_clear(KEY_SPEC_USER_KEYRING), 0);
                const std::vector<KeySerial> serials = MakeUserImaTogether();
                ASSERT_THAT(serials, Each(serials[0])) << "in round " << round;
              }
            }),
            kPassed);
}

// The kernel is content with the _ima of whoever runs the first signed file; this is not.
TEST_F(KeyringResolutionTest, AnotherUsersImaIsNotTaken) {
  EXPECT_EQ(CheckedInSandbox([] {
              const KeySerial theirs = MakeUserIma().serial();
              ASSERT_EQ(keyctl_setperm(theirs, kOpenToAll), 0);
              const std::string as_root = CheckedInChild([theirs] {
                ASSERT_EQ(setresuid(0, 0, 0), 0);
                ASSERT_GT(keyctl_join_session_keyring(nullptr), 0);
                const long own = keyctl_search(KEY_SPEC_USER_KEYRING, "keyring", "_ima", 0);
                // The trap is there: a search by name alone finds the other user's, or root's own.
                EXPECT_THAT(FindByName("_ima"), AnyOf(theirs, own));
                const auto resolved = ResolveKeyring(kUserIma, MissingKeyring::kReport);
                if (own < 0) {
                  EXPECT_THAT(resolved, StatusIs(StatusCode::kNotFound, _));
                } else {
                  EXPECT_EQ(ValueOf(resolved).keyring->serial(), own);
                }
              });
              EXPECT_EQ(as_root, kPassed);
            }),
            kPassed);
}

TEST_F(KeyringResolutionTest, AnotherUsersImaInsideTheUserKeyringIsRefused) {
  EXPECT_EQ(CheckedInSandbox([] {
              ASSERT_EQ(keyctl_chown(MakeUserIma().serial(), test::kNobody, kNoGroupChange), 0);
              EXPECT_THAT(ResolveKeyring(kUserIma, MissingKeyring::kCreate),
                          StatusIs(StatusCode::kFailedPrecondition,
                                   AllOf(HasSubstr("belongs to somebody else"),
                                         HasSubstr(absl::StrCat("user ", test::kNobody)))));
            }),
            kPassed);
}

// --- Sessions

TEST_F(KeyringResolutionTest, AServiceWithAPrivateSessionCanAdd) {
  const pki::Certificate certificate = BuildCertificate();
  EXPECT_EQ(CheckedInSandbox([&certificate] {
              const Keyring ring = MakeUserIma();
              ASSERT_GT(keyctl_join_session_keyring(nullptr), 0);
              // What happens without the remedy: the ring can be found and not be written.
              EXPECT_THAT(ring.Add(certificate),
                          StatusIs(StatusCode::kPermissionDenied, HasSubstr("does not possess")));
              ASSERT_OK_AND_ASSIGN(const ResolvedKeyring resolved,
                                   ResolveKeyring(kUserIma, MissingKeyring::kReport));
              EXPECT_EQ(resolved.keyring->serial(), ring.serial());
              EXPECT_THAT(resolved.keyring->Add(certificate), IsOk());
              EXPECT_THAT(resolved.keyring->List(), IsOkAndHolds(SizeIs(1)));
            }),
            kPassed);
}

TEST_F(KeyringResolutionTest, ASessionThatLeadsToTheUserKeyringIsLeftAlone) {
  EXPECT_EQ(CheckedInSandbox([] {
              ASSERT_GT(keyctl_join_session_keyring(nullptr), 0);
              const KeySerial lost = SessionSerial();
              ASSERT_THAT(ReachUserKeyring(), IsOk());
              const KeySerial reaching = SessionSerial();
              EXPECT_NE(reaching, lost);
              ASSERT_THAT(ReachUserKeyring(), IsOk());
              EXPECT_EQ(SessionSerial(), reaching);
            }),
            kPassed);
}

TEST_F(KeyringResolutionTest, OtherProcessesKeepTheirSession) {
  const KeySerial before = SessionSerial();
  EXPECT_EQ(CheckedInSandbox([] { (void)MakeUserIma(); }), kPassed);
  EXPECT_EQ(SessionSerial(), before);
}

// --- Other names

TEST_F(KeyringResolutionTest, TheUserAndSessionKeyringsAreFoundUnderTheirNames) {
  EXPECT_EQ(
      CheckedInSandbox([] {
        ASSERT_OK_AND_ASSIGN(const ResolvedKeyring user,
                             ResolveKeyring({KeyringChoice::kUser, 0}, MissingKeyring::kReport));
        EXPECT_EQ(user.keyring->name(), "@u");
        EXPECT_EQ(user.keyring->serial(), keyctl_get_keyring_ID(KEY_SPEC_USER_KEYRING, 0));
        EXPECT_FALSE(user.keyring->trusted());
        ASSERT_OK_AND_ASSIGN(const ResolvedKeyring session,
                             ResolveKeyring({KeyringChoice::kSession, 0}, MissingKeyring::kReport));
        EXPECT_EQ(session.keyring->name(), "@s");
        EXPECT_EQ(session.keyring->serial(), SessionSerial());
      }),
      kPassed);
}

TEST_F(KeyringResolutionTest, ANumberMustBeThatOfAKeyring) {
  EXPECT_EQ(CheckedInSandbox([] {
              const KeySerial ring = MakeUserIma().serial();
              ASSERT_OK_AND_ASSIGN(
                  const ResolvedKeyring resolved,
                  ResolveKeyring({KeyringChoice::kSerial, ring}, MissingKeyring::kReport));
              EXPECT_EQ(resolved.keyring->serial(), ring);
              EXPECT_EQ(resolved.keyring->name(), absl::StrCat(ring));
              EXPECT_FALSE(resolved.keyring->trusted());

              const KeySerial key = add_key("user", "no ring", "x", 1, ring);
              EXPECT_THAT(ResolveKeyring({KeyringChoice::kSerial, key}, MissingKeyring::kReport),
                          StatusIs(StatusCode::kInvalidArgument, HasSubstr("not a keyring")));
              ASSERT_EQ(keyctl_invalidate(key), 0);
              EXPECT_THAT(ResolveKeyring({KeyringChoice::kSerial, key}, MissingKeyring::kReport),
                          StatusIs(StatusCode::kNotFound, HasSubstr(absl::StrCat(key))));
            }),
            kPassed);
}

// --- .ima and forged lines of /proc/keys

// A line as the kernel prints it for a keyring .ima of root with this number.
std::string ForgedLine(KeySerial serial) {
  return absl::StrFormat("\n%08x I------     1 perm 1f0f0000     0     0 keyring   .ima", serial);
}

// libkeyutils compares what follows the last semicolon of a ring's description: this one passes.
KeySerial PlantRing() { return add_key("keyring", "x;.ima", nullptr, 0, KEY_SPEC_SESSION_KEYRING); }

// REQUIRES that `forgery`, a key, and `ring` are planted. `real` is the .ima found before.
void ExpectForgeryIsSeenThrough(KeySerial forgery, KeySerial ring, KeySerial real) {
  ASSERT_GT(forgery, 0) << std::strerror(errno);
  ASSERT_EQ(keyctl_setperm(forgery, kPossessorOnly), 0);
  const ScratchFolder securityfs_ima;
  // The trap is there: libkeyutils is taken in, or found the kernel's own first.
  const KeySerial found = FindByName(".ima");
  ASSERT_THAT(found, AnyOf(ring, real));
  for (const KeyringSelector& selector : {kTrustedIma, kAuto}) {
    const auto resolved = ResolveKeyring(selector, MissingKeyring::kCreate, securityfs_ima.path());
    if (found == real) {
      EXPECT_EQ(ValueOf(resolved).keyring->serial(), real);
      continue;
    }
    // Not the ring, and for auto not _ima either: the forgery may hide a real .ima.
    EXPECT_THAT(resolved, StatusIs(StatusCode::kFailedPrecondition,
                                   AllOf(HasSubstr("pretends"), HasSubstr(absl::StrCat(ring)),
                                         HasSubstr("x;.ima"))));
  }
}

TEST_F(KeyringResolutionTest, AUserKeyWithAForgedLineIsNotTheTrustedKeyring) {
  EXPECT_EQ(CheckedInSandbox([] {
              const KeySerial real = FindByName(".ima");
              ASSERT_GT(keyctl_join_session_keyring(nullptr), 0);
              const KeySerial ring = PlantRing();
              const std::string description = absl::StrCat("innocent", ForgedLine(ring));
              ExpectForgeryIsSeenThrough(
                  add_key("user", description.c_str(), "x", 1, KEY_SPEC_SESSION_KEYRING), ring,
                  real);
            }),
            kPassed);
}

TEST_F(KeyringResolutionTest, ACertificateWithAForgedLineIsNotTheTrustedKeyring) {
  EXPECT_EQ(CheckedInSandbox([] {
              const KeySerial real = FindByName(".ima");
              ASSERT_GT(keyctl_join_session_keyring(nullptr), 0);
              const KeySerial ring = PlantRing();
              CertificateSpec spec;
              spec.common_name = absl::StrCat("innocent", ForgedLine(ring));
              const Bytes der = BuildCertificate(spec).der();
              ExpectForgeryIsSeenThrough(
                  add_key("asymmetric", "", der.data(), der.size(), KEY_SPEC_SESSION_KEYRING), ring,
                  real);
            }),
            kPassed);
}

TEST_F(KeyringResolutionTest, AForgedLineForAnyOtherRingIsNotTheTrustedKeyring) {
  EXPECT_EQ(
      CheckedInSandbox([] {
        const KeySerial real = FindByName(".ima");
        ASSERT_GT(keyctl_join_session_keyring(nullptr), 0);
        const KeySerial ring = add_key("keyring", "mine", nullptr, 0, KEY_SPEC_SESSION_KEYRING);
        const std::string description = absl::StrCat("innocent", ForgedLine(ring));
        const KeySerial key =
            add_key("user", description.c_str(), "x", 1, KEY_SPEC_SESSION_KEYRING);
        ASSERT_EQ(keyctl_setperm(key, kPossessorOnly), 0);
        const auto resolved = ResolveKeyring(kTrustedIma, MissingKeyring::kCreate);
        if (real > 0) {
          EXPECT_EQ(ValueOf(resolved).keyring->serial(), real);
        } else {
          EXPECT_THAT(resolved, StatusIs(StatusCode::kNotFound, HasSubstr("no keyring .ima")));
        }
      }),
      kPassed);
}

// libkeyutils 1.6.3 dereferences a null pointer on lines over 1023 characters.
TEST_F(KeyringResolutionTest, ALongDescriptionIsAnErrorAndNotACrash) {
  EXPECT_EQ(CheckedInSandbox([] {
              ASSERT_GT(keyctl_join_session_keyring(nullptr), 0);
              const std::string description(2000, 'a');
              const KeySerial key =
                  add_key("user", description.c_str(), "x", 1, KEY_SPEC_SESSION_KEYRING);
              ASSERT_EQ(keyctl_setperm(key, kPossessorOnly), 0);
              const auto resolved = ResolveKeyring(kTrustedIma, MissingKeyring::kCreate);
              // A libkeyutils that is mended, or a .ima listed before the key, answers.
              EXPECT_THAT(resolved,
                          AnyOf(IsOk(), StatusIs(StatusCode::kNotFound, _),
                                StatusIs(StatusCode::kFailedPrecondition,
                                         HasSubstr("description of over 900 characters"))));
            }),
            kPassed);
}

}  // namespace
}  // namespace jet::ima

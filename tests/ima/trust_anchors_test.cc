#include "ima/trust_anchors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <unistd.h>

#include "absl/strings/str_format.h"
#include "ima/kernel_keyring.h"
#include "ima/key_facts.h"
#include "tests/base/child.h"
#include "tests/ima/keyring_sandbox.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

using test::CheckedInChild;
using test::CheckedInSandbox;
using test::kPassed;
using test::StatusIs;
using test::ValueOf;
using testing::AllOf;
using testing::HasSubstr;

class TrustAnchorsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot; }
};

// Every kernel with CONFIG_SYSTEM_TRUSTED_KEYRING has it: Debian's, and every one with IMA.
TEST_F(TrustAnchorsTest, RootSeesTheKernelsOwnRing) {
  EXPECT_EQ(CheckedInChild([] {
              const absl::optional<KeySerial> serial =
                  ValueOf(FindKernelKeyring(kBuiltinTrustedKeys));
              const KernelRing ring = ReadKernelRing(kBuiltinTrustedKeys);
              if (!serial.has_value()) {
                EXPECT_EQ(ring.sight, RingSight::kAbsent);
                return;
              }
              EXPECT_TRUE(IsKernelKeyring(ValueOf(DescribeKey(*serial)), kBuiltinTrustedKeys));
              EXPECT_EQ(ring.sight, RingSight::kListed) << ring.why;
              for (const KeyringMember& member : ring.members) {
                EXPECT_EQ(member.type, "asymmetric");
              }
            }),
            kPassed);
}

TEST_F(TrustAnchorsTest, ARingThatNoKernelHasIsAbsentForRootAndHiddenForOthers) {
  EXPECT_EQ(
      CheckedInChild([] { EXPECT_EQ(ReadKernelRing(".no_such_ring").sight, RingSight::kAbsent); }),
      kPassed);
  EXPECT_EQ(CheckedInSandbox([] {
              const KernelRing ring = ReadKernelRing(".no_such_ring");
              EXPECT_EQ(ring.sight, RingSight::kHidden);
              EXPECT_EQ(ring.why, "only root may see it");
            }),
            kPassed);
}

// The description's second line looks in /proc/keys like a keyring of the kernel's.
TEST_F(TrustAnchorsTest, AForgedLineMakesTheRingUnknownAndNeverListed) {
  EXPECT_EQ(CheckedInSandbox([] {
              ASSERT_GT(keyctl_join_session_keyring(nullptr), 0);
              const KeySerial ring =
                  add_key("keyring", "x;.no_such_ring", nullptr, 0, KEY_SPEC_SESSION_KEYRING);
              ASSERT_GT(ring, 0);
              const std::string description = absl::StrFormat(
                  "innocent\n%08x I------     1 perm 1f0f0000     0     0 keyring   .no_such_ring",
                  ring);
              ASSERT_GT(add_key("user", description.c_str(), "x", 1, KEY_SPEC_SESSION_KEYRING), 0);
              EXPECT_THAT(FindKernelKeyring(".no_such_ring"),
                          StatusIs(absl::StatusCode::kFailedPrecondition,
                                   AllOf(HasSubstr("pretends"), HasSubstr("x;.no_such_ring"),
                                         testing::Not(HasSubstr("_ima")))));
              const KernelRing read = ReadKernelRing(".no_such_ring");
              EXPECT_EQ(read.sight, RingSight::kHidden);
              EXPECT_THAT(read.why, HasSubstr("pretends"));
            }),
            kPassed);
}

TEST_F(TrustAnchorsTest, TheRingsAreReadInTheOrderInWhichTheyVouch) {
  const std::vector<KernelRing> rings = ReadVouchingRings();
  ASSERT_EQ(rings.size(), 3U);
  EXPECT_EQ(rings[0].name, ".builtin_trusted_keys");
  EXPECT_EQ(rings[1].name, ".secondary_trusted_keys");
  EXPECT_EQ(rings[2].name, ".machine");
}

}  // namespace
}  // namespace jet::ima

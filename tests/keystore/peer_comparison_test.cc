#include "keystore/peer_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using test::ValueOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<std::pair<std::string, PeerDifference>> Compared(const std::vector<PeerKey>& here,
                                                             const std::vector<PeerKey>& there) {
  std::vector<std::pair<std::string, PeerDifference>> pairs;
  for (const KeyComparison& key : CompareKeys(here, there)) {
    pairs.emplace_back(key.name, key.difference);
  }
  return pairs;
}

TEST(PeerComparisonTest, NothingIsInStepWithNothing) { EXPECT_THAT(Compared({}, {}), IsEmpty()); }

TEST(PeerComparisonTest, EveryKeyOfEitherSideIsThereOnceInOrder) {
  EXPECT_THAT(
      Compared({{"b", "1", false}, {"c", "1", false}, {"e", "1", false}},
               {{"a", "1", false}, {"c", "1", false}, {"d", "1", false}}),
      ElementsAre(Pair("a", PeerDifference::kOnlyThere), Pair("b", PeerDifference::kMissing),
                  Pair("c", PeerDifference::kInStep), Pair("d", PeerDifference::kOnlyThere),
                  Pair("e", PeerDifference::kMissing)));
}

TEST(PeerComparisonTest, AnotherCertificateIsAConflict) {
  EXPECT_THAT(Compared({{"a", "1", true}}, {{"a", "2", true}}),
              ElementsAre(Pair("a", PeerDifference::kConflict)));
}

TEST(PeerComparisonTest, APrivateKeyThatIsOnlyHereIsTold) {
  EXPECT_THAT(Compared({{"a", "1", true}}, {{"a", "1", false}}),
              ElementsAre(Pair("a", PeerDifference::kVerifyOnly)));
  EXPECT_THAT(Compared({{"a", "1", false}}, {{"a", "1", true}}),
              ElementsAre(Pair("a", PeerDifference::kInStep)));
}

TEST(PeerComparisonTest, ADamagedKeyIsNeitherMissingNorInStep) {
  EXPECT_THAT(
      Compared({{"a", "", false}, {"b", "", false}, {"c", "1", false}},
               {{"b", "1", false}, {"c", "", false}, {"d", "", false}}),
      ElementsAre(Pair("a", PeerDifference::kDamagedHere), Pair("b", PeerDifference::kDamagedHere),
                  Pair("c", PeerDifference::kDamagedThere),
                  Pair("d", PeerDifference::kDamagedThere)));
}

using KeysForPeerTest = KeystoreTest;

TEST_F(KeysForPeerTest, DamagedKeysAreAmongThemInOrderAndWhatIsNoKeyIsNot) {
  AddKey("c", TestKey());
  AddKey("b", TestKey());
  AddCertificate("a", TestCertificate(TestKey(), "a"));
  folder_.MakeFolder("keystore/keys/.no-key");
  Rewrite("keys/b/certificate.der", "x");
  const std::vector<PeerKey> keys = ValueOf(KeysForPeer(ValueOf(OpenStore(Access::kRead).List())));
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_EQ(keys[0].name, "a");
  EXPECT_FALSE(keys[0].has_private_key);
  EXPECT_EQ(keys[0].certificate_sha256,
            ValueOf(ValueOf(OpenStore(Access::kRead).Find("a")).certificate.Fingerprint()));
  EXPECT_EQ(keys[1], (PeerKey{"b", "", false}));
  EXPECT_EQ(keys[2].name, "c");
  EXPECT_TRUE(keys[2].has_private_key);
}

}  // namespace
}  // namespace jet::keystore

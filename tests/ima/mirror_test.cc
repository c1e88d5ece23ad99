#include "ima/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/base/child.h"
#include "tests/ima/certificate_builder.h"
#include "tests/ima/keyring_sandbox.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::BuildCertificate;
using test::IsOk;
using test::StatusIs;
using test::TestKey;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

NamedCertificate Named(const std::string& name, absl::optional<Bytes> identifier,
                       TestKey key = TestKey::kP256) {
  return {name, BuildCertificate({key, name, std::move(identifier)})};
}

KeyringMember Member(KeySerial serial, absl::optional<Bytes> identifier) {
  return {serial, "asymmetric", "Lab: member", std::move(identifier)};
}

std::vector<std::string> NamesOf(const std::vector<NamedCertificate>& certificates) {
  std::vector<std::string> names;
  for (const NamedCertificate& named : certificates) names.push_back(named.name);
  return names;
}

std::vector<KeySerial> SerialsOf(const std::vector<KeyringMember>& members) {
  std::vector<KeySerial> serials;
  for (const KeyringMember& member : members) serials.push_back(member.serial);
  return serials;
}

TEST(PlanMirrorTest, SortsIntoMissingPresentAndForeign) {
  const MirrorPlan plan =
      PlanMirror({Named("here", Bytes{1, 1, 1, 1, 1}), Named("gone", Bytes{2, 2, 2, 2, 2})},
                 {Member(10, Bytes{3, 3, 3, 3, 3}), Member(11, Bytes{1, 1, 1, 1, 1})});
  EXPECT_THAT(NamesOf(plan.present), ElementsAre("here"));
  EXPECT_THAT(NamesOf(plan.missing), ElementsAre("gone"));
  EXPECT_THAT(SerialsOf(plan.foreign), ElementsAre(10));
}

TEST(PlanMirrorTest, AnEmptyRingMissesAllAndAnEmptyStoreLeavesAllForeign) {
  const MirrorPlan all_missing = PlanMirror({Named("a", Bytes{1, 2, 3, 4})}, {});
  EXPECT_THAT(NamesOf(all_missing.missing), ElementsAre("a"));
  const MirrorPlan all_foreign = PlanMirror({}, {Member(10, Bytes{1, 2, 3, 4})});
  EXPECT_THAT(SerialsOf(all_foreign.foreign), ElementsAre(10));
  EXPECT_THAT(all_foreign.missing, IsEmpty());
}

TEST(PlanMirrorTest, TheSameLastFourBytesAreNotTheSameKey) {
  const MirrorPlan plan =
      PlanMirror({Named("a", Bytes{1, 9, 9, 9, 9})},
                 {Member(10, Bytes{2, 9, 9, 9, 9}), Member(11, Bytes{9, 9, 9, 9})});
  EXPECT_THAT(NamesOf(plan.missing), ElementsAre("a"));
  EXPECT_THAT(SerialsOf(plan.foreign), ElementsAre(10, 11));
}

TEST(PlanMirrorTest, ACertificateAndAMemberBothWithoutIdentifierAreNotEqual) {
  const MirrorPlan plan = PlanMirror({Named("a", absl::nullopt)}, {Member(10, absl::nullopt)});
  EXPECT_THAT(NamesOf(plan.missing), ElementsAre("a"));
  EXPECT_THAT(SerialsOf(plan.foreign), ElementsAre(10));
}

TEST(CheckNoTwinInRingTest, AnotherKeyWithTheSameKeyIdIsNamed) {
  const NamedCertificate named = Named("a", Bytes{1, 0xde, 0xad, 0xbe, 0xef});
  EXPECT_THAT(
      CheckNoTwinInRing(named.certificate, {Member(10, Bytes{5, 5, 5, 5, 5}),
                                            Member(11, Bytes{2, 0xde, 0xad, 0xbe, 0xef})}),
      StatusIs(StatusCode::kAlreadyExists,
               AllOf(HasSubstr("key 11 "), HasSubstr("deadbeef"), HasSubstr("'Lab: member'"))));
}

TEST(CheckNoTwinInRingTest, TheKeyItselfAndOtherKeyIdsAreNoTwins) {
  const NamedCertificate named = Named("a", Bytes{1, 0xde, 0xad, 0xbe, 0xef});
  EXPECT_THAT(CheckNoTwinInRing(named.certificate,
                                {Member(10, Bytes{1, 0xde, 0xad, 0xbe, 0xef}),
                                 Member(11, Bytes{1, 0xde, 0xad, 0xbe, 0xee}),
                                 Member(12, Bytes{0xad, 0xbe, 0xef}), Member(13, absl::nullopt)}),
              IsOk());
}

TEST(CheckNoTwinInRingTest, AMemberThatTheEndOfTheIssuerNameMeansIsATwin) {
  const NamedCertificate named = Named("issuer name ends in tail", Bytes{1, 2, 3, 4, 5});
  EXPECT_THAT(CheckNoTwinInRing(named.certificate, {Member(10, Bytes{0, 't', 'a', 'i', 'l'})}),
              StatusIs(StatusCode::kAlreadyExists, HasSubstr("key 10 ")));
}

// In a ring of the kernel.
TEST(ApplyMirrorTest, OneRefusalDoesNotStopTheOthers) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const std::vector<NamedCertificate> certificates = {
      Named("first", Bytes{1, 1, 1, 1, 1}, TestKey::kRsa2048),
      Named("refused", Bytes{2, 2, 2, 2, 2}, TestKey::kEd25519),
      Named("last", Bytes{3, 3, 3, 3, 3}, TestKey::kRsa2048)};
  const std::string result = test::CheckedInSandbox([&certificates] {
    const Keyring ring =
        *test::ValueOf(ResolveKeyring({KeyringChoice::kUserIma, 0}, MissingKeyring::kCreate))
             .keyring;
    const std::vector<MirrorResult> results =
        ApplyMirror(certificates, test::ValueOf(ring.List()), ring);
    ASSERT_EQ(results.size(), 3U);
    EXPECT_EQ(results[0].name, "first");
    EXPECT_THAT(results[0].added, IsOk());
    EXPECT_EQ(results[1].name, "refused");
    EXPECT_THAT(results[1].added, StatusIs(StatusCode::kUnimplemented, HasSubstr("ed25519")));
    EXPECT_EQ(results[2].name, "last");
    EXPECT_THAT(results[2].added, IsOk());
    // The proof is the ring itself.
    const MirrorPlan after = PlanMirror(certificates, test::ValueOf(ring.List()));
    EXPECT_THAT(NamesOf(after.present), ElementsAre("first", "last"));
    EXPECT_THAT(NamesOf(after.missing), ElementsAre("refused"));
    EXPECT_THAT(after.foreign, IsEmpty());
  });
  EXPECT_EQ(result, test::kPassed);
}

TEST(MirrorCertificateTest, MirroringAgainLeavesOneKeyAndReplacesOtherKeysUnderItsIdentifier) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const Bytes identifier = {7, 7, 7, 7, 7};
  const NamedCertificate own = Named("own", identifier, TestKey::kRsa2048);
  const NamedCertificate same_name = Named("own", identifier, TestKey::kRsa2048);
  const NamedCertificate other_name = Named("other", identifier, TestKey::kRsa2048);
  const std::string result = test::CheckedInSandbox([&] {
    const Keyring ring =
        *test::ValueOf(ResolveKeyring({KeyringChoice::kUserIma, 0}, MissingKeyring::kCreate))
             .keyring;
    for (const NamedCertificate* mirrored : {&own, &own, &same_name, &other_name, &own}) {
      ASSERT_OK_AND_ASSIGN(
          const KeySerial added,
          MirrorCertificate(mirrored->certificate, test::ValueOf(ring.List()), ring));
      const std::vector<KeyringMember> members = test::ValueOf(ring.List());
      ASSERT_EQ(members.size(), 1U) << mirrored->name;
      EXPECT_EQ(members[0].serial, added) << mirrored->name;
    }
  });
  EXPECT_EQ(result, test::kPassed);
}

TEST(MirrorCertificateTest, ATwinIsNotAdded) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const NamedCertificate first = Named("first", Bytes{1, 9, 9, 9, 9}, TestKey::kRsa2048);
  const NamedCertificate twin = Named("twin", Bytes{2, 9, 9, 9, 9}, TestKey::kRsa2048);
  const std::string result = test::CheckedInSandbox([&] {
    const Keyring ring =
        *test::ValueOf(ResolveKeyring({KeyringChoice::kUserIma, 0}, MissingKeyring::kCreate))
             .keyring;
    ASSERT_THAT(ring.Add(first.certificate), IsOk());
    const std::vector<MirrorResult> results = ApplyMirror({twin}, test::ValueOf(ring.List()), ring);
    ASSERT_EQ(results.size(), 1U);
    EXPECT_THAT(results[0].added, StatusIs(StatusCode::kAlreadyExists, HasSubstr("same key id")));
    EXPECT_EQ(test::ValueOf(ring.List()).size(), 1U);
  });
  EXPECT_EQ(result, test::kPassed);
}

}  // namespace
}  // namespace jet::ima

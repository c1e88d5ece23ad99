#include "ima/acceptance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/hex.h"
#include "pki/issue.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

using base::Bytes;
using test::MakeCertificate;
using test::TestKey;
using test::ValueOf;
using testing::AllOf;
using testing::HasSubstr;

constexpr char kBuiltinOnly[] = "CONFIG_IMA=y\n";
constexpr char kOthersToo[] =
    "CONFIG_IMA=y\nCONFIG_IMA_KEYRINGS_PERMIT_SIGNED_BY_BUILTIN_OR_SECONDARY=y\n";
constexpr char kSecondary[] = ".secondary_trusted_keys";

const Bytes& CaIdentifier() {
  static const auto* const kIdentifier = new Bytes(20, 0xca);
  return *kIdentifier;
}

pki::Certificate Ca() {
  return MakeCertificate({.key_type = "rsa:2048",
                          .subject = {{"O", "Lab"}, {"CN", "test ca"}},
                          .subject_key_identifier = CaIdentifier(),
                          .basic_constraints = "critical,CA:TRUE",
                          .key_usage = "critical,keyCertSign"});
}

// Issued by Ca(); names it by its identifier.
pki::Certificate Leaf(const std::string& key_type = "rsa:2048") {
  const pki::Certificate ca = Ca();
  pki::Subject subject;
  subject.common_name = "leaf";
  const absl::Time now = absl::Now();
  return ValueOf(pki::IssueBy({ca, TestKey("rsa:2048")}, test::NewTestKey(key_type).public_key(),
                              subject, {now, now + absl::Hours(1)}));
}

// Names its issuer, which is itself, only by name.
pki::Certificate WithoutAuthority() {
  return MakeCertificate({.key_type = "rsa:2048", .subject = {{"O", "Lab"}, {"CN", "test ca"}}});
}

KeyringMember Member(const std::string& name, const Bytes& identifier) {
  return {7, "asymmetric", absl::StrCat(name, ": ", base::HexEncode(identifier)), identifier};
}

KernelRing Listed(const char* name, std::vector<KeyringMember> members = {}) {
  return {name, RingSight::kListed, std::move(members), ""};
}

KernelRing Hidden(const char* name) { return {name, RingSight::kHidden, {}, "only root"}; }

KernelState Kernel(const char* config) {
  KernelState state;
  state.algorithms = std::vector<std::string>{"rsa"};
  if (config != nullptr) state.config = KernelConfig(config, "/boot/config");
  return state;
}

RingCircumstances Trusted(std::vector<KernelRing> vouching, const char* config = kBuiltinOnly) {
  RingCircumstances circumstances;
  circumstances.trusted = true;
  circumstances.vouching = std::move(vouching);
  circumstances.kernel = Kernel(config);
  return circumstances;
}

RingCircumstances Plain(const char* config = nullptr) {
  RingCircumstances circumstances;
  circumstances.kernel = Kernel(config);
  return circumstances;
}

MATCHER_P2(Is, word, why, "") {
  *result_listener << AcceptanceName(arg.word) << ": " << arg.why;
  return arg.word == word && testing::Matches(why)(arg.why);
}

TEST(WouldAcceptTest, APlainRingTakesEveryUsableCertificate) {
  EXPECT_THAT(WouldAccept(Leaf(), Plain()), Is(Acceptance::kAccepted, ""));
}

TEST(WouldAcceptTest, ATwinIsRefused) {
  const pki::Certificate leaf = Leaf();
  Bytes twin = *leaf.subject_key_identifier();
  twin.front() ^= 1;
  RingCircumstances circumstances = Plain();
  circumstances.members = {Member("Lab: twin", twin)};
  EXPECT_THAT(WouldAccept(leaf, circumstances), Is(Acceptance::kRefused, HasSubstr("same key id")));
}

TEST(WouldAcceptTest, AnIssuerOnTheBuiltInRingVouches) {
  EXPECT_THAT(
      WouldAccept(Leaf(),
                  Trusted({Listed(kBuiltinTrustedKeys, {Member("Lab: other", Bytes(20, 1)),
                                                        Member("Lab: test ca", CaIdentifier())})})),
      Is(Acceptance::kAccepted, "its issuer is on .builtin_trusted_keys"));
}

TEST(WouldAcceptTest, TheIssuersNameWithAnotherIdentifierDoesNotVouch) {
  EXPECT_THAT(
      WouldAccept(Leaf(),
                  Trusted({Listed(kBuiltinTrustedKeys, {Member("Lab: test ca", Bytes(20, 1))})})),
      Is(Acceptance::kRefused,
         AllOf(HasSubstr("no key that this kernel trusts"), HasSubstr("CN=test ca"),
               HasSubstr(base::HexEncode(CaIdentifier())))));
}

TEST(WouldAcceptTest, WithoutAnAuthorityIdentifierTheIssuersNameDecides) {
  const KeyringMember same = Member("Lab: test ca", Bytes(20, 1));
  const KeyringMember other = Member("Lab: test ca 2", Bytes(20, 1));
  EXPECT_THAT(WouldAccept(WithoutAuthority(), Trusted({Listed(kBuiltinTrustedKeys, {same})})),
              Is(Acceptance::kAccepted, HasSubstr(".builtin_trusted_keys")));
  EXPECT_THAT(WouldAccept(WithoutAuthority(), Trusted({Listed(kBuiltinTrustedKeys, {other})})),
              Is(Acceptance::kRefused, HasSubstr("wanted is its issuer 'CN=test ca,O=Lab'")));
}

TEST(WouldAcceptTest, TheSecondaryRingCountsWhereTheKernelWasBuiltSo) {
  const std::vector<KernelRing> rings = {
      Listed(kBuiltinTrustedKeys), Listed(kSecondary, {Member("Lab: test ca", CaIdentifier())})};
  EXPECT_THAT(WouldAccept(Leaf(), Trusted(rings, kOthersToo)),
              Is(Acceptance::kAccepted, HasSubstr(kSecondary)));
  EXPECT_THAT(WouldAccept(Leaf(), Trusted(rings, kBuiltinOnly)),
              Is(Acceptance::kRefused, HasSubstr("takes only what .builtin_trusted_keys")));
  EXPECT_THAT(WouldAccept(Leaf(), Trusted(rings, nullptr)),
              Is(Acceptance::kUnknown, HasSubstr("how this kernel was built")));
}

TEST(WouldAcceptTest, WhileARingCannotBeSeenTheAnswerIsUnknown) {
  EXPECT_THAT(WouldAccept(Leaf(), Trusted({Listed(kBuiltinTrustedKeys), Hidden(kSecondary)})),
              Is(Acceptance::kUnknown, AllOf(HasSubstr("CN=test ca"),
                                             HasSubstr(".secondary_trusted_keys cannot be seen"))));
}

TEST(WouldAcceptTest, ARingThatTheKernelDoesNotHaveHidesNothing) {
  const KernelRing absent = {".machine", RingSight::kAbsent, {}, ""};
  EXPECT_EQ(WouldAccept(Leaf(), Trusted({Listed(kBuiltinTrustedKeys), absent})).word,
            Acceptance::kRefused);
}

TEST(WouldAcceptTest, AnExpiredCertificateIsNoWorse) {
  const pki::Certificate expired =
      MakeCertificate({.key_type = "rsa:2048", .not_after = absl::FromUnixSeconds(1700000001)});
  EXPECT_EQ(WouldAccept(expired, Plain()).word, Acceptance::kAccepted);
}

TEST(CanVerifyWithTest, EcNeedsAKernelThatKnowsEcdsa) {
  const pki::Certificate p256 = Leaf("ec:p256");
  KernelState kernel = Kernel("# CONFIG_CRYPTO_ECDSA is not set\n");
  EXPECT_THAT(CanVerifyWith(p256, kernel),
              Is(Acceptance::kRefused, AllOf(HasSubstr("ec:p256"), HasSubstr("/boot/config"))));
  EXPECT_THAT(CanVerifyWith(p256, Kernel(nullptr)),
              Is(Acceptance::kUnknown, HasSubstr("ecdsa-nist-p256")));
  kernel.algorithms->emplace_back("ecdsa-nist-p256");
  EXPECT_THAT(CanVerifyWith(p256, kernel), Is(Acceptance::kAccepted, ""));
  EXPECT_EQ(CanVerifyWith(Leaf("ec:p384"), kernel).word, Acceptance::kRefused);
  EXPECT_EQ(CanVerifyWith(Leaf(), Kernel(nullptr)).word, Acceptance::kAccepted);
}

TEST(CanVerifyWithTest, OtherKeyTypesAreOfNoUse) {
  EXPECT_THAT(CanVerifyWith(MakeCertificate({.key_type = "ed25519"}), Kernel(nullptr)),
              Is(Acceptance::kRefused, HasSubstr("ed25519")));
  EXPECT_THAT(CanVerifyWith(MakeCertificate({.key_type = "ec:p521"}), Kernel(nullptr)),
              Is(Acceptance::kRefused, HasSubstr("ec:p521")));
}

TEST(CanVerifyWithTest, ACertificateThatTheKernelNeverFindsIsOfNoUse) {
  EXPECT_THAT(CanVerifyWith(MakeCertificate(
                                {.key_type = "rsa:2048", .subject_key_identifier = absl::nullopt}),
                            Kernel(nullptr)),
              Is(Acceptance::kRefused, HasSubstr("no subject key identifier")));
}

TEST(CanVerifyWithTest, TheUncertaintyAboutEcdsaOutlivesAnIssuerThatVouches) {
  const KeyringMember ca = Member("Lab: test ca", CaIdentifier());
  EXPECT_THAT(WouldAccept(Leaf("ec:p256"), Trusted({Listed(kBuiltinTrustedKeys, {ca})}, nullptr)),
              Is(Acceptance::kUnknown, HasSubstr("ecdsa-nist-p256")));
}

TEST(IssuerReferenceTest, HasTheAuthorityAndTheIssuersName) {
  const pki::IssuerReference issuer = pki::IssuerReferenceOf(Leaf());
  EXPECT_EQ(issuer.key_identifier, absl::optional<Bytes>(CaIdentifier()));
  EXPECT_EQ(issuer.organization, "Lab");
  EXPECT_EQ(issuer.common_name, "test ca");
  EXPECT_EQ(issuer.email, "");
  EXPECT_EQ(pki::IssuerReferenceOf(WithoutAuthority()).key_identifier, absl::nullopt);
}

TEST(IssuerReferenceTest, TakesTheLastOfSeveralNamesAsTheKernelDoes) {
  const pki::Certificate certificate = MakeCertificate(
      {.subject = {{"CN", "first"}, {"CN", "last"}, {"emailAddress", "a@example.com"}}});
  EXPECT_EQ(pki::IssuerReferenceOf(certificate).common_name, "last");
  EXPECT_EQ(pki::IssuerReferenceOf(certificate).email, "a@example.com");
}

TEST(KernelNameTest, IsMadeAsTheKernelMakesIt) {
  EXPECT_EQ(KernelName({absl::nullopt, "Lab", "ca", "e"}), "Lab: ca");
  EXPECT_EQ(KernelName({absl::nullopt, "Lab", "Lab ca", "e"}), "Lab ca");
  EXPECT_EQ(KernelName({absl::nullopt, "Example Org", "Example Root", ""}), "Example Root");
  EXPECT_EQ(KernelName({absl::nullopt, "Examp Org", "Examp Root", ""}), "Examp Org: Examp Root");
  EXPECT_EQ(KernelName({absl::nullopt, "", "ca", "e"}), "ca");
  EXPECT_EQ(KernelName({absl::nullopt, "Lab", "", "e"}), "Lab");
  EXPECT_EQ(KernelName({absl::nullopt, "", "", "e"}), "e");
  EXPECT_EQ(KernelName({}), "");
}

TEST(FindIssuerTest, AnIssuerWithoutAnyNameMatchesNothing) {
  const std::vector<KeyringMember> members = {{1, "asymmetric", ": aabb", Bytes{0xaa, 0xbb}},
                                              {2, "asymmetric", "", absl::nullopt}};
  EXPECT_EQ(FindIssuer({}, members), nullptr);
}

TEST(FindIssuerTest, AMemberWithoutAnIdentifierIsNotTheOneThatIsNamed) {
  const std::vector<KeyringMember> members = {{2, "asymmetric", "Lab: ca", absl::nullopt}};
  pki::IssuerReference issuer;
  issuer.key_identifier = Bytes{1, 2, 3};
  EXPECT_EQ(FindIssuer(issuer, members), nullptr);
}

TEST(AcceptanceTest, HasAWordForEach) {
  EXPECT_STREQ(AcceptanceName(Acceptance::kAccepted), "accepted");
  EXPECT_STREQ(AcceptanceName(Acceptance::kRefused), "refused");
  EXPECT_STREQ(AcceptanceName(Acceptance::kUnknown), "unknown");
}

}  // namespace
}  // namespace jet::ima

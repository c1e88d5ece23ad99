// Renaming keys: what stays, what is refused, and what a killed rename leaves.
#include "keystore/rename.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "keystore/keystore.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class RenameTest : public KeystoreTest {
 protected:
  RenameTest() {
    AddKey("one", TestKey("ec:p256", 0));
    AddCertificate("two", TestCertificate(TestKey("ec:p256", 1), "two"));
  }

  absl::Status Rename(absl::string_view from, absl::string_view to) const {
    return OpenStore(Access::kWrite).Rename(from, to);
  }

  // Leaves what a rename leaves that is killed when both names are in keys/.
  void LeaveBothNames(const std::string& from, const std::string& to) const {
    const std::string kept = folder_.Path("kept");
    std::filesystem::copy(InStore(absl::StrCat("keys/", from)), kept);
    ASSERT_THAT(Rename(from, to), IsOk());
    std::filesystem::rename(kept, InStore(absl::StrCat("keys/", from)));
    WriteJournal(from, to);
  }
  void WriteJournal(const std::string& from, const std::string& to) const {
    folder_.Write("keystore/staging/rename.journal",
                  absl::StrCat("jet keystore rename 1\n", from, "\n", to, "\n"), 0600);
  }
};

TEST_F(RenameTest, KeepsCertificateAndPrivateKeyByteForByte) {
  const std::string certificate = ContentOf(InStore("keys/one/certificate.der"));
  const std::string private_key = ContentOf(InStore("keys/one/private-key.pem"));
  const absl::Time created = test::ValueOf(OpenStore(Access::kRead).Find("one")).created;
  ASSERT_THAT(Rename("one", "uno"), IsOk());
  ASSERT_OK_AND_ASSIGN(const StoredKey renamed, OpenStore(Access::kRead).Find("uno"));
  EXPECT_EQ(renamed.name, "uno");
  EXPECT_EQ(renamed.certificate_path, InStore("keys/uno/certificate.der"));
  EXPECT_EQ(renamed.created, created);
  EXPECT_EQ(renamed.origin, KeyOrigin::kGenerated);
  EXPECT_EQ(ContentOf(InStore("keys/uno/certificate.der")), certificate);
  EXPECT_EQ(ContentOf(InStore("keys/uno/private-key.pem")), private_key);
  EXPECT_EQ(ModeOf(InStore("keys/uno/private-key.pem")), 0600U);
  EXPECT_THAT(KeyNames(), ElementsAre("two", "uno"));
  EXPECT_THAT(OpenStore(Access::kRead).OpenPrivateKey("uno"), IsOk());
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
}

TEST_F(RenameTest, RenamesAKeyThatOnlyVerifies) {
  EXPECT_THAT(Rename("two", "due"), IsOk());
  EXPECT_FALSE(Exists(InStore("keys/due/private-key.pem")));
  EXPECT_THAT(KeyNames(), ElementsAre("due", "one"));
}

TEST_F(RenameTest, TakenNameIsRefusedAndNothingChanges) {
  EXPECT_THAT(Rename("one", "two"), StatusIs(StatusCode::kAlreadyExists, HasSubstr("'two'")));
  EXPECT_THAT(Rename("one", "one"), StatusIs(StatusCode::kAlreadyExists, HasSubstr("'one'")));
  EXPECT_THAT(KeyNames(), ElementsAre("one", "two"));
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
}

TEST_F(RenameTest, ImpossibleAndUnknownNamesAreRefused) {
  EXPECT_THAT(Rename("one", "../x"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("'../x'")));
  EXPECT_THAT(Rename("a/b", "x"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("'a/b'")));
  EXPECT_THAT(Rename("none", "x"),
              StatusIs(StatusCode::kNotFound, AllOf(HasSubstr("'none'"), HasSubstr("one, two"))));
}

TEST_F(RenameTest, DamagedKeyIsNotRenamed) {
  Rewrite("keys/one/certificate.der", ContentOf(InStore("keys/two/certificate.der")));
  EXPECT_THAT(Rename("one", "uno"), StatusIs(StatusCode::kDataLoss, HasSubstr("keys/one")));
  EXPECT_FALSE(Exists(InStore("keys/uno")));
}

TEST_F(RenameTest, NeedsTheStoreKey) {
  std::filesystem::rename(InStore("master.key"), folder_.Path("away"));
  EXPECT_THAT(Rename("one", "uno"),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("master.key")));
  EXPECT_THAT(KeyNames(), ElementsAre("one", "two"));
}

TEST_F(RenameTest, NeedsAWriter) {
  EXPECT_THAT(OpenStore(Access::kRead).Rename("one", "uno"),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("for reading only")));
}

TEST_F(RenameTest, ReaderFindsNoDamageWhereTheRenameWasCutOff) {
  LeaveBothNames("one", "uno");
  EXPECT_THAT(KeyNames(), ElementsAre("one", "two", "uno"));
  EXPECT_THAT(DamagedNames(), IsEmpty());
}

TEST_F(RenameTest, NextWriterFinishesIt) {
  LeaveBothNames("one", "uno");
  EXPECT_THAT(OpenStore(Access::kWrite).recovered(),
              Contains(HasSubstr("finished the rename of the key 'one' to 'uno'")));
  EXPECT_THAT(KeyNames(), ElementsAre("two", "uno"));
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
  EXPECT_THAT(OpenStore(Access::kWrite).recovered(), IsEmpty());
}

TEST_F(RenameTest, NextWriterTakesBackWhatHadNotBegun) {
  WriteJournal("one", "uno");
  EXPECT_THAT(OpenStore(Access::kWrite).recovered(),
              ElementsAre(HasSubstr("took back the rename of the key 'one' to 'uno'")));
  EXPECT_THAT(KeyNames(), ElementsAre("one", "two"));
  EXPECT_FALSE(Exists(InStore("staging/rename.journal")));
}

TEST_F(RenameTest, NextWriterRemovesTheJournalOfWhatWasDone) {
  ASSERT_THAT(Rename("one", "uno"), IsOk());
  WriteJournal("one", "uno");
  EXPECT_THAT(OpenStore(Access::kWrite).recovered(), ElementsAre(HasSubstr("finished")));
  EXPECT_THAT(KeyNames(), ElementsAre("two", "uno"));
}

TEST_F(RenameTest, JournalNeverTakesAwayAnotherKey) {
  WriteJournal("one", "two");
  EXPECT_THAT(OpenStore(Access::kWrite).recovered(), ElementsAre(HasSubstr("both stay")));
  EXPECT_THAT(KeyNames(), ElementsAre("one", "two"));
  EXPECT_FALSE(Exists(InStore("staging/rename.journal")));
}

TEST_F(RenameTest, JournalNeverTakesAwayTheOldNameWhenTheNewOneIsDamaged) {
  LeaveBothNames("one", "uno");
  Rewrite("keys/uno/record.json", "{}\n");
  EXPECT_THAT(OpenStore(Access::kWrite).recovered(), Contains(HasSubstr("both stay")));
  EXPECT_THAT(KeyNames(), ElementsAre("one", "two"));
  EXPECT_THAT(DamagedNames(), ElementsAre("uno"));
}

TEST_F(RenameTest, JournalThatWasNotWrittenWholeIsSwept) {
  for (const char* content :
       {"", "jet keystore rename 1\n", "jet keystore rename 1\none\nuno",
        "jet keystore rename 2\none\nuno\n", "jet keystore rename 1\n../one\nuno\n",
        "jet keystore rename 1\none\nuno\nmore\n"}) {
    folder_.Write("keystore/staging/rename.journal", content, 0600);
    EXPECT_THAT(OpenStore(Access::kWrite).recovered(),
                ElementsAre(HasSubstr("removed what was left over")))
        << content;
    EXPECT_THAT(KeyNames(), ElementsAre("one", "two"));
  }
}

TEST_F(RenameTest, KeyMayBeNamedAsTheJournalIs) {
  EXPECT_THAT(Rename("one", "rename.journal"), IsOk());
  EXPECT_THAT(KeyNames(), UnorderedElementsAre("rename.journal", "two"));
  EXPECT_THAT(Rename("rename.journal", "one"), IsOk());
  EXPECT_THAT(KeyNames(), ElementsAre("one", "two"));
}

}  // namespace
}  // namespace jet::keystore

#include "keystore/mirror_history.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/hex.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using absl::StatusCode;
using base::Bytes;
using test::IsOk;
using test::StatusIs;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string& Hash() {
  static const auto* const kHash = new std::string(64, 'a');
  return *kHash;
}

MirrorHistory HistoryOf(const std::vector<Bytes>& identifiers) {
  MirrorHistory history;
  for (const Bytes& identifier : identifiers) EXPECT_TRUE(history.Add({identifier, Hash()}));
  return history;
}

std::string FileOf(const MirrorHistory& history) {
  return absl::StrCat(EncodeMirrorHistory(history, "0123456789abcdef"),
                      EncodeMirrorHistoryHmac(Bytes(32, 0x11)));
}

absl::Status DecodeStatus(const std::string& content) {
  return DecodeMirrorHistory(base::AsBytes(content)).status();
}

TEST(MirrorHistoryTest, RemembersEachCertificateOnce) {
  MirrorHistory history;
  EXPECT_TRUE(history.Add({{1, 2}, Hash()}));
  EXPECT_FALSE(history.Add({{1, 2}, Hash()}));
  EXPECT_TRUE(history.Add({{1, 2}, std::string(64, 'b')}));
  EXPECT_TRUE(history.Add({{1, 2, 3}, Hash()}));
  EXPECT_EQ(history.CountWith(Bytes{1, 2}), 2U);
  EXPECT_EQ(history.CountWith(Bytes{1, 2, 3}), 1U);
  EXPECT_EQ(history.CountWith(Bytes{2}), 0U);
}

TEST(MirrorHistoryTest, IdentifiersThatAreEmptyOrTooLongAreNotKept) {
  MirrorHistory history;
  EXPECT_FALSE(history.Add({{}, Hash()}));
  EXPECT_FALSE(history.Add({Bytes(MirrorHistory::kMaxIdentifier + 1, 1), Hash()}));
  EXPECT_TRUE(history.Add({Bytes(MirrorHistory::kMaxIdentifier, 1), Hash()}));
}

TEST(MirrorHistoryTest, TheOldestIsForgottenWhenItIsFull) {
  MirrorHistory history;
  for (size_t i = 0; i <= MirrorHistory::kMaxCertificates; ++i) {
    history.Add({{static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)}, Hash()});
  }
  EXPECT_THAT(history.certificates(), SizeIs(MirrorHistory::kMaxCertificates));
  EXPECT_EQ(history.CountWith(Bytes{0, 0}), 0U);
  EXPECT_EQ(history.CountWith(Bytes{0, 1}), 1U);
  EXPECT_THAT(DecodeStatus(FileOf(history)), IsOk());
}

TEST(DecodeMirrorHistoryTest, ReadsBackWhatWasWritten) {
  const std::string content = FileOf(HistoryOf({{1, 2}, {0xff}}));
  EXPECT_EQ(content, absl::StrCat("jet mirror history 1 0123456789abcdef\n0102 ", Hash(), "\nff ",
                                  Hash(), "\nhmac-sha256 ", std::string(64, '1'), "\n"));
  ASSERT_OK_AND_ASSIGN(const MirrorHistoryFile file, DecodeMirrorHistory(base::AsBytes(content)));
  EXPECT_EQ(file.store_key_id, "0123456789abcdef");
  EXPECT_EQ(file.history.certificates(), HistoryOf({{1, 2}, {0xff}}).certificates());
  EXPECT_EQ(file.hmac, Bytes(32, 0x11));
  EXPECT_THAT(DecodeStatus(FileOf({})), IsOk());
}

TEST(DecodeMirrorHistoryTest, AnyOtherSpellingIsAnError) {
  const std::string good = FileOf(HistoryOf({{0xab, 2}, {3}}));
  for (const std::string& bad :
       {std::string(), std::string("\n\n\n"), good.substr(0, good.size() - 1), good + "\n",
        absl::StrReplaceAll(good, {{"ab02", "AB02"}}), absl::StrReplaceAll(good, {{"ab02", "ab0"}}),
        absl::StrReplaceAll(good, {{"ab02 ", "ab02  "}}),
        absl::StrReplaceAll(good, {{"ab02 ", " "}}),
        absl::StrReplaceAll(good, {{"\n03", "\nab02"}}),  // twice the same
        absl::StrReplaceAll(good, {{"hmac-sha256 ", "hmac "}}),
        absl::StrReplaceAll(good, {{"1111\n", "11\n"}}),
        absl::StrReplaceAll(good, {{"\n", "\r\n"}}),
        absl::StrReplaceAll(good, {{"jet mirror", "Jet mirror"}})}) {
    EXPECT_THAT(DecodeStatus(bad), StatusIs(StatusCode::kDataLoss, HasSubstr("not written")))
        << bad;
  }
}

TEST(DecodeMirrorHistoryTest, AnotherVersionIsSaid) {
  EXPECT_THAT(DecodeStatus(absl::StrReplaceAll(FileOf({}), {{"history 1", "history 2"}})),
              StatusIs(StatusCode::kUnimplemented, HasSubstr("version")));
}

TEST(DecodeMirrorHistoryTest, MoreThanAreKeptIsAnError) {
  std::string lines = "jet mirror history 1 0123456789abcdef\n";
  for (size_t i = 0; i <= MirrorHistory::kMaxCertificates; ++i) {
    absl::StrAppend(&lines,
                    base::HexEncode({static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)}), " ",
                    Hash(), "\n");
  }
  EXPECT_THAT(DecodeStatus(absl::StrCat(lines, EncodeMirrorHistoryHmac(Bytes(32, 1)))),
              StatusIs(StatusCode::kDataLoss, HasSubstr("not written")));
}

// In a store.
class StoredMirrorHistoryTest : public KeystoreTest {
 protected:
  void SetUp() override { AddCertificate("one", certificate_); }

  absl::StatusOr<MirrorHistory> Read() const { return OpenStore(Access::kRead).Mirrored(); }
  absl::Status Remember() const {
    return OpenStore(Access::kWrite).RememberMirrored({certificate_});
  }

  const pki::Certificate certificate_ = TestCertificate(TestKey(), "one");
};

TEST_F(StoredMirrorHistoryTest, IsEmptyUntilSomethingIsMirrored) {
  ASSERT_OK_AND_ASSIGN(const MirrorHistory history, Read());
  EXPECT_THAT(history.certificates(), IsEmpty());
  EXPECT_FALSE(Exists(InStore(kMirrorHistoryFile)));
}

TEST_F(StoredMirrorHistoryTest, OutlivesTheKeyThatWasMirrored) {
  ASSERT_THAT(Remember(), IsOk());
  ASSERT_THAT(OpenStore(Access::kWrite).Remove("one", Agree), IsOk());
  ASSERT_OK_AND_ASSIGN(const MirrorHistory history, Read());
  EXPECT_EQ(history.CountWith(*certificate_.subject_key_identifier()), 1U);
}

TEST_F(StoredMirrorHistoryTest, IsWrittenOnlyWhenSomethingIsNew) {
  ASSERT_THAT(Remember(), IsOk());
  struct stat before = {};
  struct stat after = {};
  ASSERT_EQ(stat(InStore(kMirrorHistoryFile).c_str(), &before), 0);
  ASSERT_THAT(Remember(), IsOk());
  ASSERT_EQ(stat(InStore(kMirrorHistoryFile).c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(ModeOf(InStore(kMirrorHistoryFile)), 0644U);
  EXPECT_THAT(NamesIn(InStore("staging")), IsEmpty());
}

TEST_F(StoredMirrorHistoryTest, EveryChangedByteIsFoundAndNothingIsBelieved) {
  ASSERT_THAT(Remember(), IsOk());
  const std::string good = ContentOf(InStore(kMirrorHistoryFile));
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    Rewrite(kMirrorHistoryFile, bad);
    EXPECT_FALSE(Read().ok()) << i;
  }
}

TEST_F(StoredMirrorHistoryTest, AnEditedOneIsNotOverwrittenAndTheMessageSaysWhatToDo) {
  ASSERT_THAT(Remember(), IsOk());
  const std::string good = ContentOf(InStore(kMirrorHistoryFile));
  const std::string own = base::HexEncode(*certificate_.subject_key_identifier());
  const std::string edited = absl::StrReplaceAll(good, {{own, std::string(own.size(), '5')}});
  ASSERT_NE(edited, good);
  Rewrite(kMirrorHistoryFile, edited);
  EXPECT_THAT(Read(),
              StatusIs(StatusCode::kDataLoss, testing::AllOf(HasSubstr("HMAC does not match"),
                                                             HasSubstr(InStore(kMirrorHistoryFile)),
                                                             HasSubstr("remove it"))));
  EXPECT_THAT(Remember(), StatusIs(StatusCode::kDataLoss, HasSubstr("HMAC does not match")));
  EXPECT_EQ(ContentOf(InStore(kMirrorHistoryFile)), edited);
}

TEST_F(StoredMirrorHistoryTest, WithoutTheStoreKeyItIsNotBelieved) {
  ASSERT_THAT(Remember(), IsOk());
  ASSERT_EQ(rename(InStore("master.key").c_str(), folder_.Path("away").c_str()), 0);
  EXPECT_THAT(Read(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("without the store key")));
}

TEST_F(StoredMirrorHistoryTest, AFileOfAnotherStoreIsNotBelieved) {
  ASSERT_THAT(Remember(), IsOk());
  Rewrite("master.key", std::string(32, 'k'));
  EXPECT_THAT(Read(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("written under the store key")));
}

TEST_F(StoredMirrorHistoryTest, IsMovedByARekey) {
  ASSERT_THAT(Remember(), IsOk());
  const std::string before = ContentOf(InStore(kMirrorHistoryFile));
  ASSERT_THAT(OpenStore(Access::kWrite).Rekey(), IsOk());
  EXPECT_NE(ContentOf(InStore(kMirrorHistoryFile)), before);
  ASSERT_OK_AND_ASSIGN(const MirrorHistory history, Read());
  EXPECT_EQ(history.CountWith(*certificate_.subject_key_identifier()), 1U);
}

TEST_F(StoredMirrorHistoryTest, OneThatOthersMayWriteIsRefused) {
  ASSERT_THAT(Remember(), IsOk());
  ASSERT_EQ(chmod(InStore(kMirrorHistoryFile).c_str(), 0666), 0);
  EXPECT_THAT(Read(), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("chmod")));
}

TEST_F(StoredMirrorHistoryTest, AReaderCannotWriteIt) {
  EXPECT_THAT(OpenStore(Access::kRead).RememberMirrored({certificate_}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("reading only")));
}

}  // namespace
}  // namespace jet::keystore

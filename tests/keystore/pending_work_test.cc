#include "keystore/pending_work.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using test::ValueOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kOne(64, '1');
const std::string kTwo(64, '2');

PendingEntry PutOf(const std::string& sha256, bool with_private_key = false) {
  PendingEntry entry;
  entry.put = PendingPut{sha256, with_private_key};
  return entry;
}

PendingEntry RemovalOf(const std::string& sha256) {
  PendingEntry entry;
  entry.removals = {sha256};
  return entry;
}

PendingEntry RenameOf(const std::vector<PendingRename>& renames, bool with_private_key = false) {
  PendingEntry entry = PutOf(kOne, with_private_key);
  entry.renames = renames;
  return entry;
}

TEST(PendingEntryTest, ADeletionTakesThePlaceOfAPut) {
  PendingEntry entry = PutOf(kOne);
  for (int i = 0; i < 2; ++i) {
    NoteRemoval(entry, kOne);
    DropStale(entry, "");
    EXPECT_EQ(entry, RemovalOf(kOne));
  }
}

TEST(PendingEntryTest, ADeletionThatDoesNotComeAboutLeavesThePut) {
  PendingEntry entry = PutOf(kOne, true);
  NoteRemoval(entry, kOne);
  DropStale(entry, kOne);
  EXPECT_EQ(entry, PutOf(kOne, true));
}

TEST(PendingEntryTest, APutOfTheSameCertificateTakesThePlaceOfItsRemoval) {
  PendingEntry entry = RemovalOf(kOne);
  NotePut(entry, {kOne, true});
  DropStale(entry, kOne);
  EXPECT_EQ(entry, PutOf(kOne, true));
}

TEST(PendingEntryTest, APutThatDoesNotComeAboutLeavesTheRemoval) {
  PendingEntry entry = RemovalOf(kOne);
  entry.renames = {{"a", kOne}};
  const PendingEntry before = entry;
  NotePut(entry, {kOne, true});
  DropStale(entry, "");
  EXPECT_EQ(entry, before);
}

TEST(PendingEntryTest, WhatAKilledRenameLeftIsNoPartOfAPut) {
  PendingEntry entry = RenameOf({{"a", kOne}});
  NotePut(entry, {kOne, false});
  EXPECT_EQ(entry, PutOf(kOne));
}

TEST(PendingEntryTest, APutOfAnotherCertificateComesAfterTheRemoval) {
  PendingEntry entry = RemovalOf(kOne);
  NotePut(entry, {kTwo, false});
  EXPECT_THAT(entry.removals, ElementsAre(kOne));
  EXPECT_EQ(entry.put, (PendingPut{kTwo, false}));
}

TEST(PendingEntryTest, ARenameIsNotedWithThePutOfAPeerThatLacksTheKey) {
  PendingEntry entry;
  NoteRename(entry, {"a", "b", kOne, PendingEntry()});
  EXPECT_EQ(entry, RenameOf({{"a", kOne}}));
  NoteRename(entry, {"a", "b", kOne, PendingEntry()});
  EXPECT_EQ(entry, RenameOf({{"a", kOne}}));
}

TEST(PendingEntryTest, ARenameTakesAlongWhatWasPendingUnderTheOldName) {
  PendingEntry entry;
  NoteRename(entry, {"b", "c", kOne, RenameOf({{"a", kOne}}, true)});
  EXPECT_EQ(entry, RenameOf({{"a", kOne}, {"b", kOne}}, true));
  PendingEntry other;
  NoteRename(other, {"b", "c", kOne, PutOf(kTwo, true)});
  EXPECT_EQ(other, RenameOf({{"b", kOne}}));
}

TEST(PendingEntryTest, ANameThatAKeyGetsBackIsNoOldName) {
  PendingEntry entry;
  NoteRename(entry, {"b", "a", kOne, RenameOf({{"a", kOne}})});
  EXPECT_EQ(entry, RenameOf({{"b", kOne}}));
}

TEST(PendingEntryTest, ARenameKeepsTheRemovalOfAnotherKeyAndDropsItsOwn) {
  PendingEntry entry = RemovalOf(kOne);
  NoteRemoval(entry, kTwo);
  NoteRename(entry, {"a", "b", kOne, PendingEntry()});
  EXPECT_THAT(entry.removals, ElementsAre(kTwo));
}

TEST(PendingEntryTest, ADeletionKeepsTheOldNameThatAPeerHasTheKeyUnder) {
  PendingEntry entry = RenameOf({{"a", kOne}});
  NoteRemoval(entry, kOne);
  DropStale(entry, "");
  PendingEntry expected = RemovalOf(kOne);
  expected.renames = {{"a", kOne}};
  EXPECT_EQ(entry, expected);
  EXPECT_TRUE(entry.Removes(kOne));
  DropStale(entry, "");
  EXPECT_EQ(entry, expected);
  NotePut(entry, {kTwo, false});
  expected.put = PendingPut{kTwo, false};
  EXPECT_EQ(entry, expected);
}

TEST(PendingEntryTest, StaleIsARenameThatDidNotComeAbout) {
  for (const std::string& stored : {std::string(), kTwo}) {
    PendingEntry entry = RenameOf({{"a", kOne}});
    DropStale(entry, stored);
    EXPECT_TRUE(entry.empty()) << stored;
  }
  PendingEntry entry = RenameOf({{"a", kOne}});
  DropStale(entry, kOne);
  EXPECT_EQ(entry, RenameOf({{"a", kOne}}));
}

TEST(PendingEntryTest, StaleIsAPutOfWhatIsNotHereAndARemovalOfWhatIs) {
  PendingEntry killed_import = PutOf(kOne);
  DropStale(killed_import, "");
  EXPECT_TRUE(killed_import.empty());
  PendingEntry killed_delete = RemovalOf(kOne);
  DropStale(killed_delete, kOne);
  EXPECT_TRUE(killed_delete.empty());
  PendingEntry good = PutOf(kOne);
  good.removals = {kTwo};
  PendingEntry same = good;
  DropStale(same, kOne);
  EXPECT_EQ(same, good);
}

TEST(PendingEntryTest, ComesBackAsItWas) {
  PendingEntry both = PutOf(kOne, true);
  both.removals = {kTwo, kOne};
  PendingEntry all = both;
  all.renames = {{"a", kOne}, {"b", kTwo}};
  for (const PendingEntry& entry : {all, both, PutOf(kTwo), RemovalOf(kOne), PendingEntry()}) {
    const std::string text = EncodePendingEntry(entry);
    EXPECT_THAT(DecodePendingEntry(base::AsBytes(text)), IsOkAndHolds(entry));
  }
  EXPECT_EQ(
      EncodePendingEntry(PutOf(kOne, true)),
      "{\"format\":1,\"put\":{\"certificate_sha256\":\"" + kOne + "\",\"private_key\":true}}\n");
  EXPECT_EQ(EncodePendingEntry(RenameOf({{"a", kOne}})),
            "{\"format\":2,\"rename\":[{\"from\":\"a\",\"certificate_sha256\":\"" + kOne +
                "\"}],\"put\":{\"certificate_sha256\":\"" + kOne + "\",\"private_key\":false}}\n");
}

TEST(PendingEntryTest, OtherTextIsDamage) {
  const std::string good = EncodePendingEntry(PutOf(kOne));
  const std::string removal = EncodePendingEntry(RemovalOf(kOne));
  for (const std::string& text :
       {std::string(), std::string("{}\n"), good.substr(0, good.size() - 1), good + good,
        std::string("{\"format\":1,\"delete\":\"x\"}\n"),
        std::string("{\"format\":1,\"delete\":[\"x\"]}\n"),
        std::string("{\"format\":1,\"delete\":[1]}\n"), std::string("{\"format\":1,\"put\":1}\n"),
        std::string("{\"format\":1,\"put\":{\"private_key\":true}}\n"),
        std::string("{\"format\":1,\"more\":1}\n"), std::string("{\"format\":2}\n"),
        std::string("{\"format\":2,\"rename\":1}\n"),
        std::string("{\"format\":2,\"rename\":[1]}\n"),
        std::string("{\"format\":2,\"rename\":[]}\n"),
        std::string("{\"format\":2,\"rename\":[{\"from\":\"a\"}]}\n"),
        "{\"format\":1,\"rename\":[{\"from\":\"a\",\"certificate_sha256\":\"" + kOne + "\"}]}\n",
        "{\"format\":2,\"rename\":[{\"from\":\"../a\",\"certificate_sha256\":\"" + kOne + "\"}]}\n",
        "{\"format\":2,\"rename\":[{\"from\":1,\"certificate_sha256\":\"" + kOne + "\"}]}\n",
        " " + removal}) {
    EXPECT_THAT(DecodePendingEntry(base::AsBytes(text)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("damaged")))
        << text;
  }
  EXPECT_THAT(DecodePendingEntry(base::AsBytes("{\"format\":3}\n")),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("format version 3")));
}

class PendingWorkTest : public KeystoreTest {
 protected:
  PendingWorkTest() { OpenStore(Access::kCreate); }

  PendingWork Queue() const { return ValueOf(PendingWork::Open(store_)); }

  void Put(const std::string& peer, const std::string& name, const PendingEntry& entry) const {
    ASSERT_THAT(Queue().Change(peer, name, [&](PendingEntry& now) { now = entry; }), IsOk());
  }

  // "peer name" of every item.
  std::vector<std::string> Items() const {
    std::vector<std::string> items;
    for (const PendingItem& item : ValueOf(Queue().List())) {
      items.push_back(item.peer + " " + item.name + (item.entry.ok() ? "" : " damaged"));
    }
    return items;
  }
};

TEST_F(PendingWorkTest, ListsWhatWasNotedByPeerAndName) {
  Put("re2", "a", PutOf(kOne));
  Put("re1", "b", RemovalOf(kOne));
  Put("re1", "a", PutOf(kTwo, true));
  EXPECT_THAT(Items(), ElementsAre("re1 a", "re1 b", "re2 a"));
  EXPECT_THAT(Queue().Find("re1", "a"), IsOkAndHolds(PutOf(kTwo, true)));
  EXPECT_THAT(Queue().Find("re1", "none"), IsOkAndHolds(PendingEntry()));
  EXPECT_THAT(Queue().Find("re3", "a"), IsOkAndHolds(PendingEntry()));
}

TEST_F(PendingWorkTest, AnEmptyEntryHasNoFile) {
  Put("re1", "a", PutOf(kOne));
  Put("re1", "a", PendingEntry());
  EXPECT_THAT(Items(), IsEmpty());
  EXPECT_THAT(NamesIn(InStore("pending/re1")), IsEmpty());
}

TEST_F(PendingWorkTest, NobodyElseMayReadIt) {
  const mode_t before = umask(0);
  Put("re1", "a", PutOf(kOne));
  (void)umask(before);
  EXPECT_EQ(ModeOf(InStore("pending")), 0700U);
  EXPECT_EQ(ModeOf(InStore("pending/re1")), 0700U);
  EXPECT_EQ(ModeOf(InStore("pending/re1/a")), 0600U);
}

TEST_F(PendingWorkTest, WhatAKilledWriterLeftIsOverwrittenAndNotListed) {
  Put("re1", "a", PutOf(kOne));
  folder_.Write("keystore/pending/re1/.new", "half", 0600);
  EXPECT_THAT(Items(), ElementsAre("re1 a"));
  Put("re1", "a", PutOf(kTwo));
  EXPECT_THAT(NamesIn(InStore("pending/re1")), ElementsAre("a"));
}

TEST_F(PendingWorkTest, ADamagedEntryIsListedAsSuchAndGoesWithTheNextChange) {
  Put("re1", "a", PutOf(kOne));
  Put("re1", "b", PutOf(kOne));
  Rewrite("pending/re1/a", "x");
  EXPECT_THAT(Items(), ElementsAre("re1 a damaged", "re1 b"));
  EXPECT_THAT(Queue().Find("re1", "a"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("pending/re1/a")));
  EXPECT_THAT(Queue().Change("re1", "a", [](PendingEntry& now) { EXPECT_TRUE(now.empty()); }),
              IsOk());
  EXPECT_THAT(Items(), ElementsAre("re1 b"));
}

TEST_F(PendingWorkTest, ImpossibleNamesAreRefused) {
  const auto nothing = [](PendingEntry& /*now*/) {};
  EXPECT_THAT(Queue().Change("re1", "../x", nothing),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'../x'")));
  EXPECT_THAT(Queue().Change("..", "x", nothing),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'..'")));
}

TEST_F(PendingWorkTest, AFolderOpenToOthersIsRefused) {
  Put("re1", "a", PutOf(kOne));
  ASSERT_EQ(chmod(InStore("pending").c_str(), 0777), 0);
  EXPECT_THAT(PendingWork::Open(store_).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("chmod go-w")));
}

TEST_F(PendingWorkTest, WithoutAQueueThereIsNoneAndNoneIsMade) {
  EXPECT_FALSE(ValueOf(PendingWork::OpenExisting(store_)).has_value());
  EXPECT_FALSE(Exists(InStore("pending")));
  EXPECT_FALSE(ValueOf(PendingWork::OpenExisting(folder_.Path("nowhere"))).has_value());
  EXPECT_THAT(PendingWork::Open(folder_.Path("nowhere")).status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("nowhere")));
}

}  // namespace
}  // namespace jet::keystore

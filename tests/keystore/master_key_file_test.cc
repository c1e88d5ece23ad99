#include "keystore/master_key_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/keystore/fixture.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string& Key() {
  static const std::string key(32, 'k');
  return key;
}

// Runs every test for a file in the keystore and for one elsewhere.
class MasterKeyFileTest : public testing::TestWithParam<bool> {
 protected:
  MasterKeyFileTest() {
    folder_.MakeFolder("store");
    folder_.MakeFolder("store/staging");
    folder_.MakeFolder("token");
    root_ = test::Open(folder_.Path("store"), O_RDONLY | O_DIRECTORY);
    staging_ = test::Open(folder_.Path("store/staging"), O_RDONLY | O_DIRECTORY);
  }

  bool Elsewhere() const { return GetParam(); }
  std::string Relative() const { return Elsewhere() ? "token/its.key" : "store/master.key"; }
  std::string Path() const { return folder_.Path(Relative()); }
  MasterKeyHome Home(bool writable = true) const {
    return {folder_.Path("store"), root_.get(), writable ? staging_.get() : -1};
  }
  MasterKeyFile File(bool writable = true) const {
    return ValueOf(MasterKeyFile::Open(Home(writable), Elsewhere() ? Path() : ""));
  }
  std::string Read() const { return std::string(base::AsText(ValueOf(File().Read()).Expose())); }
  void Write(absl::string_view content, mode_t mode = 0600) const {
    folder_.Write(Relative(), content, mode);
  }

  test::ScratchFolder folder_;
  base::UniqueFd root_;
  base::UniqueFd staging_;
};

INSTANTIATE_TEST_SUITE_P(InTheKeystore, MasterKeyFileTest, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Elsewhere, MasterKeyFileTest, testing::Values(true));

TEST_P(MasterKeyFileTest, SaysThatThereIsNone) {
  EXPECT_THAT(File().Read(), StatusIs(StatusCode::kNotFound, HasSubstr(Path())));
  EXPECT_THAT(File().ReadNext(), StatusIs(StatusCode::kNotFound, HasSubstr(Path() + ".next")));
}

TEST_P(MasterKeyFileTest, IsMadeWithModeAndNothingBesideIt) {
  const mode_t old_mask = umask(0777);
  const absl::Status made = File().Create(base::AsBytes(Key()));
  umask(old_mask);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(Read(), Key());
  EXPECT_EQ(ModeOf(Path()), 0600U);
  EXPECT_THAT(NamesIn(folder_.Path("store/staging")), IsEmpty());
  if (Elsewhere()) {
    EXPECT_THAT(NamesIn(folder_.Path("token")), ElementsAre("its.key"));
    EXPECT_THAT(NamesIn(folder_.Path("store")), ElementsAre("staging"));
  }
}

TEST_P(MasterKeyFileTest, IsNeverMadeOverSomething) {
  Write("something");
  EXPECT_THAT(File().Create(base::AsBytes(Key())),
              StatusIs(StatusCode::kAlreadyExists, testing::_));
  EXPECT_EQ(ContentOf(Path()), "something");
  EXPECT_THAT(NamesIn(folder_.Path("store/staging")), IsEmpty());
  EXPECT_THAT(NamesIn(folder_.Path(Elsewhere() ? "token" : "store")),
              testing::SizeIs(Elsewhere() ? 1 : 2));
}

TEST_P(MasterKeyFileTest, IsNeverMadeThroughADanglingLink) {
  ASSERT_EQ(symlink("nowhere", Path().c_str()), 0);
  EXPECT_THAT(File().Create(base::AsBytes(Key())),
              StatusIs(StatusCode::kAlreadyExists, testing::_));
}

TEST_P(MasterKeyFileTest, ReplaceAndPromotePutOneFileInThePlaceOfAnother) {
  ASSERT_THAT(File().Create(base::AsBytes("one")), IsOk());
  ASSERT_THAT(File().Replace(base::AsBytes("two")), IsOk());
  EXPECT_EQ(Read(), "two");
  ASSERT_THAT(File().CreateNext(base::AsBytes("three")), IsOk());
  EXPECT_EQ(base::AsText(ValueOf(File().ReadNext()).Expose()), "three");
  EXPECT_EQ(ModeOf(Path() + ".next"), 0600U);
  EXPECT_EQ(Read(), "two");
  ASSERT_THAT(File().PromoteNext(), IsOk());
  EXPECT_EQ(Read(), "three");
  EXPECT_FALSE(Exists(Path() + ".next"));
  EXPECT_THAT(NamesIn(folder_.Path("store/staging")), IsEmpty());
}

TEST_P(MasterKeyFileTest, AReaderChangesNothing) {
  Write(Key());
  const MasterKeyFile file = File(/*writable=*/false);
  EXPECT_THAT(file.Read(), IsOk());
  for (const absl::Status& status :
       {file.Create(base::AsBytes(Key())), file.CreateNext(base::AsBytes(Key())),
        file.Replace(base::AsBytes(Key())), file.PromoteNext()}) {
    EXPECT_THAT(status, StatusIs(StatusCode::kFailedPrecondition, HasSubstr("for reading only")));
  }
  EXPECT_EQ(ContentOf(Path()), Key());
}

TEST_P(MasterKeyFileTest, ReadsAFileThatItsOwnerMayOnlyRead) {
  Write(Key(), 0400);
  EXPECT_THAT(File().Read(), IsOk());
}

TEST_P(MasterKeyFileTest, RefusesAFileThatIsMuchTooLarge) {
  Write(std::string(1 << 20, 'k'));
  EXPECT_THAT(File().Read(), StatusIs(StatusCode::kResourceExhausted, HasSubstr("4096")));
}

TEST_P(MasterKeyFileTest, RefusesAFileThatOthersMayUse) {
  const std::pair<mode_t, const char*> rows[] = {
      {0644, "open to use by everyone (mode 0644)"},
      {0640, "open to use by its group"},
      {0604, "open to use by everyone"},
      {0610, "open to use by its group"},
      {0620, "open to changes by its group"},
      {0602, "open to changes by everyone"},
  };
  for (const auto& [mode, text] : rows) {
    Write(Key(), mode);
    EXPECT_THAT(File().Read(),
                StatusIs(StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr(text), HasSubstr("chmod "), HasSubstr(Path()))));
  }
}

TEST_P(MasterKeyFileTest, RefusesAnotherUsersFile) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  Write(Key());
  ASSERT_EQ(chown(Path().c_str(), 1000, 1000), 0);
  EXPECT_THAT(File().Read(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("belongs to user id 1000")));
}

TEST_P(MasterKeyFileTest, RefusesAFolderAndAFifo) {
  folder_.MakeFolder(Relative());
  EXPECT_THAT(File().Read(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
  ASSERT_EQ(rmdir(Path().c_str()), 0);
  ASSERT_EQ(mkfifo(Path().c_str(), 0600), 0);
  EXPECT_THAT(File().Read(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
}

class MasterKeyFileInTheKeystoreTest : public MasterKeyFileTest {};
INSTANTIATE_TEST_SUITE_P(Only, MasterKeyFileInTheKeystoreTest, testing::Values(false));

TEST_P(MasterKeyFileInTheKeystoreTest, RefusesALink) {
  folder_.Write("elsewhere", Key(), 0600);
  ASSERT_EQ(symlink("../elsewhere", Path().c_str()), 0);
  EXPECT_THAT(File().Read(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
}

class MasterKeyFileElsewhereTest : public MasterKeyFileTest {};
INSTANTIATE_TEST_SUITE_P(Only, MasterKeyFileElsewhereTest, testing::Values(true));

TEST_P(MasterKeyFileElsewhereTest, FollowsALinkAndChangesWhatItLeadsTo) {
  folder_.Write("token/real", "one", 0600);
  ASSERT_EQ(symlink("real", Path().c_str()), 0);
  EXPECT_EQ(Read(), "one");
  ASSERT_THAT(File().Replace(base::AsBytes("two")), IsOk());
  EXPECT_EQ(ContentOf(folder_.Path("token/real")), "two");
  EXPECT_THAT(NamesIn(folder_.Path("token")), UnorderedElementsAre("its.key", "real"));
  struct stat status = {};
  ASSERT_EQ(lstat(Path().c_str(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
}

TEST_P(MasterKeyFileElsewhereTest, FindsAPathWithoutAFolder) {
  folder_.Write("store/plain.key", Key(), 0600);
  EXPECT_EQ(test::InChild([this]() -> std::string {
              if (chdir(folder_.Path("store").c_str()) != 0) return "chdir";
              return ValueOf(MasterKeyFile::Open(Home(), "plain.key")).Read().status().ToString();
            }),
            "OK");
}

TEST_P(MasterKeyFileElsewhereTest, WritesOverWhatAKilledWriterLeft) {
  folder_.Write("token/.its.key.staged", "half", 0600);
  ASSERT_THAT(File().Create(base::AsBytes(Key())), IsOk());
  EXPECT_THAT(NamesIn(folder_.Path("token")), ElementsAre("its.key"));
}

TEST_P(MasterKeyFileElsewhereTest, SaysThatItsFolderIsNotThere) {
  EXPECT_THAT(MasterKeyFile::Open(Home(), folder_.Path("missing/its.key")),
              StatusIs(StatusCode::kNotFound, HasSubstr("missing")));
  for (const char* path : {"/", "..", "."}) {
    EXPECT_THAT(MasterKeyFile::Open(Home(), path).status().code(),
                testing::AnyOf(StatusCode::kFailedPrecondition, StatusCode::kOk));
  }
}

// A systemd credential belongs to root, and its service may be another user.
TEST_P(MasterKeyFileElsewhereTest, AUserMayHaveAFileOfRootAndNoOneElses) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  Write(Key());
  const auto check = [this](uid_t owner) {
    if (chown(Path().c_str(), owner, owner) != 0) return std::string("chown");
    const MasterKeyFile file = File();
    return test::InChild([&file] {
      // As a user who may read every file: only the owner decides.
      if (seteuid(test::kNobody) != 0) return std::string("seteuid");
      const std::string result(file.Read().status().message());
      return result;
    });
  };
  EXPECT_THAT(check(test::kNobody), testing::StrEq(""));
  EXPECT_THAT(check(1000), testing::Not(HasSubstr("belongs to user id 0")));
}

}  // namespace
}  // namespace jet::keystore

#include "keystore/master_key.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/hex.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::keystore {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using testing::AllOf;
using testing::HasSubstr;

const char kKeyHex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

StoreKey SampleKey() {
  const base::Bytes bytes = ValueOf(base::HexDecode(kKeyHex));
  return ValueOf(StoreKey::FromSecret(crypto::Secret::CopyOf(bytes)));
}

class MasterKeyTest : public testing::Test {
 protected:
  absl::StatusOr<StoreKey> Read() const {
    const base::UniqueFd fd = test::Open(folder_.path(), O_RDONLY | O_DIRECTORY);
    return ReadMasterKey(fd.get(), path_);
  }
  void Write(size_t size, mode_t mode = 0600) const {
    folder_.Write("master.key", std::string(size, 'k'), mode);
  }

  test::ScratchFolder folder_;
  std::string path_ = folder_.Path("master.key");
};

// The expected values were computed with `openssl dgst -sha256 -mac HMAC`.
TEST_F(MasterKeyTest, IdIsThatOfTheFormatPage) { EXPECT_EQ(SampleKey().id(), "d8f7ed176b9ced79"); }

TEST_F(MasterKeyTest, RecordHmacIsThatOfTheFormatPage) {
  EXPECT_EQ(base::HexEncode(ValueOf(SampleKey().RecordHmac(base::AsBytes("a record\n")))),
            "2c574076ca72d0a5dcd3740e1e440814bdea2775bdb523109866cb93f14021bd");
}

TEST_F(MasterKeyTest, PassphraseIsTheKeyInHexadecimal) {
  EXPECT_EQ(base::AsText(SampleKey().PrivateKeyPassphrase().Expose()), kKeyHex);
}

TEST_F(MasterKeyTest, ReadsThirtyTwoBytesAsTheyAre) {
  folder_.Write("master.key", ValueOf(base::HexDecode(kKeyHex)), 0600);
  ASSERT_OK_AND_ASSIGN(const StoreKey key, Read());
  EXPECT_EQ(key.id(), SampleKey().id());
}

TEST_F(MasterKeyTest, ReadsAFileThatItsOwnerMayOnlyRead) {
  Write(kStoreKeySize, 0400);
  EXPECT_THAT(Read(), IsOk());
}

TEST_F(MasterKeyTest, SaysThatThereIsNone) {
  EXPECT_THAT(Read(), StatusIs(StatusCode::kNotFound, HasSubstr(path_)));
}

TEST_F(MasterKeyTest, RefusesEveryOtherSize) {
  for (const size_t size : {0, 1, 31, 33, 64}) {
    Write(size);
    EXPECT_THAT(Read(), StatusIs(StatusCode::kDataLoss, HasSubstr("a store key has 32")));
  }
}

TEST_F(MasterKeyTest, RefusesAFileThatIsMuchTooLarge) {
  Write(1 << 20);
  EXPECT_THAT(Read(), StatusIs(StatusCode::kResourceExhausted, HasSubstr("4096")));
}

TEST_F(MasterKeyTest, SaysThatAWrappedKeyCannotBeOpenedYet) {
  folder_.Write("master.key", "-----BEGIN JET STORE KEY-----\n", 0600);
  EXPECT_THAT(Read(), StatusIs(StatusCode::kUnimplemented, HasSubstr("passphrase")));
}

TEST_F(MasterKeyTest, RefusesAFileThatOthersMayUse) {
  const std::pair<mode_t, const char*> rows[] = {
      {0644, "open to use by everyone (mode 0644)"},
      {0640, "open to use by its group"},
      {0604, "open to use by everyone"},
      {0610, "open to use by its group"},
      {0620, "open to changes by its group"},
      {0602, "open to changes by everyone"},
  };
  for (const auto& [mode, text] : rows) {
    Write(kStoreKeySize, mode);
    EXPECT_THAT(Read(), StatusIs(StatusCode::kFailedPrecondition,
                                 AllOf(HasSubstr(text), HasSubstr("chmod "), HasSubstr(path_))));
  }
}

TEST_F(MasterKeyTest, RefusesAnotherUsersFile) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  Write(kStoreKeySize);
  ASSERT_EQ(chown(path_.c_str(), 1000, 1000), 0);
  EXPECT_THAT(Read(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("belongs to user id 1000")));
}

TEST_F(MasterKeyTest, RefusesALink) {
  folder_.Write("elsewhere", std::string(kStoreKeySize, 'k'), 0600);
  ASSERT_EQ(symlink("elsewhere", path_.c_str()), 0);
  EXPECT_THAT(Read(), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
}

TEST_F(MasterKeyTest, RefusesAFolder) {
  folder_.MakeFolder("master.key");
  EXPECT_THAT(Read(), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
}

TEST_F(MasterKeyTest, RefusesAFifoWithoutWaiting) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(Read(), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
}

}  // namespace
}  // namespace jet::keystore

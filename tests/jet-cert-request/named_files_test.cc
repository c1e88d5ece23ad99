#include "jet-cert-request/named_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "pki/request.h"
#include "tests/base/child.h"
#include "tests/crypto/test_keys.h"
#include "tests/jet-cert-request/fixture.h"
#include "tests/pki/openssl_command.h"
#include "tests/status_matchers.h"

namespace jet::cert_request {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::NewTestKey;
using test::StatusIs;
using test::TestKey;
using test::ValueOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kName[] = "acme-dev1-1";
constexpr const char* kEndings[] = {kKeyEnding, kRequestEnding, kCertificateEnding, kChainEnding};

class NamedFilesTest : public CertsTest {
 protected:
  NamedFiles Look() const { return ValueOf(OpenFolder(FolderAccess::kRead).Look(Name(kName))); }
  std::string PathOf(const char* ending) const { return Path(std::string(kName) + ending); }

  // All four files, as they should be.
  void MakeAll() const {
    Make(kName);
    const crypto::PrivateKey key = KeyOf(kName);
    scratch_.Write("certs/acme-dev1-1.pem", MakeCertificate(Issued(key, kName)).Pem());
    scratch_.Write("certs/acme-dev1-1_chain.pem", Intermediate().Pem() + Root().Pem());
  }
};

TEST_F(NamedFilesTest, WhatIsInOrderHasNoProblems) {
  MakeAll();
  const NamedFiles files = Look();
  EXPECT_EQ(files.name, Name(kName));
  ASSERT_TRUE(files.key.has_value());
  EXPECT_EQ(files.key->mode, 0600u);
  EXPECT_FALSE(files.key->encrypted);
  ASSERT_TRUE(files.key->public_key.has_value());
  ASSERT_TRUE(files.request.has_value());
  ASSERT_TRUE(files.certificate.has_value());
  EXPECT_TRUE(*files.key->public_key == files.request->public_key());
  EXPECT_TRUE(*files.key->public_key == files.certificate->public_key());
  EXPECT_THAT(files.problems, IsEmpty());
}

TEST_F(NamedFilesTest, WhatIsNotThereIsNoProblem) {
  scratch_.MakeFolder("certs");
  const NamedFiles files = Look();
  EXPECT_FALSE(files.key.has_value());
  EXPECT_FALSE(files.request.has_value());
  EXPECT_FALSE(files.certificate.has_value());
  EXPECT_THAT(files.problems, IsEmpty());
}

TEST_F(NamedFilesTest, KeyElsewhereIsNoProblem) {
  MakeAll();
  ASSERT_EQ(unlink(PathOf(kKeyEnding).c_str()), 0);
  const NamedFiles files = Look();
  EXPECT_FALSE(files.key.has_value());
  EXPECT_THAT(files.problems, IsEmpty());
}

TEST_F(NamedFilesTest, EncryptedKeysAreNotOpened) {
  MakeAll();
  const std::string plain = PathOf(kKeyEnding);
  for (const char* command : {"openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:secret -in ",
                              "openssl ec -aes256 -passout pass:secret -in "}) {
    const std::string pem = test::MustRun(absl::StrCat(command, plain, " 2>/dev/null"));
    const std::string before = ContentOf(plain);
    Write("acme-dev1-1_key.pem", pem, 0600);
    const NamedFiles files = Look();
    ASSERT_TRUE(files.key.has_value());
    EXPECT_TRUE(files.key->encrypted) << command;
    EXPECT_FALSE(files.key->public_key.has_value());
    EXPECT_THAT(files.problems, IsEmpty());
    Write("acme-dev1-1_key.pem", before, 0600);
  }
}

TEST_F(NamedFilesTest, EncryptionThatCannotBeOpenedIsAProblem) {
  MakeAll();
  const std::string der = scratch_.Path("key.der");
  test::MustRun(absl::StrCat("openssl pkcs8 -topk8 -scrypt -outform DER -passout pass:secret -in ",
                             PathOf(kKeyEnding), " -out ", der));
  // The INTEGERs N = 16384 and r = 8; openssl makes no key that it cannot open, so r is raised
  // here.
  const std::string cost("\x02\x02\x40\x00\x02\x01\x08", 7);
  const std::string beyond("\x02\x02\x40\x00\x02\x01\x10", 7);
  std::string content = ContentOf(der);
  ASSERT_NE(content.find(cost), std::string::npos);
  Write("acme-dev1-1_key.pem", content.replace(content.find(cost), cost.size(), beyond), 0600);
  const NamedFiles files = Look();
  ASSERT_TRUE(files.key.has_value());
  EXPECT_TRUE(files.key->encrypted);
  EXPECT_THAT(files.problems, ElementsAre(HasSubstr("its scrypt cost is above")));
}

TEST_F(NamedFilesTest, ModesThatLetOthersInAreProblems) {
  MakeAll();
  const struct {
    const char* ending;
    mode_t mode;
    const char* advice;  // null: it is fine
  } rows[] = {
      {kKeyEnding, 0600, nullptr},          {kKeyEnding, 0400, nullptr},
      {kKeyEnding, 0640, "chmod go="},      {kKeyEnding, 0604, "chmod go="},
      {kKeyEnding, 0620, "chmod go="},      {kKeyEnding, 0601, "chmod go="},
      {kRequestEnding, 0644, nullptr},      {kRequestEnding, 0600, nullptr},
      {kRequestEnding, 0664, "chmod go-w"}, {kRequestEnding, 0646, "chmod go-w"},
      {kCertificateEnding, 0444, nullptr},  {kCertificateEnding, 0664, "chmod go-w"},
      {kChainEnding, 0644, nullptr},        {kChainEnding, 0646, "chmod go-w"},
  };
  for (const auto& row : rows) {
    const std::string path = PathOf(row.ending);
    const mode_t before = ModeOf(path);
    ASSERT_EQ(chmod(path.c_str(), row.mode), 0);
    const NamedFiles files = Look();
    if (row.advice == nullptr) {
      EXPECT_THAT(files.problems, IsEmpty()) << row.ending << row.mode;
    } else {
      EXPECT_THAT(files.problems,
                  ElementsAre(testing::AllOf(HasSubstr(path), testing::EndsWith(row.advice))));
    }
    ASSERT_EQ(chmod(path.c_str(), before), 0);
  }
}

TEST_F(NamedFilesTest, KeyOfAnotherUserIsAProblem) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  MakeAll();
  ASSERT_EQ(chmod(path_.c_str(), 0755), 0);
  ASSERT_EQ(chown(PathOf(kKeyEnding).c_str(), test::kNobody, test::kNobody), 0);
  EXPECT_THAT(Look().problems, ElementsAre(absl::StrCat("'", PathOf(kKeyEnding),
                                                        "' belongs to user id 65534, who can use "
                                                        "the key")));
  EXPECT_EQ(test::InChild([this] {
              test::BecomeUser(test::kNobody);
              return absl::StrCat(Look().problems.size());
            }),
            "0");
}

TEST_F(NamedFilesTest, WhatCannotBeReadIsThereAllTheSame) {
  MakeAll();
  EXPECT_TRUE(Look().request_is_there);
  EXPECT_TRUE(Look().certificate_is_there);
  Write("acme-dev1-1_req.pem", "garbage");
  Write("acme-dev1-1.pem", "garbage");
  EXPECT_TRUE(Look().request_is_there);
  EXPECT_FALSE(Look().request.has_value());
  EXPECT_TRUE(Look().certificate_is_there);
  EXPECT_FALSE(Look().certificate.has_value());
  ASSERT_EQ(unlink(PathOf(kRequestEnding).c_str()), 0);
  ASSERT_EQ(unlink(PathOf(kCertificateEnding).c_str()), 0);
  EXPECT_FALSE(Look().request_is_there);
  EXPECT_FALSE(Look().certificate_is_there);
}

TEST_F(NamedFilesTest, WhatIsNoFileIsAProblemAndBlocksNothing) {
  const struct {
    void (*make)(const std::string& path);
    const char* problem;
  } rows[] = {
      {[](const std::string& path) { ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); },
       "' is not a regular file"},
      {[](const std::string& path) { ASSERT_EQ(mkdir(path.c_str(), 0700), 0); },
       "' is not a regular file"},
      {[](const std::string& path) { ASSERT_EQ(symlink("nowhere", path.c_str()), 0); },
       "' is a link to nowhere"},
      {[](const std::string& path) { ASSERT_EQ(symlink(path.c_str(), path.c_str()), 0); },
       "': Too many levels of symbolic links"},
  };
  for (const char* ending : kEndings) {
    for (const auto& row : rows) {
      MakeAll();
      ASSERT_EQ(unlink(PathOf(ending).c_str()), 0);
      row.make(PathOf(ending));
      EXPECT_THAT(Look().problems, Contains(HasSubstr(PathOf(ending) + row.problem)));
      std::filesystem::remove_all(path_);
    }
  }
}

TEST_F(NamedFilesTest, ContentThatCannotBeReadIsAProblem) {
  for (const char* ending : kEndings) {
    for (const char* content : {"", "garbage", "-----BEGIN CERTIFICATE-----\n"}) {
      MakeAll();
      scratch_.Write("certs/" + std::string(kName) + ending, content, 0600);
      EXPECT_THAT(Look().problems, Contains(HasSubstr(absl::StrCat("'", PathOf(ending), "'"))))
          << content;
      std::filesystem::remove_all(path_);
    }
  }
}

TEST_F(NamedFilesTest, HugeFilesAreNotRead) {
  for (const char* ending : kEndings) {
    MakeAll();
    ASSERT_EQ(truncate(PathOf(ending).c_str(), int64_t{1} << 40), 0);
    EXPECT_THAT(Look().problems, Contains(HasSubstr(PathOf(ending) + "' is larger than")));
    std::filesystem::remove_all(path_);
  }
}

TEST_F(NamedFilesTest, LinkToAKeyIsFollowed) {
  MakeAll();
  ASSERT_EQ(rename(PathOf(kKeyEnding).c_str(), scratch_.Path("stick").c_str()), 0);
  ASSERT_EQ(symlink("../stick", PathOf(kKeyEnding).c_str()), 0);
  const NamedFiles files = Look();
  ASSERT_TRUE(files.key.has_value());
  EXPECT_TRUE(files.key->public_key.has_value());
  EXPECT_THAT(files.problems, IsEmpty());
}

TEST_F(NamedFilesTest, KeyThatMayNotBeReadIsHereAllTheSame) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  MakeAll();
  ASSERT_EQ(chmod(path_.c_str(), 0755), 0);
  EXPECT_THAT(test::InChild([this]() -> std::string {
                test::BecomeUser(test::kNobody);
                const NamedFiles files = Look();
                if (!files.key.has_value() || files.key->mode != 0600) return "no key";
                if (files.key->public_key.has_value() || files.key->encrypted) return "was read";
                if (!files.request.has_value()) return "no request";
                return files.problems.size() == 1 ? files.problems[0] : "other problems";
              }),
              HasSubstr(PathOf(kKeyEnding) + "': Permission denied"));
}

TEST_F(NamedFilesTest, KeyWithoutARequestIsAProblem) {
  Make(kName);
  ASSERT_EQ(unlink(PathOf(kRequestEnding).c_str()), 0);
  EXPECT_THAT(Look().problems,
              ElementsAre(absl::StrCat("'", PathOf(kKeyEnding), "' has no request '",
                                       PathOf(kRequestEnding), "' beside it that can be read")));
}

TEST_F(NamedFilesTest, FilesOfAnotherKeyAreProblems) {
  MakeAll();
  const crypto::PrivateKey other = NewTestKey("ec:p256");
  scratch_.Write("certs/acme-dev1-1_key.pem", ValueOf(other.UnencryptedPem()).Expose(), 0600);
  EXPECT_THAT(Look().problems,
              ElementsAre(absl::StrCat("'", PathOf(kRequestEnding), "' is not for the key of '",
                                       PathOf(kKeyEnding), "'"),
                          absl::StrCat("'", PathOf(kCertificateEnding), "' is not for the key of '",
                                       PathOf(kKeyEnding), "'")));
  ASSERT_EQ(unlink(PathOf(kKeyEnding).c_str()), 0);
  Write("acme-dev1-1.pem", MakeCertificate(Issued(other, kName)).Pem());
  EXPECT_THAT(Look().problems,
              ElementsAre(absl::StrCat("'", PathOf(kCertificateEnding), "' is not for the key of '",
                                       PathOf(kRequestEnding), "'")));
}

TEST_F(NamedFilesTest, OtherCommonNamesAreProblems) {
  MakeAll();
  const crypto::PrivateKey key = KeyOf(kName);
  Write("acme-dev1-1.pem", MakeCertificate(Issued(key, "acme-dev1-2")).Pem());
  const auto signer = ValueOf(crypto::MakeSigner(KeyOf(kName)));
  Write("acme-dev1-1_req.pem", ValueOf(pki::MakeRequest(*signer, SubjectOf("acme-dev1-3"))).Pem());
  EXPECT_THAT(Look().problems, ElementsAre(PathOf(kRequestEnding).insert(0, "'") +
                                               "' has the common name 'acme-dev1-3'",
                                           PathOf(kCertificateEnding).insert(0, "'") +
                                               "' has the common name 'acme-dev1-2'"));
}

TEST_F(NamedFilesTest, PrivateKeyFileIsOpenedWithItsPassphrase) {
  const base::Bytes pem =
      ValueOf(TestKey("ec:p256").EncryptedPem(test::SecretText("secret"), 1000));
  const std::string path = scratch_.Write("key", pem, 0600);
  const auto give = [](const char* text) {
    return [text]() -> absl::StatusOr<crypto::Secret> { return test::SecretText(text); };
  };
  ASSERT_OK_AND_ASSIGN(const crypto::PrivateKey key, ReadPrivateKeyFile(path, give("secret")));
  EXPECT_TRUE(key.public_key() == TestKey("ec:p256").public_key());
  EXPECT_THAT(ReadPrivateKeyFile(path, give("wrong")),
              StatusIs(StatusCode::kPermissionDenied, HasSubstr(absl::StrCat("'", path, "'"))));
  EXPECT_THAT(ReadPrivateKeyFile(scratch_.path(), give("")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("is not a regular file")));
  EXPECT_THAT(ReadPrivateKeyFile(scratch_.Path("missing"), give("")),
              StatusIs(StatusCode::kNotFound, HasSubstr("missing")));
}

}  // namespace
}  // namespace jet::cert_request

// Verify names what is wrong, whatever it is; Repair puts in order what may be put in order.
#include "keystore/verify.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "crypto/secret.h"
#include "keystore/key_folder.h"
#include "keystore/store_key.h"
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
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class VerifyTest : public KeystoreTest {
 protected:
  VerifyTest() {
    AddKey("one", TestKey("ec:p256", 0));
    AddCertificate("two", TestCertificate(TestKey("ec:p256", 1), "two"));
  }

  VerifyReport Look(absl::Time now = absl::Now()) const { return ValueOf(Verify(store_, {}, now)); }

  // "name: result: problems" of each object that is not verified.
  static std::vector<std::string> Wrong(const VerifyReport& report) {
    static const char* const kWords[] = {"verified", "failed", "out of date", "unchecked",
                                         "left over"};
    std::vector<std::string> lines;
    for (const CheckedObject& object : report.objects) {
      if (object.result == CheckResult::kVerified) continue;
      lines.push_back(absl::StrCat(object.name, ": ", kWords[static_cast<int>(object.result)], ": ",
                                   absl::StrJoin(object.problems, "; ")));
    }
    return lines;
  }
  std::vector<std::string> Wrong() const { return Wrong(Look()); }

  // Stores a key as Add does, with none of its checks.
  void WriteUnchecked(const std::string& name, const pki::Certificate& certificate,
                      const crypto::PrivateKey* private_key = nullptr) const {
    const base::UniqueFd keys = test::Open(InStore("keys"), O_RDONLY | O_DIRECTORY);
    const StoreKey store_key = ValueOf(StoreKey::FromSecret(
        crypto::Secret::CopyOf(base::AsBytes(ContentOf(InStore("master.key"))))));
    const std::string path = InStore(absl::StrCat("keys/", name));
    KeyFiles files = {.name = name, .document = certificate, .created = absl::Now()};
    if (private_key != nullptr) {
      files.private_key_pem = ValueOf(EncryptPrivateKey(*private_key, store_key));
    }
    ASSERT_THAT(WriteKeyFolder({keys.get(), name, path}, files, store_key), IsOk());
  }

  // A certificate by openssl of a new key with just these extensions.
  pki::Certificate WithExtensions(absl::string_view extensions) const {
    const std::string config = folder_.Write(
        "x.cnf", absl::StrCat("[req]\ndistinguished_name=dn\nx509_extensions=v3\nprompt=no\n"
                              "[dn]\nCN=x\n[v3]\n",
                              extensions));
    const std::string path = folder_.Path("x.pem");
    const std::string command = absl::StrCat(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout "
        "/dev/null "
        "-config ",
        config, " -out ", path, " 2>/dev/null");
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
    return ValueOf(pki::Certificate::ReadFile(path));
  }

  void SetMode(absl::string_view name, mode_t mode) const {
    ASSERT_EQ(chmod(InStore(name).c_str(), mode), 0);
  }
};

TEST_F(VerifyTest, GoodStoreIsVerifiedObjectByObject) {
  const VerifyReport report = Look();
  std::vector<std::string> names;
  for (const CheckedObject& object : report.objects) names.push_back(object.name);
  EXPECT_THAT(names, ElementsAre(".", "master.key", "one", "two"));
  EXPECT_EQ(report.Count(CheckResult::kVerified), 4U);
}

TEST_F(VerifyTest, StoreWithoutKeysIsVerified) {
  ASSERT_THAT(OpenStore(Access::kWrite).Remove("one", Agree), IsOk());
  ASSERT_THAT(OpenStore(Access::kWrite).Remove("two", Agree), IsOk());
  EXPECT_THAT(Wrong(), IsEmpty());
}

TEST_F(VerifyTest, WhereThereIsNoKeystoreItSaysSo) {
  EXPECT_THAT(Verify(folder_.Path("none"), {}, absl::Now()),
              StatusIs(StatusCode::kNotFound, HasSubstr(folder_.Path("none"))));
}

TEST_F(VerifyTest, ChangesNothing) {
  folder_.Write("keystore/staging/one.1.0/record.json", "half");
  const auto before = std::filesystem::last_write_time(InStore("staging"));
  (void)Look();
  EXPECT_TRUE(Exists(InStore("staging/one.1.0/record.json")));
  EXPECT_EQ(std::filesystem::last_write_time(InStore("staging")), before);
}

// Every byte of every file, changed in three ways.
TEST_F(VerifyTest, NoChangedByteIsOverlooked) {
  const struct {
    const char* file;
    const char* object;
  } rows[] = {{"master.key", "master.key"},        {"keys/one/certificate.der", "one"},
              {"keys/one/private-key.pem", "one"}, {"keys/one/record.json", "one"},
              {"keys/two/certificate.der", "two"}, {"keys/two/record.json", "two"}};
  size_t bytes = 0;
  for (const auto& row : rows) {
    const std::string whole = ContentOf(InStore(row.file));
    for (size_t i = 0; i < whole.size(); ++i, ++bytes) {
      for (const int flip : {0x01, 0x20, 0x80}) {
        std::string changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ flip);
        Rewrite(row.file, changed);
        EXPECT_THAT(Wrong(), Contains(testing::StartsWith(absl::StrCat(row.object, ": failed"))))
            << row.file << " byte " << i << " by " << flip;
      }
    }
    Rewrite(row.file, whole);
  }
  EXPECT_GT(bytes, 2000U);
  EXPECT_THAT(Wrong(), IsEmpty());
}

TEST_F(VerifyTest, EveryCutFileIsFound) {
  for (const char* file : {"master.key", "keys/one/certificate.der", "keys/one/private-key.pem",
                           "keys/one/record.json"}) {
    const std::string whole = ContentOf(InStore(file));
    for (const size_t size : {size_t{0}, whole.size() / 2, whole.size() - 1}) {
      Rewrite(file, whole.substr(0, size));
      EXPECT_THAT(Wrong(), Contains(HasSubstr(": failed: "))) << file << " " << size;
    }
    Rewrite(file, whole);
  }
}

TEST_F(VerifyTest, EveryMissingFileIsFound) {
  for (const char* file : {"master.key", "keys/one/certificate.der", "keys/one/private-key.pem",
                           "keys/one/record.json"}) {
    std::filesystem::rename(InStore(file), folder_.Path("away"));
    EXPECT_THAT(Wrong(), Contains(AllOf(HasSubstr(": failed: "), HasSubstr(file)))) << file;
    std::filesystem::rename(folder_.Path("away"), InStore(file));
  }
}

TEST_F(VerifyTest, WithoutTheStoreKeyItSaysOfEachKeyWhatWasNotChecked) {
  std::filesystem::rename(InStore("master.key"), folder_.Path("away"));
  EXPECT_THAT(Wrong(),
              ElementsAre(HasSubstr("master.key: failed: "),
                          AllOf(HasSubstr("one: unchecked: "), HasSubstr("private key")),
                          AllOf(HasSubstr("two: unchecked: "), Not(HasSubstr("private key")))));
}

TEST_F(VerifyTest, StoreKeyOfAnotherKeystoreIsNamed) {
  Rewrite("master.key", std::string(32, 'k'));
  EXPECT_THAT(Wrong(), Contains(AllOf(HasSubstr("master.key: failed: "),
                                      HasSubstr("no key of the keystore was stored under it"))));
}

TEST_F(VerifyTest, EveryModeThatLetsOthersInIsFoundAndMended) {
  for (const char* name : {"", "keys", "staging", "keys/one"}) {
    for (const mode_t mode : {0750U, 0701U, 0770U, 01700U}) {
      SetMode(name, mode);
      EXPECT_THAT(Wrong(), Contains(AllOf(HasSubstr(": failed: "), HasSubstr("chmod 0700"),
                                          HasSubstr(*name == '\0' ? store_ : InStore(name)))))
          << name << " " << mode;
      EXPECT_THAT(Repair(store_, {}).done, Contains(HasSubstr("set the mode of")));
      EXPECT_EQ(ModeOf(InStore(name)), 0700U);
      EXPECT_THAT(Wrong(), IsEmpty());
    }
  }
  const struct {
    const char* file;
    mode_t good;
  } rows[] = {{"master.key", 0600},
              {"keys/one/certificate.der", 0644},
              {"keys/one/private-key.pem", 0600},
              {"keys/one/record.json", 0644}};
  for (const auto& row : rows) {
    for (const mode_t extra : {0020U, 0002U, 0010U, 04000U}) {
      SetMode(row.file, row.good | extra);
      EXPECT_THAT(Wrong(), Contains(AllOf(HasSubstr(": failed: "), HasSubstr(row.file))))
          << row.file << " " << extra;
      EXPECT_THAT(Repair(store_, {}).status, IsOk());
      EXPECT_EQ(ModeOf(InStore(row.file)), row.good);
      EXPECT_THAT(Wrong(), IsEmpty());
    }
  }
}

TEST_F(VerifyTest, ModeThatAllowsLessIsGoodWhileTheOwnerCanRead) {
  SetMode("keys/one/certificate.der", 0400);
  SetMode("keys/one", 0500);
  EXPECT_THAT(Wrong(), IsEmpty());
  SetMode("keys/one/certificate.der", 0200);
  EXPECT_THAT(Wrong(), ElementsAre(HasSubstr("shuts its owner out")));
  EXPECT_THAT(Repair(store_, {}).done, ElementsAre(HasSubstr("from 0200 to 0644")));
  EXPECT_THAT(Wrong(), IsEmpty());
}

TEST_F(VerifyTest, FileOfAnotherUserIsFoundAndNotGivenAway) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  for (const char* name : {"keys/one/record.json", "keys/one/private-key.pem", "keys/two"}) {
    ASSERT_EQ(chown(InStore(name).c_str(), test::kNobody, 0), 0);
    EXPECT_THAT(Wrong(), Contains(AllOf(HasSubstr("belongs to user id 65534"), HasSubstr(name))));
    EXPECT_THAT(Repair(store_, {}).done, IsEmpty());
    EXPECT_THAT(Wrong(), Not(IsEmpty()));
    ASSERT_EQ(chown(InStore(name).c_str(), 0, 0), 0);
  }
}

TEST_F(VerifyTest, UnknownEntriesAreFound) {
  folder_.Write("keystore/notes.txt", "text", 0600);
  EXPECT_THAT(Wrong(), ElementsAre(AllOf(HasSubstr(".: failed: "), HasSubstr("notes.txt"))));
  std::filesystem::remove(InStore("notes.txt"));
  folder_.Write("keystore/keys/one/notes.txt", "text", 0600);
  EXPECT_THAT(Wrong(), ElementsAre(AllOf(HasSubstr("one: failed: "), HasSubstr("notes.txt"))));
  std::filesystem::remove(InStore("keys/one/notes.txt"));
  folder_.Write("keystore/keys/.hidden", "text", 0600);
  EXPECT_THAT(Wrong(),
              ElementsAre(AllOf(HasSubstr(".hidden: failed: "), HasSubstr("cannot be the name"))));
  std::filesystem::remove(InStore("keys/.hidden"));
  folder_.Write("keystore/keys/three", "text", 0600);
  EXPECT_THAT(Wrong(), ElementsAre(AllOf(HasSubstr("three: failed: "), HasSubstr("not a folder"))));
}

TEST_F(VerifyTest, LinksAreFound) {
  std::filesystem::rename(InStore("keys/one/record.json"), folder_.Path("record.json"));
  std::filesystem::create_symlink(folder_.Path("record.json"), InStore("keys/one/record.json"));
  EXPECT_THAT(Wrong(),
              ElementsAre(AllOf(HasSubstr("one: failed: "), HasSubstr("not a regular file"))));
}

TEST_F(VerifyTest, DatesAreToldFromDamage) {
  const absl::Time later = absl::Now() + absl::Hours(24 * 400);
  const absl::Time earlier = absl::Now() - absl::Hours(24);
  EXPECT_THAT(Wrong(Look(later)),
              ElementsAre(HasSubstr("one: out of date: the certificate expired on "),
                          HasSubstr("two: out of date: the certificate expired on ")));
  EXPECT_THAT(Wrong(Look(earlier)),
              Each(HasSubstr("out of date: the certificate is not valid before ")));
  EXPECT_EQ(Look(later).Count(CheckResult::kOutOfDate), 2U);
}

TEST_F(VerifyTest, PrivateKeyOfAnotherCertificateIsFoundThoughItsRecordIsGood) {
  WriteUnchecked("pair", TestCertificate(TestKey("ec:p256", 2), "x"), &TestKey("ec:p256", 3));
  EXPECT_THAT(Wrong(), ElementsAre(AllOf(HasSubstr("pair: failed: "),
                                         HasSubstr("does not belong to the certificate"))));
}

TEST_F(VerifyTest, CertificateThatTheKernelCannotUseIsFoundThoughItsRecordIsGood) {
  WriteUnchecked("none",
                 WithExtensions("keyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"));
  EXPECT_THAT(Wrong(), ElementsAre(AllOf(HasSubstr("none: failed: "), HasSubstr("keyUsage"))));
}

TEST_F(VerifyTest, TwoKeysOfOneKeyIdAreFound) {
  WriteUnchecked("abel", WithExtensions("subjectKeyIdentifier=aadeadbeef\n"));
  WriteUnchecked("cain", WithExtensions("subjectKeyIdentifier=bbdeadbeef\n"));
  EXPECT_THAT(Wrong(),
              ElementsAre(AllOf(HasSubstr("abel: failed: "), HasSubstr("also mean 'cain'")),
                          AllOf(HasSubstr("cain: failed: "), HasSubstr("also mean 'abel'"))));
}

TEST_F(VerifyTest, LeftoversAreToldAndAreNoFailure) {
  folder_.Write("keystore/staging/three.1.0/record.json", "half");
  folder_.Write("keystore/staging/rename.journal", "jet keystore rename 1\none\nuno\n", 0600);
  EXPECT_THAT(Wrong(), ElementsAre(AllOf(HasSubstr("staging/rename.journal: left over: "),
                                         HasSubstr("a rename is unfinished")),
                                   HasSubstr("staging/three.1.0: left over: ")));
}

TEST_F(VerifyTest, RepairSweepsAndSaysSo) {
  folder_.Write("keystore/staging/three.1.0/record.json", "half");
  folder_.Write("keystore/staging/rename.journal", "jet keystore rename 1\none\nuno\n", 0600);
  const RepairReport report = Repair(store_, {});
  EXPECT_THAT(report.status, IsOk());
  EXPECT_THAT(report.done, ElementsAre(HasSubstr("took back the rename of the key 'one' to 'uno'"),
                                       HasSubstr("staging/three.1.0")));
  EXPECT_THAT(Wrong(), IsEmpty());
  EXPECT_THAT(Repair(store_, {}).done, IsEmpty());
}

TEST_F(VerifyTest, RepairDeletesNoKeyHoweverDamaged) {
  Rewrite("keys/one/record.json", "");
  Rewrite("keys/two/certificate.der", "");
  std::filesystem::remove(InStore("master.key"));
  EXPECT_THAT(Repair(store_, {}).done, IsEmpty());
  EXPECT_TRUE(Exists(InStore("keys/one/private-key.pem")));
  EXPECT_TRUE(Exists(InStore("keys/two/record.json")));
  EXPECT_THAT(Wrong(), Not(IsEmpty()));
}

TEST_F(VerifyTest, RepairOfNothingSaysSo) {
  EXPECT_THAT(Repair(folder_.Path("none"), {}).status,
              StatusIs(StatusCode::kNotFound, HasSubstr("none")));
}

}  // namespace
}  // namespace jet::keystore

#include "jet-cert-request/new_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/base/child.h"
#include "tests/crypto/test_keys.h"
#include "tests/jet-cert-request/fixture.h"
#include "tests/pki/openssl_command.h"
#include "tests/status_matchers.h"

namespace jet::cert_request {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::MustRun;
using test::StatusIs;
using test::ValueOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr char kName[] = "acme-dev1-1";

class NewRequestTest : public CertsTest {
 protected:
  std::string KeyPath() const { return Path("acme-dev1-1_key.pem"); }
  std::string RequestPath() const { return Path("acme-dev1-1_req.pem"); }

  absl::Status MakeStatus(const NewRequest& wanted) const {
    return MakeRequestFiles(OpenFolder(), wanted).status();
  }

  // As MakeStatus, in a child that did `prepare` first.
  std::string MakeInChild(const std::function<void()>& prepare) const {
    return test::InChild([&] {
      prepare();
      return MakeStatus(Wanted(kName)).ToString();
    });
  }
};

TEST_F(NewRequestTest, OpensslTakesKeyAndRequestOfEveryType) {
  for (const char* type : {"rsa:2048", "rsa:3072", "rsa:4096", "ec:p256", "ec:p384"}) {
    ASSERT_OK_AND_ASSIGN(const RequestFiles files,
                         MakeRequestFiles(OpenFolder(), Wanted(kName, type)));
    EXPECT_EQ(files.private_key_path, KeyPath());
    EXPECT_EQ(files.request_path, RequestPath());
    EXPECT_THAT(NamesIn(path_), ElementsAre("acme-dev1-1_key.pem", "acme-dev1-1_req.pem"));
    EXPECT_EQ(files.request.public_key().type().name, type);
    EXPECT_EQ(ContentOf(RequestPath()), files.request.Pem());
    EXPECT_THAT(MustRun(absl::StrCat("openssl req -verify -noout -subject -nameopt RFC2253,utf8 "
                                     "-in ",
                                     RequestPath())),
                HasSubstr("emailAddress=ca@acme.example,CN=acme-dev1-1,OU=R/D,O=Acme\\, Inc.,"
                          "L=Sunnyvale,ST=CA,C=US"));
    EXPECT_THAT(MustRun(absl::StrCat("openssl pkey -check -noout -in ", KeyPath())),
                HasSubstr("Key is valid"));
    EXPECT_EQ(MustRun(absl::StrCat("openssl pkey -pubout -in ", KeyPath())),
              MustRun(absl::StrCat("openssl req -pubkey -noout -in ", RequestPath())));
    std::filesystem::remove_all(path_);
  }
}

TEST_F(NewRequestTest, ModesAreExactWhateverTheUmask) {
  for (const mode_t mask : {0000, 0022, 0077, 0777}) {
    const mode_t before = umask(mask);
    const absl::Status status = MakeStatus(Wanted(kName));
    umask(before);
    ASSERT_THAT(status, IsOk());
    EXPECT_EQ(ModeOf(KeyPath()), 0600u) << mask;
    EXPECT_EQ(ModeOf(RequestPath()), 0644u) << mask;
    std::filesystem::remove_all(path_);
  }
}

TEST_F(NewRequestTest, PassphraseEncryptsTheKeyAsPromised) {
  const crypto::Secret passphrase = test::SecretText("secret");
  NewRequest wanted = Wanted(kName);
  wanted.passphrase = &passphrase;
  ASSERT_THAT(MakeStatus(wanted), IsOk());
  EXPECT_THAT(ContentOf(KeyPath()), StartsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  const std::string asn1 = MustRun(absl::StrCat("openssl asn1parse -in ", KeyPath()));
  for (const char* part : {":PBES2", ":PBKDF2", ":hmacWithSHA256", ":aes-256-cbc", ":0927C0"}) {
    EXPECT_THAT(asn1, HasSubstr(part));
  }
  EXPECT_EQ(MustRun(absl::StrCat("openssl pkey -passin pass:secret -pubout -in ", KeyPath())),
            MustRun(absl::StrCat("openssl req -pubkey -noout -in ", RequestPath())));
}

TEST_F(NewRequestTest, KeyGoesWhereItIsWanted) {
  NewRequest wanted = Wanted(kName);
  wanted.key_out = scratch_.MakeFolder("stick") + "/acme.pem";
  ASSERT_OK_AND_ASSIGN(const RequestFiles files, MakeRequestFiles(OpenFolder(), wanted));
  EXPECT_EQ(files.private_key_path, wanted.key_out);
  EXPECT_EQ(ModeOf(wanted.key_out), 0600u);
  EXPECT_THAT(NamesIn(path_), ElementsAre("acme-dev1-1_req.pem"));
  EXPECT_EQ(MustRun(absl::StrCat("openssl pkey -pubout -in ", wanted.key_out)),
            MustRun(absl::StrCat("openssl req -pubkey -noout -in ", RequestPath())));
  EXPECT_THAT(MustRun(absl::StrCat("openssl req -text -noout -in ", RequestPath())),
              Not(HasSubstr("stick")));
}

TEST_F(NewRequestTest, KeyOutIsNeverInTheFolder) {
  const CertsFolder certs = OpenFolder();
  ASSERT_EQ(symlink("certs", scratch_.Path("link").c_str()), 0);
  for (const char* file :
       {"mine.pem", "acme-dev1-1_key.pem", "acme-dev1-1_req.pem", "acme-dev1-2.pem"}) {
    for (const char* folder : {"certs", "link", "certs/../certs", "certs/.", "certs/"}) {
      NewRequest wanted = Wanted(kName);
      wanted.key_out = absl::StrCat(scratch_.Path(folder), "/", file);
      const auto is_refused =
          StatusIs(StatusCode::kInvalidArgument,
                   absl::StrCat("'", wanted.key_out,
                                "' is in the certs folder; name a file elsewhere for the key"));
      EXPECT_THAT(CheckNameIsFree(certs, wanted.name, wanted.key_out), is_refused);
      EXPECT_THAT(MakeRequestFiles(certs, wanted), is_refused);
    }
  }
  EXPECT_EQ(test::InChild([this, &certs]() -> std::string {
              NewRequest wanted = Wanted(kName);
              wanted.key_out = "mine.pem";
              if (chdir(path_.c_str()) != 0) return "chdir";
              return absl::StatusCodeToString(MakeRequestFiles(certs, wanted).status().code());
            }),
            "INVALID_ARGUMENT");
  EXPECT_THAT(NamesIn(path_), IsEmpty());
}

TEST_F(NewRequestTest, NothingIsOverwritten) {
  for (const char* ending : {"_key.pem", "_req.pem", ".pem", "_chain.pem"}) {
    const std::string file = kName + std::string(ending);
    Write(file, "theirs", 0640);
    const CertsFolder folder = OpenFolder();
    const auto is_taken = StatusIs(
        StatusCode::kAlreadyExists,
        absl::StrCat("'", Path(file), "' exists already; take another index, or move it away"));
    EXPECT_THAT(CheckNameIsFree(folder, Name(kName), ""), is_taken);
    EXPECT_THAT(MakeRequestFiles(folder, Wanted(kName)), is_taken);
    EXPECT_THAT(CheckNameIsFree(folder, Name("acme-dev1-2"), ""), IsOk());
    EXPECT_THAT(NamesIn(path_), ElementsAre(file));
    EXPECT_EQ(ContentOf(Path(file)), "theirs");
    EXPECT_EQ(ModeOf(Path(file)), 0640u);
    std::filesystem::remove_all(path_);
  }
}

TEST_F(NewRequestTest, LinkToNowhereIsATakenName) {
  const CertsFolder folder = OpenFolder();
  ASSERT_EQ(symlink("nowhere", KeyPath().c_str()), 0);
  EXPECT_THAT(MakeRequestFiles(folder, Wanted(kName)),
              StatusIs(StatusCode::kAlreadyExists, HasSubstr(KeyPath())));
  EXPECT_THAT(NamesIn(path_), ElementsAre("acme-dev1-1_key.pem"));
}

TEST_F(NewRequestTest, PlaceOfTheKeyIsNotOverwrittenEither) {
  NewRequest wanted = Wanted(kName);
  wanted.key_out = scratch_.Write("mine", "theirs");
  const CertsFolder folder = OpenFolder();
  const auto is_taken =
      StatusIs(StatusCode::kAlreadyExists,
               absl::StrCat("'", wanted.key_out,
                            "' exists already; name another file for the key, or move it away"));
  EXPECT_THAT(CheckNameIsFree(folder, wanted.name, wanted.key_out), is_taken);
  EXPECT_THAT(MakeRequestFiles(folder, wanted), is_taken);
  EXPECT_EQ(ContentOf(wanted.key_out), "theirs");
  EXPECT_THAT(NamesIn(path_), IsEmpty());
}

TEST_F(NewRequestTest, PlaceOfTheKeyMustBeThere) {
  NewRequest wanted = Wanted(kName);
  wanted.key_out = scratch_.Path("missing/key.pem");
  EXPECT_THAT(CheckKeyOut(wanted.key_out), StatusIs(StatusCode::kNotFound, HasSubstr("missing")));
  EXPECT_THAT(MakeStatus(wanted), StatusIs(StatusCode::kNotFound, HasSubstr("missing")));
  wanted.key_out = scratch_.Write("plain", "") + "/key.pem";
  EXPECT_THAT(MakeStatus(wanted),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("Not a directory")));
  wanted.key_out = scratch_.MakeFolder("folder") + "/";
  EXPECT_THAT(MakeStatus(wanted), StatusIs(StatusCode::kAlreadyExists, HasSubstr("folder/")));
  EXPECT_THAT(NamesIn(path_), IsEmpty());
}

TEST_F(NewRequestTest, WhatIsWantedIsChecked) {
  const crypto::Secret empty;
  const struct {
    void (*change)(NewRequest& wanted);
    StatusCode code;
    const char* message;
  } rows[] = {
      {[](NewRequest& wanted) { wanted.name.user_string = "Dev"; }, StatusCode::kInvalidArgument,
       "user string 'Dev'"},
      {[](NewRequest& wanted) { wanted.subject.common_name = "acme-dev1-2"; },
       StatusCode::kInvalidArgument,
       "the subject's common name 'acme-dev1-2' is not the name 'acme-dev1-1'"},
      {[](NewRequest& wanted) { wanted.subject.organization = std::string(65, 'o'); },
       StatusCode::kInvalidArgument, "organization"},
      {[](NewRequest& wanted) {
         wanted.key_type = {crypto::KeyAlgorithm::kOther, 0, "ed25519"};
       },
       StatusCode::kFailedPrecondition, "ed25519"},
  };
  for (const auto& row : rows) {
    NewRequest wanted = Wanted(kName);
    row.change(wanted);
    EXPECT_THAT(MakeStatus(wanted), StatusIs(row.code, HasSubstr(row.message)));
  }
  NewRequest wanted = Wanted(kName);
  wanted.passphrase = &empty;
  EXPECT_THAT(MakeStatus(wanted), StatusIs(StatusCode::kInvalidArgument, HasSubstr("passphrase")));
  EXPECT_THAT(NamesIn(path_), IsEmpty());
}

TEST_F(NewRequestTest, FullDiskLeavesNeitherFile) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  OpenFolder();
  EXPECT_THAT(test::InChild([this] {
                test::EnterPrivateMounts();
                // One page: enough for the key, not for the request as well.
                if (mount("none", path_.c_str(), "tmpfs", 0, "size=4k,mode=0700") != 0) {
                  return std::string("mount");
                }
                const absl::Status status = MakeStatus(Wanted(kName));
                return absl::StrCat(status.ToString(), " ", NamesIn(path_).size());
              }),
              testing::MatchesRegex("RESOURCE_EXHAUSTED: cannot write '.*_req.pem': No space left "
                                    "on device.* 0"));
}

TEST_F(NewRequestTest, ReadOnlyFolderIsSaidAndLeavesNeitherFile) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  OpenFolder();
  EXPECT_THAT(MakeInChild([this] {
                test::EnterPrivateMounts();
                ASSERT_EQ(mount("none", path_.c_str(), "tmpfs", MS_RDONLY, "mode=0700"), 0);
              }),
              HasSubstr("_key.pem': Read-only file system"));
  // Root's folder, which nobody may not write.
  ASSERT_EQ(chmod(path_.c_str(), 0755), 0);
  EXPECT_THAT(MakeInChild([] { test::BecomeUser(test::kNobody); }),
              HasSubstr("_key.pem': Permission denied"));
  EXPECT_THAT(NamesIn(path_), IsEmpty());
}

TEST_F(NewRequestTest, RenewalTakesOverSubjectAndKeyType) {
  for (const char* type : {"rsa:2048", "ec:p384"}) {
    const CertsFolder folder = OpenFolder();
    ASSERT_THAT(MakeRequestFiles(folder, Wanted("acme-dev1-emea-9", type)), IsOk());
    ASSERT_OK_AND_ASSIGN(const NewRequest renewal, RenewalOf(folder, Name("acme-dev1-emea-9")));
    EXPECT_EQ(renewal.name, Name("acme-dev1-emea-10"));
    EXPECT_EQ(renewal.subject, SubjectOf("acme-dev1-emea-10"));
    EXPECT_EQ(renewal.key_type.name, type);
    EXPECT_EQ(renewal.passphrase, nullptr);
    EXPECT_EQ(renewal.key_out, "");
    ASSERT_OK_AND_ASSIGN(const RequestFiles files, MakeRequestFiles(folder, renewal));
    EXPECT_EQ(files.request.common_name(), "acme-dev1-emea-10");
    EXPECT_FALSE(files.request.public_key() == KeyOf("acme-dev1-emea-9").public_key());
    std::filesystem::remove_all(path_);
  }
}

TEST_F(NewRequestTest, RenewalOfAKeyThatMayNoLongerSignGetsTheUsualType) {
  const CertsFolder folder = OpenFolder();
  for (const char* key : {"rsa:1024", "ed25519"}) {
    MustRun(absl::StrCat("openssl req -new -nodes -keyout /dev/null -newkey ", key,
                         " -utf8 -subj '/C=US/O=Acme/CN=acme-dev1-1' -out ", RequestPath()));
    ASSERT_OK_AND_ASSIGN(const NewRequest renewal, RenewalOf(folder, Name(kName)));
    EXPECT_EQ(renewal.key_type.name, "rsa:2048");
    EXPECT_EQ(renewal.subject.organization, "Acme");
  }
}

TEST_F(NewRequestTest, OnlyTheLatestIsRenewed) {
  const CertsFolder folder = OpenFolder();
  ASSERT_THAT(MakeRequestFiles(folder, Wanted(kName)), IsOk());
  ASSERT_THAT(MakeRequestFiles(folder, Wanted("acme-dev1-2")), IsOk());
  EXPECT_THAT(RenewalOf(folder, Name(kName)),
              StatusIs(StatusCode::kAlreadyExists, "'acme-dev1-2' exists already: renew that"));
  EXPECT_THAT(RenewalOf(folder, Name("acme-dev1-2")), IsOk());
}

TEST_F(NewRequestTest, RenewalNeedsTheOldRequest) {
  const CertsFolder folder = OpenFolder();
  EXPECT_THAT(RenewalOf(folder, Name(kName)),
              StatusIs(StatusCode::kNotFound,
                       absl::StrCat("there is no request '", RequestPath(),
                                    "' to renew; put it back, or make a new request")));
  Write("acme-dev1-1_req.pem", "garbage");
  EXPECT_THAT(RenewalOf(folder, Name(kName)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr(RequestPath())));
}

TEST_F(NewRequestTest, RequestThatCannotBeRenewedSaysWhy) {
  const std::string longest = "acme-" + std::string(57, 'u') + "-9";
  const struct {
    std::string name;
    std::string subject;
    const char* why;
  } rows[] = {
      {kName, "/CN=acme-dev1-2", "its common name is 'acme-dev1-2'"},
      {kName, "/O=Acme", "its common name is ''"},
      {kName, "/DC=example/CN=acme-dev1-1", ""},
      {kName, "/O=Acme/O=Other/CN=acme-dev1-1", ""},
      {"acme-dev1-18446744073709551615", "/CN=acme-dev1-18446744073709551615",
       "there is no index after 18446744073709551615"},
      {longest, "/CN=" + longest, "has 65 characters, at most 64 are allowed"},
      {kName, "/C=us/emailAddress=x/CN=acme-dev1-1/ST=a\x01z", "state"},
  };
  const CertsFolder folder = OpenFolder();
  for (const auto& row : rows) {
    const std::string path = Path(row.name + "_req.pem");
    MustRun(
        absl::StrCat("openssl req -new -nodes -keyout /dev/null -newkey ec -pkeyopt "
                     "ec_paramgen_curve:P-256 -utf8 -subj '",
                     row.subject, "' -out ", path));
    const absl::Status status = RenewalOf(folder, Name(row.name)).status();
    EXPECT_THAT(status,
                StatusIs(StatusCode::kFailedPrecondition,
                         StartsWith(absl::StrCat("the request '", path, "' cannot be renewed: "))));
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.why));
    EXPECT_THAT(std::string(status.message()), testing::EndsWith("; make a new request instead"));
  }
}

}  // namespace
}  // namespace jet::cert_request

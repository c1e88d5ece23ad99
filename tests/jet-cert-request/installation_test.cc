#include "jet-cert-request/installation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/base/child.h"
#include "tests/crypto/test_keys.h"
#include "tests/jet-cert-request/fixture.h"
#include "tests/status_matchers.h"

namespace jet::cert_request {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::MakeCertificate;
using test::StatusIs;
using test::ValueOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kName[] = "acme-dev1-1";
constexpr char kCertificate[] = "acme-dev1-1.pem";
constexpr char kChain[] = "acme-dev1-1_chain.pem";

class InstallationTest : public CertsTest {
 protected:
  // What the CA sent, with its chain or without.
  static Match Answer(bool with_chain) {
    std::vector<pki::Certificate> chain;
    if (with_chain) chain = {Intermediate(), Root()};
    return Match{.name = Name(kName),
                 .matched_by = MatchedBy::kRequest,
                 .certificate = MakeCertificate(Issued(test::TestKey("ec:p256"), kName)),
                 .chain = chain,
                 .warnings = {}};
  }
  // ECDSA signatures differ each time.
  const Match alone_ = Answer(false);
  const Match chained_ = Answer(true);
};

TEST_F(InstallationTest, CertificateAndChainAreWritten) {
  const mode_t before = umask(0077);
  const absl::StatusOr<Installed> installed = InstallCertificate(OpenFolder(), chained_);
  umask(before);
  ASSERT_THAT(installed, IsOk());
  EXPECT_EQ(installed->certificate_path, Path(kCertificate));
  EXPECT_EQ(installed->chain_path, Path(kChain));
  EXPECT_FALSE(installed->already_there);
  EXPECT_THAT(NamesIn(path_), ElementsAre(kCertificate, kChain));
  EXPECT_EQ(ContentOf(Path(kCertificate)), chained_.certificate.Pem());
  EXPECT_EQ(ContentOf(Path(kChain)), chained_.chain[0].Pem() + chained_.chain[1].Pem());
  EXPECT_EQ(ModeOf(Path(kCertificate)), 0644u);
  EXPECT_EQ(ModeOf(Path(kChain)), 0644u);
}

TEST_F(InstallationTest, WithoutAChainThereIsNoChainFile) {
  ASSERT_OK_AND_ASSIGN(const Installed installed, InstallCertificate(OpenFolder(), alone_));
  EXPECT_EQ(installed.chain_path, "");
  EXPECT_THAT(NamesIn(path_), ElementsAre(kCertificate));
}

TEST_F(InstallationTest, SameCertificateAgainIsGood) {
  const CertsFolder folder = OpenFolder();
  ASSERT_THAT(InstallCertificate(folder, chained_), IsOk());
  struct stat before = {};
  struct stat after = {};
  ASSERT_EQ(stat(Path(kCertificate).c_str(), &before), 0);
  ASSERT_OK_AND_ASSIGN(const Installed again, InstallCertificate(folder, chained_));
  EXPECT_TRUE(again.already_there);
  EXPECT_EQ(again.certificate_path, Path(kCertificate));
  EXPECT_EQ(again.chain_path, Path(kChain));
  ASSERT_EQ(stat(Path(kCertificate).c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(InstallationTest, SameCertificateInDerIsTheSame) {
  const CertsFolder folder = OpenFolder();
  scratch_.Write(absl::StrCat("certs/", kCertificate), alone_.certificate.der());
  ASSERT_OK_AND_ASSIGN(const Installed installed, InstallCertificate(folder, alone_));
  EXPECT_TRUE(installed.already_there);
}

TEST_F(InstallationTest, ChainMayComeLater) {
  const CertsFolder folder = OpenFolder();
  Match match = chained_;
  match.chain.clear();
  ASSERT_THAT(InstallCertificate(folder, match), IsOk());
  ASSERT_OK_AND_ASSIGN(const Installed installed, InstallCertificate(folder, chained_));
  EXPECT_FALSE(installed.already_there);  // the chain was not
  EXPECT_THAT(NamesIn(path_), ElementsAre(kCertificate, kChain));
}

TEST_F(InstallationTest, ChainThatIsThereAlreadyIsTaken) {
  const CertsFolder folder = OpenFolder();
  Write(kChain, chained_.chain[0].Pem() + "text around it\n" + chained_.chain[1].Pem());
  ASSERT_OK_AND_ASSIGN(const Installed installed, InstallCertificate(folder, chained_));
  EXPECT_FALSE(installed.already_there);
  EXPECT_THAT(NamesIn(path_), ElementsAre(kCertificate, kChain));
}

TEST_F(InstallationTest, AnythingElseInItsPlaceIsNotOverwritten) {
  const CertsFolder folder = OpenFolder();
  const std::string contents[] = {alone_.certificate.Pem(), "garbage", "",
                                  chained_.certificate.Pem() + Root().Pem()};
  for (const std::string& content : contents) {
    Write(kCertificate, content);
    EXPECT_THAT(InstallCertificate(folder, chained_),
                StatusIs(StatusCode::kAlreadyExists,
                         absl::StrCat("'", Path(kCertificate),
                                      "' exists already and holds something else; move it away "
                                      "first")));
    EXPECT_EQ(ContentOf(Path(kCertificate)), content);
    EXPECT_THAT(NamesIn(path_), ElementsAre(kCertificate));
  }
}

TEST_F(InstallationTest, AnotherChainInItsPlaceStopsBoth) {
  const CertsFolder folder = OpenFolder();
  for (const std::string& content : {chained_.chain[0].Pem(), std::string("garbage")}) {
    Write(kChain, content);
    EXPECT_THAT(InstallCertificate(folder, chained_),
                StatusIs(StatusCode::kAlreadyExists, HasSubstr(kChain)));
    EXPECT_EQ(ContentOf(Path(kChain)), content);
    EXPECT_THAT(NamesIn(path_), ElementsAre(kChain));
  }
}

TEST_F(InstallationTest, WhatIsNoFileInItsPlaceIsNotTouched) {
  const CertsFolder folder = OpenFolder();
  ASSERT_EQ(symlink("nowhere", Path(kCertificate).c_str()), 0);
  EXPECT_THAT(InstallCertificate(folder, alone_),
              StatusIs(StatusCode::kAlreadyExists, HasSubstr(kCertificate)));
  ASSERT_EQ(unlink(Path(kCertificate).c_str()), 0);
  ASSERT_EQ(mkfifo(Path(kCertificate).c_str(), 0600), 0);
  EXPECT_THAT(InstallCertificate(folder, alone_),
              StatusIs(StatusCode::kAlreadyExists, HasSubstr(kCertificate)));
}

TEST_F(InstallationTest, FolderThatMayNotBeWrittenIsSaid) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  const CertsFolder folder = OpenFolder();
  ASSERT_EQ(chmod(path_.c_str(), 0755), 0);
  EXPECT_THAT(test::InChild([this, &folder] {
                test::BecomeUser(test::kNobody);
                return InstallCertificate(folder, chained_).status().ToString();
              }),
              HasSubstr("acme-dev1-1.pem': Permission denied"));
  EXPECT_THAT(NamesIn(path_), IsEmpty());
}

}  // namespace
}  // namespace jet::cert_request

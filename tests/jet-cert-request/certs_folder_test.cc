#include "jet-cert-request/certs_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "tests/base/child.h"
#include "tests/jet-cert-request/fixture.h"
#include "tests/status_matchers.h"

namespace jet::cert_request {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using test::ValueOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr useconds_t kMoment = 200 * 1000;  // long enough for a process that does not wait

class CertsFolderTest : public CertsTest {
 protected:
  std::vector<std::string> NameTexts() const {
    std::vector<std::string> texts;
    for (const CertificateName& name : ValueOf(OpenFolder(FolderAccess::kRead).Names())) {
      texts.push_back(name.Text());
    }
    return texts;
  }

  // What opening says, as a child that did `prepare` first.
  std::string OpenInChild(FolderAccess access, void (*prepare)()) const {
    return test::InChild([this, access, prepare] {
      prepare();
      return CertsFolder::Open(path_, access).status().ToString();
    });
  }
};

TEST_F(CertsFolderTest, IsMade0700WithItsParentsWhateverTheUmask) {
  const struct {
    mode_t mask;
    mode_t parent_mode;
  } rows[] = {{0000, 0755}, {0022, 0755}, {0027, 0750}, {0077, 0700}};
  for (const auto& row : rows) {
    const std::string parent = scratch_.Path(absl::StrCat("a", row.mask));
    const std::string path = parent + "/b/certs";
    const mode_t before = umask(row.mask);
    const absl::StatusOr<CertsFolder> folder = CertsFolder::Open(path, FolderAccess::kWrite);
    umask(before);
    ASSERT_THAT(folder, IsOk());
    EXPECT_EQ(ModeOf(path), 0700u);
    EXPECT_EQ(ModeOf(parent), row.parent_mode);
    EXPECT_EQ(ModeOf(parent + "/b"), row.parent_mode);
  }
}

TEST_F(CertsFolderTest, UmaskThatTakesFromTheOwnerDoesNotCount) {
  const mode_t before = umask(0777);
  const absl::StatusOr<CertsFolder> folder = CertsFolder::Open(path_, FolderAccess::kWrite);
  umask(before);
  ASSERT_THAT(folder, IsOk());
  EXPECT_EQ(ModeOf(path_), 0700u);
}

TEST_F(CertsFolderTest, FolderThatIsThereKeepsItsMode) {
  scratch_.MakeFolder("certs");
  ASSERT_EQ(chmod(path_.c_str(), 0755), 0);
  EXPECT_THAT(CertsFolder::Open(path_, FolderAccess::kWrite), IsOk());
  EXPECT_EQ(ModeOf(path_), 0755u);
}

TEST_F(CertsFolderTest, ReadingMakesNothing) {
  EXPECT_THAT(CertsFolder::Open(path_, FolderAccess::kRead),
              StatusIs(StatusCode::kNotFound, absl::StrCat("there is no certs folder '", path_,
                                                           "': nothing was requested there yet")));
  EXPECT_FALSE(Exists(path_));
}

TEST_F(CertsFolderTest, NameMayBeWrittenInManyWays) {
  EXPECT_EQ(ValueOf(CertsFolder::Open(path_ + "//", FolderAccess::kWrite)).path(), path_);
  EXPECT_EQ(ValueOf(CertsFolder::Open("/", FolderAccess::kRead)).path(), "/");
  EXPECT_EQ(test::InChild([this]() -> std::string {
              if (chdir(scratch_.path().c_str()) != 0) return "chdir";
              return CertsFolder::Open("plain", FolderAccess::kWrite).status().ToString();
            }),
            "OK");
  EXPECT_EQ(ModeOf(scratch_.Path("plain")), 0700u);
  EXPECT_THAT(CertsFolder::Open("", FolderAccess::kWrite),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("is empty")));
}

TEST_F(CertsFolderTest, LinkIsFollowed) {
  const std::string target = scratch_.MakeFolder("target");
  ASSERT_EQ(chmod(target.c_str(), 0700), 0);
  ASSERT_EQ(symlink("target", path_.c_str()), 0);
  EXPECT_THAT(CertsFolder::Open(path_, FolderAccess::kWrite), IsOk());
  EXPECT_THAT(CertsFolder::Open(path_, FolderAccess::kRead), IsOk());
}

TEST_F(CertsFolderTest, WhatIsNoFolderIsRefused) {
  ASSERT_EQ(symlink("nowhere", path_.c_str()), 0);
  EXPECT_THAT(CertsFolder::Open(path_, FolderAccess::kWrite),
              StatusIs(StatusCode::kNotFound, HasSubstr(path_)));
  const std::string file = scratch_.Write("file", "");
  for (const FolderAccess access : {FolderAccess::kRead, FolderAccess::kWrite}) {
    EXPECT_THAT(CertsFolder::Open(file, access),
                StatusIs(StatusCode::kFailedPrecondition, HasSubstr("file': Not a directory")));
  }
  EXPECT_THAT(CertsFolder::Open(file + "/certs", FolderAccess::kWrite),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr(absl::StrCat("cannot make the folder '", file, "/certs'"))));
}

TEST_F(CertsFolderTest, ParentThatMayNotBeWrittenIsSaid) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  EXPECT_THAT(OpenInChild(FolderAccess::kWrite, [] { test::BecomeUser(test::kNobody); }),
              HasSubstr(absl::StrCat("PERMISSION_DENIED: cannot make the folder '", path_, "'")));
}

TEST_F(CertsFolderTest, FolderThatOthersMayChangeIsNotWritten) {
  const struct {
    mode_t mode;
    bool good;
  } rows[] = {{0700, true},  {0755, true},  {0500, true},  {0720, false}, {0702, false},
              {0775, false}, {0777, false}, {01777, true}, {01770, true}, {02755, true}};
  scratch_.MakeFolder("certs");
  for (const auto& row : rows) {
    ASSERT_EQ(chmod(path_.c_str(), row.mode), 0);
    const auto folder = CertsFolder::Open(path_, FolderAccess::kWrite);
    EXPECT_EQ(folder.ok(), row.good) << row.mode;
    if (!row.good) {
      EXPECT_THAT(folder, StatusIs(StatusCode::kFailedPrecondition,
                                   HasSubstr("take that away with chmod go-w")));
    }
    EXPECT_THAT(CertsFolder::Open(path_, FolderAccess::kRead), IsOk()) << row.mode;
  }
}

TEST_F(CertsFolderTest, FolderOfAnotherUserIsNotWritten) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  scratch_.MakeFolder("certs");
  const auto as_nobody = [] { test::BecomeUser(test::kNobody); };
  // Root's is fine: what root would do root can do anyway.
  EXPECT_EQ(OpenInChild(FolderAccess::kWrite, as_nobody), "OK");
  ASSERT_EQ(chown(path_.c_str(), test::kNobody, test::kNobody), 0);
  EXPECT_EQ(OpenInChild(FolderAccess::kWrite, as_nobody), "OK");
  EXPECT_THAT(CertsFolder::Open(path_, FolderAccess::kWrite),
              StatusIs(StatusCode::kFailedPrecondition,
                       absl::StrCat("the certs folder '", path_,
                                    "' belongs to user id 65534, who could exchange what is in "
                                    "it; run as that user, or take it over with chown")));
  ASSERT_EQ(chown(path_.c_str(), 1, 1), 0);
  EXPECT_THAT(OpenInChild(FolderAccess::kWrite, as_nobody), HasSubstr("belongs to user id 1"));
  EXPECT_EQ(OpenInChild(FolderAccess::kRead, as_nobody), "OK");
}

// A child that opens the folder for writing, says how that went, and holds it until it is killed.
class Holder {
 public:
  explicit Holder(const std::string& path) {
    std::array<int, 2> ends = {};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    reader_.Reset(ends[0]);
    const base::UniqueFd writer(ends[1]);
    id_ = fork();
    if (id_ == 0) {
      const auto folder = CertsFolder::Open(path, FolderAccess::kWrite);
      const char code = static_cast<char>('a' + static_cast<int>(folder.status().code()));
      if (write(writer.get(), &code, 1) == 1) pause();
      _exit(0);
    }
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() { Kill(); }

  // Waits until the folder is open, or was refused.
  StatusCode Code() {
    char code = 0;
    if (read(reader_.get(), &code, 1) != 1) throw std::runtime_error("the holder died");
    return static_cast<StatusCode>(code - 'a');
  }
  bool IsWaiting() {
    usleep(kMoment);
    const int flags = fcntl(reader_.get(), F_GETFL);
    (void)fcntl(reader_.get(), F_SETFL, flags | O_NONBLOCK);
    char code = 0;
    const bool waiting = read(reader_.get(), &code, 1) < 0;
    (void)fcntl(reader_.get(), F_SETFL, flags);
    return waiting;
  }
  void Kill() {
    if (id_ <= 0) return;
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
    id_ = 0;
  }

 private:
  base::UniqueFd reader_;
  pid_t id_ = 0;
};

TEST_F(CertsFolderTest, WritersTakeTurnsAndReadersDoNotWait) {
  Holder first(path_);
  ASSERT_EQ(first.Code(), StatusCode::kOk);
  Holder second(path_);
  EXPECT_TRUE(second.IsWaiting());
  EXPECT_THAT(CertsFolder::Open(path_, FolderAccess::kRead), IsOk());
  first.Kill();  // the lock of a killed process does not stay
  EXPECT_EQ(second.Code(), StatusCode::kOk);
}

TEST_F(CertsFolderTest, PatienceEnds) {
  Holder holder(path_);
  ASSERT_EQ(holder.Code(), StatusCode::kOk);
  EXPECT_THAT(CertsFolder::Open(path_, FolderAccess::kWrite, absl::Milliseconds(150)),
              StatusIs(StatusCode::kUnavailable,
                       absl::StrCat("another process holds the certs folder '", path_, "'")));
  holder.Kill();
  EXPECT_THAT(CertsFolder::Open(path_, FolderAccess::kWrite, absl::ZeroDuration()), IsOk());
}

TEST_F(CertsFolderTest, FolderThatOthersMayChangeIsAProblem) {
  const CertsFolder folder = OpenFolder();
  EXPECT_THAT(folder.Problems(), IsOkAndHolds(IsEmpty()));
  for (const mode_t mode : {0770, 0702}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    EXPECT_THAT(folder.Problems(), IsOkAndHolds(ElementsAre(HasSubstr(absl::StrCat(
                                       "the folder '", path_, "' is open to changes")))));
  }
  ASSERT_EQ(chmod(path_.c_str(), 01777), 0);
  EXPECT_THAT(folder.Problems(), IsOkAndHolds(IsEmpty()));
}

TEST_F(CertsFolderTest, WhatAKilledProcessLeftIsAProblem) {
  const CertsFolder folder = OpenFolder();
  for (const char* file :
       {".acme-dev1-1_key.pem.0123456789abcdef.tmp", ".acme-dev1-1_req.pem.0123456789abcdef.tmp",
        ".acme-dev1-1_key.pem.swp", ".other.tmp", "acme-dev1-1_key.pem.tmp",
        // Of nothing that this program stages.
        ".acme-dev1-1_key.pem.tmp", ".acme-dev1-1_key.pem.mine.tmp",
        ".acme-dev1-1_key.pem.0123456789abcdeg.tmp",
        ".acme-dev1-1_key.pem.txt.0123456789abcdef.tmp", ".acme-dev1-1.0123456789abcdef.tmp"}) {
    Write(file, "");
  }
  EXPECT_THAT(folder.Problems(),
              IsOkAndHolds(ElementsAre(
                  HasSubstr(Path(".acme-dev1-1_key.pem.0123456789abcdef.tmp") + "' was left"),
                  HasSubstr(Path(".acme-dev1-1_req.pem.0123456789abcdef.tmp") + "' was left"))));
}

TEST_F(CertsFolderTest, LockEndsWithTheObject) {
  { const CertsFolder folder = OpenFolder(); }
  Holder other(path_);
  EXPECT_EQ(other.Code(), StatusCode::kOk);
}

TEST_F(CertsFolderTest, FolderThatWasExchangedWhileWaitingIsRefused) {
  Holder first(path_);
  ASSERT_EQ(first.Code(), StatusCode::kOk);
  Holder second(path_);
  ASSERT_TRUE(second.IsWaiting());
  ASSERT_EQ(rename(path_.c_str(), scratch_.Path("old").c_str()), 0);
  scratch_.MakeFolder("certs");
  first.Kill();
  EXPECT_EQ(second.Code(), StatusCode::kAborted);
}

TEST_F(CertsFolderTest, PathsAreThoseOfTheFormat) {
  const CertsFolder folder = OpenFolder();
  const CertificateName name = Name("acme-dev1-emea-2");
  EXPECT_EQ(folder.KeyPath(name), path_ + "/acme-dev1-emea-2_key.pem");
  EXPECT_EQ(folder.RequestPath(name), path_ + "/acme-dev1-emea-2_req.pem");
  EXPECT_EQ(folder.CertificatePath(name), path_ + "/acme-dev1-emea-2.pem");
  EXPECT_EQ(folder.ChainPath(name), path_ + "/acme-dev1-emea-2_chain.pem");
}

TEST_F(CertsFolderTest, NamesAreListedOnceAndInTheirOrder) {
  for (const char* file : {"acme-dev1-10_key.pem", "acme-dev1-10_req.pem", "acme-dev1-2_req.pem",
                           "acme-dev1-2.pem", "acme-dev1-emea-1_chain.pem", "acme-dev0-3.pem",
                           "zeta-aa-1_key.pem", "acme-dev1-x_key-1_req.pem"}) {
    Write(file, "");
  }
  EXPECT_THAT(NameTexts(), ElementsAre("acme-dev0-3", "acme-dev1-2", "acme-dev1-10",
                                       "acme-dev1-emea-1", "acme-dev1-x_key-1", "zeta-aa-1"));
}

TEST_F(CertsFolderTest, OtherFilesArePassedOver) {
  for (const char* file :
       {"readme.txt", ".pem", "_key.pem", "acme.pem", "acme-dev1.pem", "acme-dev1-01_key.pem",
        "acme-dev1-1_key.pem~", "acme-dev1-1_key.PEM", "acme-dev1-1.der",
        ".acme-dev1-1_key.pem.0123456789abcdef.tmp", "Acme-dev1-1.pem", "acme-dev1-1_other.pem"}) {
    Write(file, "");
  }
  EXPECT_THAT(NameTexts(), IsEmpty());
}

TEST_F(CertsFolderTest, NextIndexIsOneHigherThanTheHighestOfTheSameName) {
  const CertsFolder folder = OpenFolder();
  EXPECT_THAT(folder.NextIndex(Name("acme-dev1-1")), IsOkAndHolds(1u));
  for (const char* file : {"acme-dev1-2.pem", "acme-dev1-11_key.pem", "acme-dev1-9_req.pem",
                           "acme-dev1-emea-30.pem", "acme-dev2-40.pem", "acmf-dev1-50.pem"}) {
    Write(file, "");
  }
  EXPECT_THAT(folder.NextIndex(Name("acme-dev1-1")), IsOkAndHolds(12u));
  EXPECT_THAT(folder.NextIndex(Name("acme-dev1-emea-1")), IsOkAndHolds(31u));
  EXPECT_THAT(folder.NextIndex(Name("acme-dev9-1")), IsOkAndHolds(1u));
  Write("acme-dev1-18446744073709551614.pem", "");
  EXPECT_THAT(folder.NextIndex(Name("acme-dev1-1")), IsOkAndHolds(18446744073709551615u));
  Write("acme-dev1-18446744073709551615.pem", "");
  EXPECT_THAT(folder.NextIndex(Name("acme-dev1-1")),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("there is none after it")));
}

TEST_F(CertsFolderTest, LatestRequestIsTheOneWrittenLast) {
  const CertsFolder reader = OpenFolder(FolderAccess::kWrite);
  EXPECT_FALSE(ValueOf(reader.LatestRequest()).has_value());
  int64_t seconds = 2000;
  for (const char* name : {"acme-dev1-3", "acme-dev1-2", "acme-dev1-1"}) {
    ASSERT_THAT(MakeRequestFiles(reader, Wanted(name)), IsOk());
    const timespec times[] = {{seconds, 5}, {seconds, 5}};
    ASSERT_EQ(utimensat(AT_FDCWD, Path(std::string(name) + "_req.pem").c_str(), times, 0), 0);
    seconds += 10;
  }
  const auto latest = [&reader] {
    return std::string(ValueOf(reader.LatestRequest())->common_name());
  };
  EXPECT_EQ(latest(), "acme-dev1-1");
  // Nanoseconds count; of two with the same time it is the later name.
  const timespec same[] = {{2020, 6}, {2020, 6}};
  ASSERT_EQ(utimensat(AT_FDCWD, Path("acme-dev1-2_req.pem").c_str(), same, 0), 0);
  EXPECT_EQ(latest(), "acme-dev1-2");
  ASSERT_EQ(utimensat(AT_FDCWD, Path("acme-dev1-3_req.pem").c_str(), same, 0), 0);
  EXPECT_EQ(latest(), "acme-dev1-3");
  // What cannot be read does not count, however new it is.
  Write("acme-dev1-3_req.pem", "garbage");
  ASSERT_EQ(mkfifo(Path("acme-dev1-4_req.pem").c_str(), 0600), 0);
  EXPECT_EQ(latest(), "acme-dev1-2");
}

}  // namespace
}  // namespace jet::cert_request

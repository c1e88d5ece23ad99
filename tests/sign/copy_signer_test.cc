#include "sign/copy_signer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/xattr.h"
#include "ima/signature.h"
#include "sign/xattr_store.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::sign {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr size_t kLimit = 1 << 20;
// linux/capability.h: cap_net_raw+ep, revision 2.
const base::Bytes kCapability = {1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
const base::Bytes kStale = {3, 2, 4, 1, 2, 3, 4, 0, 1, 9};

// Does something between the hash and the signature.
class InterruptedSigner : public crypto::Signer {
 public:
  InterruptedSigner(const crypto::Signer& signer, std::function<void()> work)
      : signer_(signer), work_(std::move(work)) {}
  const crypto::PublicKey& public_key() const override { return signer_.public_key(); }
  absl::StatusOr<base::Bytes> SignDigest(const crypto::Digest& digest) const override {
    work_();
    return signer_.SignDigest(digest);
  }

 private:
  const crypto::Signer& signer_;
  const std::function<void()> work_;
};

class CopySignerTest : public testing::Test {
 protected:
  CopySignerTest()
      : key_(crypto::MakeSigner(test::CloneOf(test::TestKey("ec:p256"))).value()),
        certificate_(CertificateOf("ec:p256", 0x11)) {
    tree_ = folder_.MakeFolder("tree");
  }

  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot; }

  static pki::Certificate CertificateOf(const std::string& key_type, uint8_t identifier_byte) {
    test::CertificateSpec spec;
    spec.key_type = key_type;
    spec.subject_key_identifier = base::Bytes(20, identifier_byte);
    return test::MakeCertificate(spec);
  }

  FileSigner Signer(const FileSignerOptions& options = {},
                    std::vector<ima::NamedCertificate> known = {}) const {
    return FileSigner::New(*key_, certificate_, std::move(known), options).value();
  }

  std::string copies() const { return folder_.Path("copies"); }

  absl::StatusOr<SignOutcome> Copy(const FileSigner& signer, const std::string& name,
                                   bool best_effort = false) const {
    auto folders = CopyFolders::Open(copies(), tree_);
    if (!folders.ok()) return folders.status();
    const std::string path = absl::StrCat(tree_, "/", name);
    const base::UniqueFd fd = test::Open(path, O_RDONLY);
    crypto::Hasher hasher;
    return CopySigner(signer, **folders, best_effort).Sign({fd.get(), path, name}, hasher);
  }
  absl::StatusOr<SignResult> ResultOf(const FileSigner& signer, const std::string& name) const {
    absl::StatusOr<SignOutcome> outcome = Copy(signer, name);
    if (!outcome.ok()) return outcome.status();
    return outcome->result;
  }

  static struct stat StatusOf(const std::string& path) {
    struct stat status = {};
    EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
    return status;
  }
  static absl::optional<base::Bytes> Get(const std::string& path, const char* name) {
    return ValueOf(base::GetXattr(test::Open(path, O_RDONLY).get(), name));
  }
  static void Set(const std::string& path, const char* name, const base::Bytes& value) {
    ASSERT_THAT(base::SetXattr(test::Open(path, O_RDONLY).get(), name, value), IsOk());
  }
  std::string ContentOf(const std::string& name) const {
    return std::string(base::AsText(ValueOf(base::ReadFile(folder_.Path(name), kLimit))));
  }
  std::vector<std::string> NamesIn(const std::string& name) const {
    return ValueOf(
        base::ListFolder(test::Open(folder_.Path(name), O_RDONLY | O_DIRECTORY).get(), name));
  }
  void ExpectVerifies(const std::string& path, absl::string_view content) const {
    const auto value = Get(path, base::kSecurityIma);
    ASSERT_TRUE(value.has_value()) << path;
    const auto digest =
        ValueOf(crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, base::AsBytes(content)));
    EXPECT_THAT(key_->public_key().Verify(digest, ima::DecodeXattr(*value).payload), IsOk());
  }

  test::ScratchFolder folder_;
  std::string tree_;
  std::unique_ptr<crypto::Signer> key_;
  pki::Certificate certificate_;
};

TEST_F(CopySignerTest, CopyHasEverythingAndTheSourceKeepsIts) {
  const std::string source = folder_.Write("tree/sub/f", "content", 0644);
  ASSERT_EQ(chown(source.c_str(), 12, 34), 0);
  ASSERT_EQ(chmod(source.c_str(), 06750), 0);
  ASSERT_EQ(chown(folder_.Path("tree/sub").c_str(), 56, 78), 0);
  ASSERT_EQ(chmod(folder_.Path("tree/sub").c_str(), 02711), 0);
  Set(source, "user.note", {1, 2});
  Set(source, "security.capability", kCapability);
  Set(source, base::kSecurityIma, kStale);
  const timespec times[] = {{1000, 1}, {2000, 999999999}};
  ASSERT_EQ(utimensat(AT_FDCWD, source.c_str(), times, 0), 0);
  const struct stat before = StatusOf(source);

  const mode_t mask = umask(022);
  ASSERT_OK_AND_ASSIGN(const SignOutcome outcome, Copy(Signer(), "sub/f"));
  umask(mask);
  EXPECT_EQ(outcome.result, SignResult::kSigned);
  EXPECT_EQ(outcome.change_detection, base::ChangeDetection::kLease);
  EXPECT_THAT(outcome.lost, IsEmpty());
  const std::string copy = folder_.Path("copies/sub/f");
  const struct stat copied = StatusOf(copy);
  EXPECT_EQ(copied.st_uid, 12U);
  EXPECT_EQ(copied.st_gid, 34U);
  EXPECT_EQ(copied.st_mode, before.st_mode);
  EXPECT_EQ(copied.st_mtim.tv_sec, 2000);
  EXPECT_EQ(copied.st_mtim.tv_nsec, 999999999);
  EXPECT_EQ(copied.st_atim.tv_sec, 1000);
  EXPECT_EQ(Get(copy, "user.note"), base::Bytes({1, 2}));
  EXPECT_EQ(Get(copy, "security.capability"), kCapability);
  EXPECT_EQ(Get(copy, base::kSecurityIma), outcome.value);
  EXPECT_EQ(ContentOf("copies/sub/f"), "content");
  ExpectVerifies(copy, "content");
  const struct stat sub = StatusOf(folder_.Path("copies/sub"));
  EXPECT_EQ(sub.st_mode & 07777U, 02711U);
  EXPECT_EQ(sub.st_uid, 56U);
  EXPECT_EQ(sub.st_gid, 78U);
  EXPECT_EQ(StatusOf(copies()).st_mode & 07777U, 0755U);

  const struct stat after = StatusOf(source);
  EXPECT_EQ(Get(source, base::kSecurityIma), kStale);
  EXPECT_EQ(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
  EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
  EXPECT_EQ(after.st_atim.tv_sec, 1000) << "reading is not to be seen either";
}

TEST_F(CopySignerTest, EmptyAndUnreadableFilesAreCopied) {
  folder_.Write("tree/empty", "");
  folder_.Write("tree/closed", "content", 0000);
  EXPECT_THAT(Copy(Signer(), "empty"), IsOk());
  EXPECT_THAT(Copy(Signer(), "closed"), IsOk());
  ExpectVerifies(folder_.Path("copies/empty"), "");
  EXPECT_EQ(StatusOf(folder_.Path("copies/closed")).st_mode & 07777U, 0U);
}

TEST_F(CopySignerTest, GoodCopyIsLeftAsItIs) {
  folder_.Write("tree/f", "content");
  ASSERT_THAT(Copy(Signer(), "f"), IsOk());
  const ino_t first = StatusOf(folder_.Path("copies/f")).st_ino;
  ASSERT_OK_AND_ASSIGN(const SignOutcome again, Copy(Signer(), "f"));
  EXPECT_EQ(again.result, SignResult::kAlreadyValid);
  EXPECT_EQ(StatusOf(folder_.Path("copies/f")).st_ino, first);
  FileSignerOptions force;
  force.force = true;
  EXPECT_THAT(ResultOf(Signer(force), "f"), test::IsOkAndHolds(SignResult::kSigned));
  EXPECT_NE(StatusOf(folder_.Path("copies/f")).st_ino, first);
}

TEST_F(CopySignerTest, CopyThatDiffersIsReplaced) {
  const std::string source = folder_.Write("tree/f", "content");
  const std::string copy = folder_.Path("copies/f");
  ASSERT_THAT(Copy(Signer(), "f"), IsOk());
  const struct stat old = StatusOf(source);
  const std::vector<std::function<void()>> changes = {
      [&] { ASSERT_EQ(chmod(source.c_str(), 0600), 0); },
      [&] { ASSERT_EQ(chown(source.c_str(), 1, 2), 0); },
      [&] { Set(source, "user.note", {1}); },
      [&] { Set(copy, "user.other", {1}); },
      [&] { Set(copy, base::kSecurityIma, kStale); },
      // Other bytes, and nothing else to tell by.
      [&] {
        ASSERT_EQ(pwrite(test::Open(source, O_WRONLY).get(), "CONTENT", 7, 0), 7);
        const timespec times[] = {old.st_atim, old.st_mtim};
        ASSERT_EQ(utimensat(AT_FDCWD, source.c_str(), times, 0), 0);
      },
      [&] {
        ASSERT_EQ(pwrite(test::Open(copy, O_WRONLY).get(), "c", 1, 0), 1);
        const timespec times[] = {old.st_atim, old.st_mtim};
        ASSERT_EQ(utimensat(AT_FDCWD, copy.c_str(), times, 0), 0);
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    changes[i]();
    EXPECT_THAT(ResultOf(Signer(), "f"), test::IsOkAndHolds(SignResult::kSigned)) << i;
    EXPECT_THAT(ResultOf(Signer(), "f"), test::IsOkAndHolds(SignResult::kAlreadyValid)) << i;
    EXPECT_EQ(ContentOf("copies/f"), ContentOf("tree/f")) << i;
    ExpectVerifies(copy, ContentOf("tree/f"));
  }
}

TEST_F(CopySignerTest, ValidSignatureOfTheSourceComesAlong) {
  const std::string source = folder_.Write("tree/f", "content");
  const pki::Certificate other = CertificateOf("rsa:2048", 0x22);
  const auto other_key = crypto::MakeSigner(test::CloneOf(test::TestKey("rsa:2048"))).value();
  const FileSigner other_signer = FileSigner::New(*other_key, other, {}, {}).value();
  crypto::Hasher hasher;
  {
    const base::UniqueFd fd = test::Open(source, O_RDONLY);
    XattrStore store(fd.get());
    ASSERT_THAT(other_signer.Sign(fd.get(), store, hasher), IsOk());
  }
  const auto value = Get(source, base::kSecurityIma);
  const std::string copy = folder_.Path("copies/f");
  const std::vector<ima::NamedCertificate> known = {{"vendor", other}};
  for (int run = 0; run < 2; ++run) {
    ASSERT_OK_AND_ASSIGN(const SignOutcome kept, Copy(Signer({}, known), "f"));
    EXPECT_EQ(kept.result, SignResult::kKept);
    EXPECT_EQ(kept.previous_key_name, "vendor");
    EXPECT_EQ(Get(copy, base::kSecurityIma), value);
  }
  EXPECT_THAT(ResultOf(other_signer, "f"), test::IsOkAndHolds(SignResult::kAlreadyValid));
  ASSERT_EQ(unlink(copy.c_str()), 0);
  EXPECT_THAT(ResultOf(other_signer, "f"), test::IsOkAndHolds(SignResult::kSigned));
  EXPECT_EQ(Get(copy, base::kSecurityIma), value) << "the source is signed by this key already";
  FileSignerOptions force;
  force.force = true;
  EXPECT_THAT(ResultOf(Signer(force, known), "f"), test::IsOkAndHolds(SignResult::kSigned));
  ExpectVerifies(copy, "content");
  EXPECT_EQ(Get(source, base::kSecurityIma), value);
}

TEST_F(CopySignerTest, WhatIsInTheWayStays) {
  folder_.Write("tree/f", "content");
  folder_.Write("target", "target");
  folder_.MakeFolder("copies");
  const std::string copy = folder_.Path("copies/f");
  ASSERT_EQ(symlink("../target", copy.c_str()), 0);
  const auto refused = StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file"));
  FileSignerOptions force;
  force.force = true;
  EXPECT_THAT(Copy(Signer(force), "f"), refused);
  EXPECT_EQ(ContentOf("target"), "target");
  ASSERT_EQ(unlink(copy.c_str()), 0);
  ASSERT_EQ(mkfifo(copy.c_str(), 0600), 0);
  EXPECT_THAT(Copy(Signer(), "f"), refused);
  ASSERT_EQ(unlink(copy.c_str()), 0);
  ASSERT_EQ(mkdir(copy.c_str(), 0700), 0);
  EXPECT_THAT(Copy(Signer(), "f"), refused);
  ASSERT_EQ(rmdir(copy.c_str()), 0);
  ASSERT_EQ(link(folder_.Path("tree/f").c_str(), copy.c_str()), 0);
  EXPECT_THAT(Copy(Signer(force), "f"),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("is the same file")));
  EXPECT_THAT(NamesIn("copies"), ElementsAre("f"));
}

TEST_F(CopySignerTest, OtherNamesOfAnOldCopyKeepWhatTheyAre) {
  folder_.Write("tree/f", "content");
  folder_.Write("copies/f", "old");
  ASSERT_EQ(link(folder_.Path("copies/f").c_str(), folder_.Path("other").c_str()), 0);
  EXPECT_THAT(Copy(Signer(), "f"), IsOk());
  EXPECT_EQ(ContentOf("copies/f"), "content");
  EXPECT_EQ(ContentOf("other"), "old");
}

TEST_F(CopySignerTest, NeitherLinksNorFilesServeAsFolders) {
  folder_.Write("tree/sub/f", "content");
  folder_.MakeFolder("elsewhere");
  folder_.MakeFolder("copies");
  ASSERT_EQ(symlink("../elsewhere", folder_.Path("copies/sub").c_str()), 0);
  const auto refused = StatusIs(StatusCode::kFailedPrecondition, HasSubstr("in the way"));
  EXPECT_THAT(Copy(Signer(), "sub/f"), refused);
  EXPECT_THAT(NamesIn("elsewhere"), IsEmpty());
  ASSERT_EQ(unlink(folder_.Path("copies/sub").c_str()), 0);
  folder_.Write("copies/sub", "a file");
  EXPECT_THAT(Copy(Signer(), "sub/f"), refused);
  EXPECT_THAT(Copy(Signer(), "sub/../sub/f"), StatusIs(StatusCode::kInvalidArgument, testing::_));
}

TEST_F(CopySignerTest, SourceThatChangesAgainAndAgainIsNotCopied) {
  const std::string source = folder_.Write("tree/f", "content");
  int calls = 0;
  const InterruptedSigner touching(*key_, [&] {
    ++calls;
    (void)chmod(source.c_str(), static_cast<mode_t>(0700 + calls));
  });
  const FileSigner signer = FileSigner::New(touching, certificate_, {}, {}).value();
  EXPECT_THAT(Copy(signer, "f"), StatusIs(StatusCode::kAborted, HasSubstr("changed")));
  EXPECT_EQ(calls, 3);
  EXPECT_THAT(NamesIn("copies"), IsEmpty());
}

TEST_F(CopySignerTest, SourceThatChangesOnceIsCopiedAnew) {
  const std::string source = folder_.Write("tree/f", "content");
  int calls = 0;
  const InterruptedSigner touching(*key_, [&] {
    if (++calls > 1) return;
    // The writer would wait for the lease: it is told at once, and the lease is broken.
    EXPECT_EQ(open(source.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC), -1);
  });
  const FileSigner signer = FileSigner::New(touching, certificate_, {}, {}).value();
  EXPECT_THAT(Copy(signer, "f"), IsOk());
  EXPECT_EQ(calls, 2);
  ExpectVerifies(folder_.Path("copies/f"), "content");
}

TEST_F(CopySignerTest, SourceThatIsOpenForWritingIsNotCopied) {
  const std::string source = folder_.Write("tree/f", "content");
  const base::UniqueFd writer = test::Open(source, O_WRONLY);
  EXPECT_THAT(Copy(Signer(), "f"), StatusIs(StatusCode::kUnavailable, HasSubstr("for writing")));
  EXPECT_THAT(NamesIn("copies"), IsEmpty());
}

TEST_F(CopySignerTest, DryRunMakesNothing) {
  folder_.Write("tree/sub/f", "content");
  FileSignerOptions dry;
  dry.dry_run = true;
  EXPECT_THAT(ResultOf(Signer(dry), "sub/f"), test::IsOkAndHolds(SignResult::kWouldSign));
  EXPECT_THAT(NamesIn("."), ElementsAre("tree"));
  EXPECT_THAT(Copy(Signer(), "sub/f"), IsOk());
  EXPECT_THAT(ResultOf(Signer(dry), "sub/f"), test::IsOkAndHolds(SignResult::kAlreadyValid));
  folder_.Write("tree/sub/g/h", "content");
  EXPECT_THAT(ResultOf(Signer(dry), "sub/g/h"), test::IsOkAndHolds(SignResult::kWouldSign));
  EXPECT_THAT(NamesIn("copies/sub"), ElementsAre("f"));
}

TEST_F(CopySignerTest, WorksWithTemporaryNamesToo) {
  folder_.Write("tree/f", "content");
  EXPECT_THAT(test::InChild([this] {
                test::EnterPrivateMounts();
                // Without /proc a file without a name cannot be given one.
                if (mount("none", "/proc", "tmpfs", 0, nullptr) != 0) return std::string("mount");
                const std::string status = Copy(Signer(), "f").status().ToString();
                return absl::StrCat(status, " ", NamesIn("copies").size());
              }),
              "OK 1");
  ExpectVerifies(folder_.Path("copies/f"), "content");
}

TEST_F(CopySignerTest, FileSystemWithoutAttributesIsSaid) {
  folder_.Write("tree/f", "content");
  folder_.MakeFolder("copies");
  EXPECT_THAT(test::InChild([this] {
                test::EnterPrivateMounts();
                if (mount("none", copies().c_str(), "ramfs", 0, nullptr) != 0) {
                  return std::string("mount");
                }
                const std::string status = Copy(Signer(), "f").status().ToString();
                return absl::StrCat(status, " ", NamesIn("copies").size());
              }),
              testing::AllOf(HasSubstr("this file system keeps no security.ima attribute"),
                             testing::EndsWith(" 0")));
}

// Gives up the capability to give files away, and nothing else.
void GiveUpChown() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) throw std::runtime_error("capget");
  data[CAP_TO_INDEX(CAP_CHOWN)].effective &= ~CAP_TO_MASK(CAP_CHOWN);
  if (syscall(SYS_capset, &header, data) != 0) throw std::runtime_error("capset");
}

TEST_F(CopySignerTest, WhatIsLostIsAnErrorOrTold) {
  const std::string source = folder_.Write("tree/sub/f", "content");
  ASSERT_EQ(chown(source.c_str(), 12, 34), 0);
  ASSERT_EQ(chmod(source.c_str(), 04755), 0);
  const auto copy = [this](bool best_effort) {
    return test::InChild([this, best_effort] {
      GiveUpChown();
      const absl::StatusOr<SignOutcome> outcome = Copy(Signer(), "sub/f", best_effort);
      return outcome.ok() ? absl::StrJoin(outcome->lost, "; ") : outcome.status().ToString();
    });
  };
  EXPECT_EQ(copy(false),
            "FAILED_PRECONDITION: the copy cannot keep everything: owner 12:34: Operation not "
            "permitted; the set-ID bits: without the owner (--best-effort makes it all the same)");
  EXPECT_THAT(NamesIn("copies/sub"), IsEmpty());
  EXPECT_EQ(copy(true), "owner 12:34: Operation not permitted; the set-ID bits: without the owner");
  ExpectVerifies(folder_.Path("copies/sub/f"), "content");
  EXPECT_EQ(StatusOf(folder_.Path("copies/sub/f")).st_mode & 07777U, 0755U);
}

TEST_F(CopySignerTest, WhatFoldersLoseIsAnErrorOrTold) {
  folder_.Write("tree/sub/f", "content");
  folder_.Write("tree/sub/g", "content");
  ASSERT_EQ(chown(folder_.Path("tree/sub").c_str(), 12, 34), 0);
  const auto copy = [this](const std::string& name, bool best_effort) {
    return test::InChild([this, &name, best_effort] {
      GiveUpChown();
      const absl::StatusOr<SignOutcome> outcome = Copy(Signer(), name, best_effort);
      return outcome.ok() ? absl::StrJoin(outcome->lost, "; ") : outcome.status().ToString();
    });
  };
  for (const char* const name : {"sub/f", "sub/g"}) {
    EXPECT_THAT(copy(name, false), HasSubstr("copies/sub' cannot keep everything: owner 12:34"))
        << "each file of it fails";
    EXPECT_THAT(NamesIn("copies"), IsEmpty());
  }
  EXPECT_EQ(copy("sub/f", true),
            absl::StrCat("folder '", copies(), "/sub': owner 12:34: Operation not permitted"));
  EXPECT_EQ(copy("sub/g", true), "") << "the folder was there then";
}

TEST_F(CopySignerTest, ManyThreadsShareTheFolders) {
  constexpr int kThreads = 8;
  constexpr int kFiles = 24;
  for (int i = 0; i < kFiles; ++i) folder_.Write(absl::StrCat("tree/", i % 5, "/sub/", i), "x");
  const auto folders = ValueOf(CopyFolders::Open(copies(), tree_));
  const FileSigner signer = Signer();
  std::vector<std::string> errors(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      crypto::Hasher hasher;
      CopySigner copy_signer(signer, *folders, /*best_effort=*/false);
      for (int i = t; i < kFiles; i += kThreads) {
        const std::string name = absl::StrCat(i % 5, "/sub/", i);
        const base::UniqueFd fd = test::Open(absl::StrCat(tree_, "/", name), O_RDONLY);
        const auto outcome = copy_signer.Sign({fd.get(), name, name}, hasher);
        if (!outcome.ok())
          absl::StrAppend(&errors[static_cast<size_t>(t)], outcome.status().message());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(errors, testing::Each(""));
  for (int i = 0; i < kFiles; ++i) {
    ExpectVerifies(folder_.Path(absl::StrCat("copies/", i % 5, "/sub/", i)), "x");
  }
}

TEST_F(CopySignerTest, TreeAndCopiesLieApart) {
  folder_.MakeFolder("tree/sub");
  ASSERT_EQ(symlink("tree/sub", folder_.Path("link").c_str()), 0);
  const auto refused = StatusIs(StatusCode::kInvalidArgument, HasSubstr("one in the other"));
  for (const char* const path : {"tree", "tree/", "tree/sub", "tree/new", "link", "link/new", ".",
                                 "link/../../tree", "copies/../tree"}) {
    folder_.MakeFolder("copies");
    EXPECT_THAT(CopyFolders::Open(folder_.Path(path), tree_).status(), refused) << path;
  }
  EXPECT_THAT(CopyFolders::Open("/", tree_).status(), refused);
  EXPECT_THAT(CopyFolders::Open(folder_.Path("tree-2"), tree_).status(), IsOk());
  EXPECT_THAT(CopyFolders::Open(folder_.Path("tree/sub"), absl::nullopt).status(), IsOk());
  EXPECT_THAT(CopyFolders::Open(folder_.Path("no/such"), tree_).status(),
              StatusIs(StatusCode::kNotFound, testing::_));
  EXPECT_THAT(NamesIn("tree"), ElementsAre("sub"));
  EXPECT_THAT(NamesIn("tree/sub"), IsEmpty());
}

TEST_F(CopySignerTest, MountsDoNotLeadIntoTheTree) {
  folder_.Write("tree/sub/f", "content");
  folder_.Write("tree/f", "content");
  folder_.MakeFolder("copies");
  EXPECT_THAT(test::InChild([this] {
                test::EnterPrivateMounts();
                const std::string sub = folder_.Path("tree/sub");
                if (mount(sub.c_str(), copies().c_str(), nullptr, MS_BIND, nullptr) != 0) {
                  return std::string("mount");
                }
                const std::string status = Copy(Signer(), "sub/f").status().ToString();
                return absl::StrCat(status, " ", NamesIn("tree/sub").size());
              }),
              testing::AllOf(HasSubstr("are the same one"), testing::EndsWith(" 1")));
  EXPECT_THAT(test::InChild([this] {
                test::EnterPrivateMounts();
                if (mount(tree_.c_str(), copies().c_str(), nullptr, MS_BIND, nullptr) != 0) {
                  return std::string("mount");
                }
                return Copy(Signer(), "f").status().ToString();
              }),
              HasSubstr("one in the other"));
}

}  // namespace
}  // namespace jet::sign

#include "sign/file_signer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/xattr.h"
#include "ima/signature.h"
#include "sign/sign_digest.h"
#include "sign/xattr_store.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::sign {
namespace {

using test::StatusIs;
using testing::HasSubstr;

class FileSignerTest : public testing::Test {
 protected:
  FileSignerTest()
      : signer_(crypto::MakeSigner(test::CloneOf(test::TestKey("rsa:2048"))).value()),
        certificate_(CertificateOf("rsa:2048", 0x11)) {}

  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot; }

  static pki::Certificate CertificateOf(const std::string& key_type, uint8_t identifier_byte) {
    test::CertificateSpec spec;
    spec.key_type = key_type;
    spec.subject_key_identifier = base::Bytes(20, identifier_byte);
    return test::MakeCertificate(spec);
  }

  FileSigner MakeSigner(const FileSignerOptions& options = {},
                        std::vector<ima::NamedCertificate> known = {}) const {
    return FileSigner::New(*signer_, certificate_, std::move(known), options).value();
  }

  absl::StatusOr<SignOutcome> Sign(const FileSigner& signer, const std::string& path) {
    const base::UniqueFd fd = test::Open(path, O_RDONLY);
    XattrStore store(fd.get());
    return signer.Sign(fd.get(), store, hasher_);
  }

  static absl::optional<base::Bytes> XattrOf(const std::string& path) {
    const base::UniqueFd fd = test::Open(path, O_RDONLY);
    return base::GetXattr(fd.get(), base::kSecurityIma).value();
  }

  // Signs `path` with the other key, whose certificate is `other`.
  void SignWithOtherKey(const std::string& path, const pki::Certificate& other) {
    const auto signer = crypto::MakeSigner(test::CloneOf(test::TestKey("ec:p256"))).value();
    const FileSigner file_signer = FileSigner::New(*signer, other, {}, {}).value();
    ASSERT_THAT(Sign(file_signer, path), test::IsOk());
  }

  test::ScratchFolder folder_;
  std::unique_ptr<crypto::Signer> signer_;
  pki::Certificate certificate_;
  crypto::Hasher hasher_;
};

TEST_F(FileSignerTest, WritesASignatureOverTheFilesBytes) {
  const std::string path = folder_.Write("f", "content");
  ASSERT_OK_AND_ASSIGN(const SignOutcome outcome, Sign(MakeSigner(), path));
  EXPECT_EQ(outcome.result, SignResult::kSigned);
  EXPECT_EQ(outcome.change_detection, base::ChangeDetection::kLease);
  const auto value = XattrOf(path);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(outcome.value, *value);
  const ima::DecodedXattr decoded = ima::DecodeXattr(*value);
  EXPECT_EQ(decoded.key_id, (ima::KeyId{0x11, 0x11, 0x11, 0x11}));
  EXPECT_THAT(
      signer_->public_key().Verify(
          crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, base::AsBytes("content")).value(),
          decoded.payload),
      test::IsOk());
}

TEST_F(FileSignerTest, SignsEmptyAndReadOnlyFiles) {
  EXPECT_THAT(Sign(MakeSigner(), folder_.Write("empty", "")), test::IsOk());
  EXPECT_THAT(Sign(MakeSigner(), folder_.Write("read-only", "x", 0400)), test::IsOk());
}

TEST_F(FileSignerTest, LeavesAValidSignatureAsItIs) {
  const std::string path = folder_.Write("f", "content");
  ASSERT_THAT(Sign(MakeSigner(), path), test::IsOk());
  struct stat before = {};
  ASSERT_EQ(stat(path.c_str(), &before), 0);
  ASSERT_OK_AND_ASSIGN(const SignOutcome again, Sign(MakeSigner(), path));
  EXPECT_EQ(again.result, SignResult::kAlreadyValid);
  struct stat after = {};
  ASSERT_EQ(stat(path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec) << "nothing may have been written";
}

TEST_F(FileSignerTest, SignsAgainWhenForcedOrWhenTheSignatureIsStale) {
  const std::string path = folder_.Write("f", "content");
  ASSERT_THAT(Sign(MakeSigner(), path), test::IsOk());
  FileSignerOptions force;
  force.force = true;
  EXPECT_EQ(Sign(MakeSigner(force), path)->result, SignResult::kSigned);
  {
    const base::UniqueFd fd = test::Open(path, O_WRONLY | O_APPEND);
    ASSERT_EQ(write(fd.get(), "x", 1), 1);
  }
  EXPECT_EQ(Sign(MakeSigner(), path)->result, SignResult::kSigned);
}

TEST_F(FileSignerTest, SignsAgainWithAnotherHash) {
  const std::string path = folder_.Write("f", "content");
  ASSERT_THAT(Sign(MakeSigner(), path), test::IsOk());
  FileSignerOptions sha512;
  sha512.hash = crypto::HashAlgorithm::kSha512;
  EXPECT_EQ(Sign(MakeSigner(sha512), path)->result, SignResult::kSigned);
  EXPECT_EQ(ima::DecodeXattr(*XattrOf(path)).hash_id,
            ima::KernelHashId(crypto::HashAlgorithm::kSha512));
}

TEST_F(FileSignerTest, KeepsTheValidSignatureOfAKnownKeyUnlessForced) {
  const std::string path = folder_.Write("f", "content");
  const pki::Certificate other = CertificateOf("ec:p256", 0x22);
  SignWithOtherKey(path, other);
  const auto before = XattrOf(path);
  ASSERT_OK_AND_ASSIGN(const SignOutcome kept, Sign(MakeSigner({}, {{"vendor", other}}), path));
  EXPECT_EQ(kept.result, SignResult::kKept);
  EXPECT_EQ(kept.previous_key_name, "vendor");
  EXPECT_EQ(XattrOf(path), before);
  FileSignerOptions force;
  force.force = true;
  EXPECT_EQ(Sign(MakeSigner(force, {{"vendor", other}}), path)->result, SignResult::kSigned);
  EXPECT_NE(XattrOf(path), before);
}

TEST_F(FileSignerTest, ReplacesTheSignatureOfAnUnknownKey) {
  const std::string path = folder_.Write("f", "content");
  SignWithOtherKey(path, CertificateOf("ec:p256", 0x22));
  EXPECT_EQ(Sign(MakeSigner(), path)->result, SignResult::kSigned);
}

TEST_F(FileSignerTest, ReplacesTheSignatureOfAKnownKeyThatDoesNotMatchTheContent) {
  const std::string path = folder_.Write("f", "content");
  const pki::Certificate other = CertificateOf("ec:p256", 0x22);
  SignWithOtherKey(path, other);
  {
    const base::UniqueFd fd = test::Open(path, O_WRONLY | O_APPEND);
    ASSERT_EQ(write(fd.get(), "x", 1), 1);
  }
  EXPECT_EQ(Sign(MakeSigner({}, {{"vendor", other}}), path)->result, SignResult::kSigned);
}

TEST_F(FileSignerTest, WritesNothingInADryRun) {
  const std::string path = folder_.Write("f", "content");
  FileSignerOptions dry;
  dry.dry_run = true;
  EXPECT_EQ(Sign(MakeSigner(dry), path)->result, SignResult::kWouldSign);
  EXPECT_EQ(XattrOf(path), absl::nullopt);
}

TEST_F(FileSignerTest, ADryRunSaysWhatWasThereBefore) {
  const pki::Certificate other = CertificateOf("ec:p256", 0x22);
  const auto before = [&](const std::string& path, bool force, bool knows_other = false) {
    FileSignerOptions options;
    options.dry_run = true;
    options.force = force;
    std::vector<ima::NamedCertificate> known;
    if (knows_other) known.push_back({"vendor", other});
    return Sign(MakeSigner(options, known), path)->previous;
  };
  const std::string mine = folder_.Write("mine", "content");
  EXPECT_EQ(before(mine, false), Previous::kNone);
  EXPECT_EQ(before(mine, true), Previous::kNone);
  ASSERT_THAT(Sign(MakeSigner(), mine), test::IsOk());
  EXPECT_EQ(before(mine, true), Previous::kValid);
  const std::string theirs = folder_.Write("theirs", "content");
  SignWithOtherKey(theirs, other);
  EXPECT_EQ(before(theirs, false), Previous::kUnknownKey);
  EXPECT_EQ(before(theirs, true, /*knows_other=*/true), Previous::kValidByKnownKey);
  for (const std::string& path : {mine, theirs}) {
    const base::UniqueFd fd = test::Open(path, O_WRONLY | O_APPEND);
    ASSERT_EQ(write(fd.get(), "x", 1), 1);
  }
  EXPECT_EQ(before(mine, false), Previous::kMismatch);
  EXPECT_EQ(before(theirs, false, /*knows_other=*/true), Previous::kMismatch);
  {
    const base::UniqueFd fd = test::Open(mine, O_RDONLY);
    ASSERT_THAT(base::SetXattr(fd.get(), base::kSecurityIma, base::Bytes{3, 2}), test::IsOk());
  }
  EXPECT_EQ(before(mine, false), Previous::kUnusable);
}

TEST_F(FileSignerTest, WhatIsReplacedByForceIsNotLookedAt) {
  const std::string path = folder_.Write("f", "content");
  ASSERT_OK_AND_ASSIGN(const SignOutcome first, Sign(MakeSigner(), path));
  EXPECT_EQ(first.previous, Previous::kNone);
  FileSignerOptions force;
  force.force = true;
  EXPECT_EQ(Sign(MakeSigner(force), path)->previous, absl::nullopt);
}

TEST_F(FileSignerTest, RefusesAFileThatIsOpenForWriting) {
  const std::string path = folder_.Write("f", "content");
  const base::UniqueFd writer = test::Open(path, O_WRONLY);
  EXPECT_THAT(Sign(MakeSigner(), path),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("open for writing")));
  EXPECT_EQ(XattrOf(path), absl::nullopt);
}

// A signer that lets somebody open the file for writing between the hash and the xattr.
class InterruptedSigner : public crypto::Signer {
 public:
  InterruptedSigner(const crypto::Signer& signer, std::string path)
      : signer_(signer), path_(std::move(path)) {}
  const crypto::PublicKey& public_key() const override { return signer_.public_key(); }
  absl::StatusOr<base::Bytes> SignDigest(const crypto::Digest& digest) const override {
    ++calls_;
    // O_NONBLOCK: the kernel starts to break the lease and answers at once.
    const int fd = open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    EXPECT_EQ(fd, -1);
    return signer_.SignDigest(digest);
  }
  int calls() const { return calls_; }

 private:
  const crypto::Signer& signer_;
  const std::string path_;
  mutable int calls_ = 0;
};

TEST_F(FileSignerTest, FailsAFileThatIsOpenedForWritingMeanwhileAfterThreeTries) {
  const std::string path = folder_.Write("f", "content");
  const InterruptedSigner interrupted(*signer_, path);
  const FileSigner signer = FileSigner::New(interrupted, certificate_, {}, {}).value();
  EXPECT_THAT(Sign(signer, path), StatusIs(absl::StatusCode::kAborted, HasSubstr("changed")));
  EXPECT_EQ(interrupted.calls(), 3);
  EXPECT_EQ(XattrOf(path), absl::nullopt);
}

TEST_F(FileSignerTest, RefusesACertificateOfAnotherKey) {
  EXPECT_THAT(FileSigner::New(*signer_, CertificateOf("ec:p256", 0x22), {}, {}).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("does not belong")));
}

TEST_F(FileSignerTest, RefusesACertificateThatNoSignatureCanName) {
  test::CertificateSpec spec;
  spec.key_type = "rsa:2048";
  spec.subject_key_identifier = absl::nullopt;
  EXPECT_THAT(
      FileSigner::New(*signer_, test::MakeCertificate(spec), {}, {}).status(),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no subject key identifier")));
}

TEST_F(FileSignerTest, RefusesOptionsThatNoFileCouldBeSignedWith) {
  FileSignerOptions weak;
  weak.hash = crypto::HashAlgorithm::kMd5;
  EXPECT_THAT(FileSigner::New(*signer_, certificate_, {}, weak).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "md5 is too weak to sign with"));
  FileSignerOptions verity;
  verity.kind = ima::SignatureKind::kVerity;
  verity.hash = crypto::HashAlgorithm::kSha384;
  EXPECT_THAT(
      FileSigner::New(*signer_, certificate_, {}, verity).status(),
      StatusIs(absl::StatusCode::kInvalidArgument, "fs-verity has sha256 and sha512, not sha384"));
  FileSignerOptions enabling;
  enabling.enable_verity = true;
  EXPECT_THAT(FileSigner::New(*signer_, certificate_, {}, enabling).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("only for a signature over the fs-verity digest")));
}

TEST(SignResultTest, HasTheNamesOfTheContract) {
  EXPECT_STREQ(SignResultName(SignResult::kSigned), "signed");
  EXPECT_STREQ(SignResultName(SignResult::kAlreadyValid), "already-valid");
  EXPECT_STREQ(SignResultName(SignResult::kKept), "kept");
  EXPECT_STREQ(SignResultName(SignResult::kWouldSign), "would-sign");
}

}  // namespace
}  // namespace jet::sign

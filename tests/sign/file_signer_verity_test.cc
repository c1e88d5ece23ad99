// FileSigner with signatures over fs-verity digests.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/fs_verity.h"
#include "base/xattr.h"
#include "crypto/verity_digest.h"
#include "ima/file_id.h"
#include "sign/file_signer.h"
#include "sign/verity_enabling.h"
#include "sign/xattr_store.h"
#include "tests/base/child.h"
#include "tests/base/fake_verity.h"
#include "tests/base/file_flags.h"
#include "tests/base/scratch_folder.h"
#include "tests/crypto/test_keys.h"
#include "tests/pki/test_certificates.h"
#include "tests/status_matchers.h"

namespace jet::sign {
namespace {

using absl::StatusCode;
using crypto::HashAlgorithm;
using test::StatusIs;
using testing::AllOf;
using testing::HasSubstr;

class FileSignerVerityTest : public testing::Test {
 protected:
  FileSignerVerityTest()
      : signer_(crypto::MakeSigner(test::CloneOf(test::TestKey("rsa:2048"))).value()),
        certificate_(CertificateOf("rsa:2048", 0x11)) {
    verity_.kind = ima::SignatureKind::kVerity;
    enable_ = verity_;
    enable_.enable_verity = true;
  }

  void SetUp() override { ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot; }

  static pki::Certificate CertificateOf(const std::string& key_type, uint8_t identifier_byte) {
    test::CertificateSpec spec;
    spec.key_type = key_type;
    spec.subject_key_identifier = base::Bytes(20, identifier_byte);
    return test::MakeCertificate(spec);
  }

  absl::StatusOr<SignOutcome> Sign(const FileSignerOptions& options,
                                   std::vector<ima::NamedCertificate> known = {}) {
    return SignWith(*signer_, certificate_, options, std::move(known));
  }

  absl::StatusOr<SignOutcome> SignWith(const crypto::Signer& signer, const pki::Certificate& of,
                                       const FileSignerOptions& options,
                                       std::vector<ima::NamedCertificate> known = {}) {
    const FileSigner file_signer = FileSigner::New(signer, of, std::move(known), options).value();
    const base::UniqueFd fd = test::Open(path_, O_RDONLY);
    XattrStore store(fd.get());
    return file_signer.Sign(fd.get(), store, hasher_);
  }

  absl::optional<base::Bytes> Xattr() const {
    const base::UniqueFd fd = test::Open(path_, O_RDONLY);
    return base::GetXattr(fd.get(), base::kSecurityIma).value();
  }

  absl::optional<crypto::Digest> Measured() const {
    const base::UniqueFd fd = test::Open(path_, O_RDONLY);
    return crypto::MeasureVerityDigest(fd.get()).value();
  }

  void Append() const {
    const base::UniqueFd fd = test::Open(path_, O_WRONLY | O_APPEND);
    ASSERT_EQ(write(fd.get(), "x", 1), 1);
  }

  test::ScratchFolder folder_;
  const std::string path_ = folder_.Write("f", "content");
  std::unique_ptr<crypto::Signer> signer_;
  pki::Certificate certificate_;
  FileSignerOptions verity_;  // without enabling
  FileSignerOptions enable_;
  crypto::Hasher hasher_;
};

TEST_F(FileSignerVerityTest, SignsTheComputedDigestWhereVerityIsNotEnabled) {
  ASSERT_OK_AND_ASSIGN(const SignOutcome outcome, Sign(verity_));
  EXPECT_EQ(outcome.result, SignResult::kSigned);
  EXPECT_EQ(outcome.verity, VerityState::kNotEnabled);
  EXPECT_EQ(Xattr(), outcome.value);
  const base::UniqueFd fd = test::Open(path_, O_RDONLY);
  const auto digest = crypto::ComputeVerityDigest(fd.get(), HashAlgorithm::kSha256, 7).value();
  EXPECT_EQ(outcome.digest, digest);
  const ima::DecodedXattr decoded = ima::DecodeXattr(outcome.value);
  EXPECT_EQ(decoded.kind(), ima::SignatureKind::kVerity);
  EXPECT_EQ(decoded.version, 3);
  EXPECT_THAT(signer_->public_key().Verify(
                  ima::SignedDigest(ima::SignatureKind::kVerity, digest).value(), decoded.payload),
              test::IsOk());
}

TEST_F(FileSignerVerityTest, EnablesThenSignsWhatIsMeasured) {
  const test::FakeVerity fake;
  ASSERT_OK_AND_ASSIGN(const SignOutcome outcome, Sign(enable_));
  EXPECT_EQ(outcome.result, SignResult::kSigned);
  EXPECT_EQ(outcome.verity, VerityState::kEnabledNow);
  EXPECT_EQ(outcome.digest, Measured());
  ASSERT_OK_AND_ASSIGN(const SignOutcome again, Sign(enable_));
  EXPECT_EQ(again.result, SignResult::kAlreadyValid);
  EXPECT_EQ(again.verity, VerityState::kEnabled);
  EXPECT_EQ(Xattr(), outcome.value);
}

TEST_F(FileSignerVerityTest, EnablingKeepsASignatureThatWasMadeBefore) {
  const test::FakeVerity fake;
  ASSERT_OK_AND_ASSIGN(const SignOutcome before, Sign(verity_));
  ASSERT_OK_AND_ASSIGN(const SignOutcome after, Sign(enable_));
  EXPECT_EQ(after.result, SignResult::kAlreadyValid);
  EXPECT_EQ(after.verity, VerityState::kEnabledNow);
  EXPECT_EQ(after.value, before.value);
}

TEST_F(FileSignerVerityTest, AFileThatIsEnabledIsSignedWithItsOwnHash) {
  const test::FakeVerity fake;
  {
    const base::UniqueFd fd = test::Open(path_, O_RDONLY);
    ASSERT_THAT(crypto::EnableVerity(fd.get(), HashAlgorithm::kSha512), test::IsOkAndHolds(true));
  }
  for (const FileSignerOptions& options : {verity_, enable_}) {
    ASSERT_OK_AND_ASSIGN(const SignOutcome outcome, Sign(options));
    EXPECT_EQ(outcome.verity, VerityState::kEnabled);
    EXPECT_EQ(outcome.digest.algorithm(), HashAlgorithm::kSha512);
    EXPECT_EQ(ima::DecodeXattr(*Xattr()).hash_id, ima::KernelHashId(HashAlgorithm::kSha512));
  }
}

TEST_F(FileSignerVerityTest, ADryRunEnablesAndWritesNothing) {
  const test::FakeVerity fake;
  FileSignerOptions dry = enable_;
  dry.dry_run = true;
  ASSERT_OK_AND_ASSIGN(const SignOutcome outcome, Sign(dry));
  EXPECT_EQ(outcome.result, SignResult::kWouldSign);
  EXPECT_EQ(outcome.verity, VerityState::kNotEnabled);
  EXPECT_EQ(Measured(), absl::nullopt);
  EXPECT_EQ(Xattr(), absl::nullopt);
}

TEST_F(FileSignerVerityTest, NothingIsSignedWhereVerityCannotBeEnabled) {
  const test::FakeVerity fake(ENOTTY);
  FileSignerOptions dry = enable_;
  dry.dry_run = true;
  for (const FileSignerOptions& options : {dry, enable_}) {
    EXPECT_THAT(Sign(options),
                StatusIs(StatusCode::kUnimplemented, HasSubstr("cannot enable fs-verity")));
    EXPECT_EQ(Xattr(), absl::nullopt);
  }
  EXPECT_THAT(Sign(verity_), test::IsOk());
}

TEST_F(FileSignerVerityTest, NothingIsEnabledWhileTheFileIsOpenForWriting) {
  const test::FakeVerity fake;
  const base::UniqueFd writer = test::Open(path_, O_WRONLY);
  EXPECT_THAT(Sign(enable_), StatusIs(StatusCode::kUnavailable, HasSubstr("open for writing")));
  EXPECT_EQ(Measured(), absl::nullopt);
  EXPECT_EQ(Xattr(), absl::nullopt);
}

TEST_F(FileSignerVerityTest, NothingIsEnabledByWhoMayNotWriteTheSignature) {
  const std::string answer = test::InChild([this] {
    const test::FakeVerity fake;
    test::EnterUserNamespace();
    return Sign(enable_).status().ToString();
  });
  EXPECT_THAT(answer, AllOf(HasSubstr("PERMISSION_DENIED: fs-verity is not enabled"),
                            HasSubstr("user namespace")));
  const test::FakeVerity fake;
  EXPECT_EQ(Measured(), absl::nullopt);
}

// A place that a signature cannot be put into.
class FullStore : public NoStore {
 public:
  absl::Status Write(const base::Bytes& /*value*/, const base::ChangeGuard& /*guard*/) override {
    return absl::ResourceExhaustedError("no space");
  }
};

TEST_F(FileSignerVerityTest, NothingIsEnabledWhenTheSignatureCannotBeWritten) {
  const test::FakeVerity fake;
  const FileSigner signer = FileSigner::New(*signer_, certificate_, {}, enable_).value();
  const base::UniqueFd fd = test::Open(path_, O_RDONLY);
  FullStore store;
  const absl::Status failed = signer.Sign(fd.get(), store, hasher_).status();
  EXPECT_THAT(failed, StatusIs(StatusCode::kResourceExhausted, "no space"));
  EXPECT_FALSE(VerityWasEnabled(failed));
  EXPECT_EQ(Measured(), absl::nullopt);
}

TEST_F(FileSignerVerityTest, WhatWasThereIsThereAgainWhenEnablingFails) {
  ASSERT_OK_AND_ASSIGN(const SignOutcome content, Sign({}));
  const test::FakeVerity fake(ENOSPC);
  const absl::Status failed = Sign(enable_).status();
  EXPECT_EQ(failed.message(), "cannot enable fs-verity: No space left on device");
  EXPECT_FALSE(VerityWasEnabled(failed));
  EXPECT_EQ(Xattr(), content.value);
  {
    const base::UniqueFd fd = test::Open(path_, O_RDONLY);
    ASSERT_THAT(base::RemoveXattr(fd.get(), base::kSecurityIma), test::IsOk());
  }
  EXPECT_FALSE(Sign(enable_).ok());
  EXPECT_EQ(Xattr(), absl::nullopt);
  EXPECT_EQ(Measured(), absl::nullopt);
}

TEST_F(FileSignerVerityTest, AValidSignatureStaysWhenEnablingFails) {
  ASSERT_OK_AND_ASSIGN(const SignOutcome before, Sign(verity_));
  const test::FakeVerity fake(ENOSPC);
  EXPECT_FALSE(Sign(enable_).ok());
  EXPECT_EQ(Xattr(), before.value);
}

TEST_F(FileSignerVerityTest, AFileThatChangedBeforeItWasEnabledHasNoNewSignature) {
  ASSERT_OK_AND_ASSIGN(const SignOutcome content, Sign({}));
  const test::FakeVerity fake;
  const test::FakeVerityChange change;
  const absl::Status failed = Sign(enable_).status();
  EXPECT_THAT(failed, StatusIs(StatusCode::kFailedPrecondition,
                               AllOf(HasSubstr("fs-verity was enabled, but: the file was changed"),
                                     HasSubstr("no signature matches it"))));
  EXPECT_TRUE(VerityWasEnabled(failed));
  EXPECT_TRUE(Measured().has_value());
  EXPECT_EQ(Xattr(), content.value);
  // What it is now can be signed.
  ASSERT_OK_AND_ASSIGN(const SignOutcome now, Sign(enable_));
  EXPECT_EQ(now.result, SignResult::kSigned);
  EXPECT_EQ(now.verity, VerityState::kEnabled);
  EXPECT_EQ(now.digest, Measured());
}

TEST_F(FileSignerVerityTest, AFileWithASignatureThatChangedBeforeItWasEnabledIsAFailure) {
  ASSERT_OK_AND_ASSIGN(const SignOutcome before, Sign(verity_));
  const test::FakeVerity fake;
  const test::FakeVerityChange change;
  EXPECT_TRUE(VerityWasEnabled(Sign(enable_).status()));
  EXPECT_EQ(Xattr(), before.value);
}

TEST_F(FileSignerVerityTest, WhatCannotBeTakenBackIsSaid) {
  const test::FakeVerity fake;
  const test::FakeVerityChange change;
  const FileSigner signer = FileSigner::New(*signer_, certificate_, {}, enable_).value();
  const base::UniqueFd fd = test::Open(path_, O_RDONLY);
  NoStore store;
  const absl::Status failed = signer.Sign(fd.get(), store, hasher_).status();
  EXPECT_THAT(failed, StatusIs(StatusCode::kFailedPrecondition,
                               AllOf(HasSubstr("fs-verity was enabled, but"),
                                     HasSubstr("; the signature just written could not be taken "
                                               "back: what is written there stays"))));
  EXPECT_TRUE(VerityWasEnabled(failed));
}

// Where another process enables fs-verity with another hash as soon as the signature is there.
class OvertakenStore : public XattrStore {
 public:
  explicit OvertakenStore(int fd) : XattrStore(fd), fd_(fd) {}

  absl::Status Write(const base::Bytes& value, const base::ChangeGuard& guard) override {
    const absl::Status written = XattrStore::Write(value, guard);
    (void)crypto::EnableVerity(fd_, HashAlgorithm::kSha512);
    return written;
  }

 private:
  int fd_;
};

TEST_F(FileSignerVerityTest, WhatAnotherProcessEnabledMeanwhileIsSignedAsItIs) {
  const test::FakeVerity fake;
  const FileSigner signer = FileSigner::New(*signer_, certificate_, {}, enable_).value();
  const base::UniqueFd fd = test::Open(path_, O_RDONLY);
  OvertakenStore store(fd.get());
  ASSERT_OK_AND_ASSIGN(const SignOutcome outcome, signer.Sign(fd.get(), store, hasher_));
  EXPECT_EQ(outcome.verity, VerityState::kEnabled);
  EXPECT_EQ(outcome.digest.algorithm(), HashAlgorithm::kSha512);
  EXPECT_EQ(outcome.digest, Measured());
  EXPECT_EQ(Xattr(), outcome.value);
  EXPECT_EQ(outcome.previous, Previous::kNone);
}

TEST_F(FileSignerVerityTest, ADryRunSeesWhatTheRunWouldFailAt) {
  FileSignerOptions dry = enable_;
  dry.dry_run = true;
  const auto both = [&] {
    const absl::Status seen = Sign(dry).status();
    return seen == Sign(enable_).status() ? seen.ToString() : std::string("the two differ");
  };
  const test::FakeVerity fake;
  {
    const base::UniqueFd fd = test::Open(path_, O_RDONLY);
    const test::FileFlags flags(fd.get(), FS_IMMUTABLE_FL);
    EXPECT_THAT(both(), HasSubstr("cannot enable fs-verity: the file is immutable"));
  }
  EXPECT_THAT(test::InChild([&] {
                test::BecomeUser(test::kNobody);
                return both();
              }),
              HasSubstr("fs-verity is not enabled, as the signature could not be written: "
                        "changing security.ima needs root"));
  EXPECT_THAT(test::InChild([&] {
                test::EnterPrivateMounts();
                const char* const folder = folder_.path().c_str();
                if (mount(folder, folder, nullptr, MS_BIND, nullptr) != 0 ||
                    mount(nullptr, folder, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)
                  return std::string("mount");
                return both();
              }),
              HasSubstr("cannot enable fs-verity: Read-only file system"));
  EXPECT_EQ(Measured(), absl::nullopt);
  ASSERT_THAT(Sign(enable_), test::IsOk());
  const base::UniqueFd fd = test::Open(path_, O_RDONLY);
  const test::FileFlags flags(fd.get(), FS_IMMUTABLE_FL);
  EXPECT_EQ(Sign(enable_)->result, SignResult::kAlreadyValid);
}

TEST_F(FileSignerVerityTest, EnablesWithTheHashOfTheValidSignatureThatIsKept) {
  const test::FakeVerity fake;
  const pki::Certificate other = CertificateOf("ec:p256", 0x22);
  const auto other_signer = crypto::MakeSigner(test::CloneOf(test::TestKey("ec:p256"))).value();
  FileSignerOptions sha512 = verity_;
  sha512.hash = HashAlgorithm::kSha512;
  ASSERT_OK_AND_ASSIGN(const SignOutcome before, SignWith(*other_signer, other, sha512));
  FileSignerOptions dry = enable_;
  dry.dry_run = true;
  EXPECT_EQ(Sign(dry, {{"vendor", other}})->result, SignResult::kKept);
  ASSERT_OK_AND_ASSIGN(const SignOutcome kept, Sign(enable_, {{"vendor", other}}));
  EXPECT_EQ(kept.result, SignResult::kKept);
  EXPECT_EQ(kept.verity, VerityState::kEnabledNow);
  EXPECT_EQ(kept.digest, Measured());
  EXPECT_EQ(kept.digest.algorithm(), HashAlgorithm::kSha512);
  EXPECT_EQ(Xattr(), before.value);
}

TEST_F(FileSignerVerityTest, AnOwnSignatureOfAnotherHashIsKeptUnlessTheHashIsChosen) {
  const test::FakeVerity fake;
  FileSignerOptions sha512 = verity_;
  sha512.hash = HashAlgorithm::kSha512;
  ASSERT_OK_AND_ASSIGN(const SignOutcome before, Sign(sha512));
  FileSignerOptions chosen = enable_;
  chosen.dry_run = true;
  EXPECT_EQ(Sign(chosen)->previous, Previous::kOtherHash);
  FileSignerOptions any = enable_;
  any.any_hash = true;
  ASSERT_OK_AND_ASSIGN(const SignOutcome after, Sign(any));
  EXPECT_EQ(after.result, SignResult::kAlreadyValid);
  EXPECT_EQ(after.verity, VerityState::kEnabledNow);
  EXPECT_EQ(after.digest, Measured());
  EXPECT_EQ(Xattr(), before.value);
}

TEST_F(FileSignerVerityTest, AnOwnSignatureOfAnotherHashThatDoesNotMatchIsReplaced) {
  const test::FakeVerity fake;
  FileSignerOptions sha512 = verity_;
  sha512.hash = HashAlgorithm::kSha512;
  ASSERT_THAT(Sign(sha512), test::IsOk());
  Append();
  FileSignerOptions any = enable_;
  any.any_hash = true;
  ASSERT_OK_AND_ASSIGN(const SignOutcome outcome, Sign(any));
  EXPECT_EQ(outcome.result, SignResult::kSigned);
  EXPECT_EQ(outcome.digest.algorithm(), HashAlgorithm::kSha256);
  EXPECT_EQ(outcome.digest, Measured());
}

TEST_F(FileSignerVerityTest, AnExistingSignatureIsJudgedByItsKindHashAndKey) {
  const auto previous = [this](const FileSignerOptions& options) {
    FileSignerOptions dry = options;
    dry.dry_run = true;
    return test::ValueOf(Sign(dry)).previous;
  };
  EXPECT_EQ(previous(verity_), Previous::kNone);
  ASSERT_THAT(Sign({}), test::IsOk());
  EXPECT_EQ(previous(verity_), Previous::kOtherKind);
  ASSERT_THAT(Sign(verity_), test::IsOk());
  EXPECT_EQ(previous({}), Previous::kOtherKind);
  FileSignerOptions sha512 = verity_;
  sha512.hash = HashAlgorithm::kSha512;
  EXPECT_EQ(previous(sha512), Previous::kOtherHash);
  EXPECT_EQ(Sign(verity_)->result, SignResult::kAlreadyValid);
  Append();
  EXPECT_EQ(previous(verity_), Previous::kMismatch);
  EXPECT_EQ(Sign(verity_)->result, SignResult::kSigned);
}

TEST_F(FileSignerVerityTest, KeepsTheValidSignatureOfAKnownKeyUnlessForced) {
  const pki::Certificate other = CertificateOf("ec:p256", 0x22);
  const auto other_signer = crypto::MakeSigner(test::CloneOf(test::TestKey("ec:p256"))).value();
  FileSignerOptions sha512 = verity_;
  sha512.hash = HashAlgorithm::kSha512;
  ASSERT_THAT(SignWith(*other_signer, other, sha512), test::IsOk());
  ASSERT_OK_AND_ASSIGN(const SignOutcome kept, Sign(verity_, {{"vendor", other}}));
  EXPECT_EQ(kept.result, SignResult::kKept);
  EXPECT_EQ(kept.digest.algorithm(), HashAlgorithm::kSha512);
  {
    // Replaced by force, that hash does not matter.
    const test::FakeVerity fake;
    FileSignerOptions dry = enable_;
    dry.force = true;
    ASSERT_OK_AND_ASSIGN(const SignOutcome forced, Sign(dry, {{"vendor", other}}));
    EXPECT_EQ(forced.result, SignResult::kSigned);
    ASSERT_THAT(SignWith(*other_signer, other, enable_), test::IsOk());
    EXPECT_EQ(Sign(enable_, {{"vendor", other}})->result, SignResult::kKept);
  }
}

}  // namespace
}  // namespace jet::sign

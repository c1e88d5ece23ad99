// Signs an open file: watches it while it is read, and writes security.ima unless it is good.
// usage: sign_descriptor KEY CERTIFICATE FILE    (KEY is not encrypted)
#include <absl/time/clock.h>
#include <fcntl.h>
#include <jet-ima/crypto/secure_process.h>
#include <jet-ima/ima/signing_certificate.h>
#include <jet-ima/sign/file_signer.h>
#include <jet-ima/sign/xattr_store.h>
#include <unistd.h>

#include <iostream>
#include <memory>

namespace {

constexpr size_t kMaxKey = 64 * 1024;

absl::StatusOr<jet::crypto::Secret> NoPassphrase() {
  return absl::FailedPreconditionError("the key is encrypted");
}

absl::StatusOr<std::unique_ptr<jet::crypto::Signer>> LoadSigner(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::NotFoundError("cannot open the key");
  const absl::StatusOr<jet::crypto::Secret> encoded = jet::crypto::ReadSecret(fd, kMaxKey, path);
  (void)close(fd);
  if (!encoded.ok()) return encoded.status();
  absl::StatusOr<jet::crypto::PrivateKey> key =
      jet::crypto::PrivateKey::Decode(*encoded, NoPassphrase);
  if (!key.ok()) return key.status();
  return jet::crypto::MakeSigner(*std::move(key));
}

// What the signature could not say of its key: may it sign, is the certificate for that, and now?
absl::Status CheckCertificate(const jet::pki::Certificate& certificate) {
  const auto warnings = jet::ima::CheckSigningCertificate(certificate, absl::Now(),
                                                          jet::ima::ExpiredCertificates::kRefuse);
  if (!warnings.ok()) return warnings.status();
  for (const std::string& warning : *warnings) {
    std::cerr << "sign_descriptor: warning: " << warning << '\n';
  }
  return absl::OkStatus();
}

absl::StatusOr<jet::sign::SignOutcome> SignFile(int fd, const jet::crypto::Signer& signer,
                                                const jet::pki::Certificate& certificate) {
  jet::sign::FileSignerOptions options;
  options.hash = jet::crypto::HashAlgorithm::kSha512;
  const auto file_signer = jet::sign::FileSigner::New(signer, certificate, /*known=*/{}, options);
  if (!file_signer.ok()) return file_signer.status();
  jet::sign::XattrStore store(fd);
  jet::crypto::Hasher hasher;  // keep one per thread for many files
  return file_signer->Sign(fd, store, hasher);
}

int Fail(const absl::Status& status) {
  std::cerr << "sign_descriptor: " << status.message() << '\n';
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  if (!jet::crypto::SecureProcess()) return 3;
  if (argc != 4) {
    std::cerr << "usage: sign_descriptor KEY CERTIFICATE FILE\n";
    return 2;
  }
  const auto signer = LoadSigner(argv[1]);
  if (!signer.ok()) return Fail(signer.status());
  const auto certificate = jet::pki::Certificate::ReadFile(argv[2]);
  if (!certificate.ok()) return Fail(certificate.status());
  const absl::Status usable = CheckCertificate(*certificate);
  if (!usable.ok()) return Fail(usable);
  const int fd = open(argv[3], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return Fail(absl::NotFoundError("cannot open the file"));
  const auto outcome = SignFile(fd, **signer, *certificate);
  (void)close(fd);
  if (!outcome.ok()) return Fail(outcome.status());
  std::cout << jet::sign::SignResultName(outcome->result) << '\n';
  return 0;
}

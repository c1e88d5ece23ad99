// Signs what comes in on stdin and puts the value of security.ima out on stdout. No file is signed.
// usage: sign_bytes KEY CERTIFICATE [PASSPHRASE-FILE] < CONTENT > VALUE
#include <absl/time/clock.h>
#include <fcntl.h>
#include <jet-ima/crypto/secure_process.h>
#include <jet-ima/crypto/signer.h>
#include <jet-ima/ima/signing_certificate.h>
#include <jet-ima/pki/certificate.h>
#include <jet-ima/sign/sign_digest.h>
#include <unistd.h>

#include <iostream>
#include <iterator>
#include <memory>

namespace {

using jet::base::Bytes;
using jet::crypto::Secret;

constexpr size_t kMaxSecret = 64 * 1024;

// Reads a key or passphrase; only this Secret has it then.
absl::StatusOr<Secret> ReadSecretFile(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::NotFoundError(std::string("cannot open ") + path);
  absl::StatusOr<Secret> secret = jet::crypto::ReadSecret(fd, kMaxSecret, path);
  (void)close(fd);
  return secret;
}

// `path` is null where there is no passphrase. One newline at its end is not part of it.
absl::StatusOr<Secret> ReadPassphrase(const char* path) {
  if (path == nullptr) return absl::FailedPreconditionError("the key is encrypted");
  absl::StatusOr<Secret> passphrase = ReadSecretFile(path);
  if (!passphrase.ok() || passphrase->empty()) return passphrase;
  if (passphrase->Expose().back() == '\n') passphrase->Truncate(passphrase->size() - 1);
  return passphrase;
}

absl::StatusOr<std::unique_ptr<jet::crypto::Signer>> LoadSigner(const char* key_path,
                                                                const char* passphrase_path) {
  absl::StatusOr<Secret> encoded = ReadSecretFile(key_path);
  if (!encoded.ok()) return encoded.status();
  absl::StatusOr<jet::crypto::PrivateKey> key = jet::crypto::PrivateKey::Decode(
      *encoded, [passphrase_path] { return ReadPassphrase(passphrase_path); });
  if (!key.ok()) return key.status();
  return jet::crypto::MakeSigner(*std::move(key));
}

// What the signature could not say of its key: may it sign, is the certificate for that, and now?
absl::Status CheckCertificate(const jet::pki::Certificate& certificate) {
  const auto warnings = jet::ima::CheckSigningCertificate(certificate, absl::Now(),
                                                          jet::ima::ExpiredCertificates::kRefuse);
  if (!warnings.ok()) return warnings.status();
  for (const std::string& warning : *warnings) {
    std::cerr << "sign_bytes: warning: " << warning << '\n';
  }
  return absl::OkStatus();
}

absl::StatusOr<Bytes> Sign(const Bytes& content, const jet::crypto::Signer& signer,
                           const char* certificate_path) {
  const auto certificate = jet::pki::Certificate::ReadFile(certificate_path);
  if (!certificate.ok()) return certificate.status();
  const absl::Status usable = CheckCertificate(*certificate);
  if (!usable.ok()) return usable;
  const auto digest = jet::crypto::ComputeDigest(jet::crypto::HashAlgorithm::kSha256, content);
  if (!digest.ok()) return digest.status();
  return jet::sign::SignDigest(signer, *certificate, *digest);
}

int Fail(const absl::Status& status) {
  std::cerr << "sign_bytes: " << status.message() << '\n';
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  // First of all: what libcrypto frees is wiped, and nothing of it gets into a core dump.
  if (!jet::crypto::SecureProcess()) return 3;
  if (argc < 3 || argc > 4) {
    std::cerr << "usage: sign_bytes KEY CERTIFICATE [PASSPHRASE-FILE] < CONTENT > VALUE\n";
    return 2;
  }
  const auto signer = LoadSigner(argv[1], argc == 4 ? argv[3] : nullptr);
  if (!signer.ok()) return Fail(signer.status());
  const Bytes content{std::istreambuf_iterator<char>(std::cin), {}};
  const absl::StatusOr<Bytes> value = Sign(content, **signer, argv[2]);
  if (!value.ok()) return Fail(value.status());
  std::cout.write(reinterpret_cast<const char*>(value->data()),
                  static_cast<std::streamsize>(value->size()));
  return std::cout.flush() ? 0 : 3;
}

// Signs digests with a key that this process never sees: an HSM, a signing service. It is asked by
// a command here, which gets the hash and the digest as words and prints the signature in
// hexadecimal. What it answers is verified before anything is made of it.
// usage: hsm_signer COMMAND CERTIFICATE sha256|sha384|sha512 DIGEST-IN-HEX
// Prints the value of security.ima in hexadecimal.
#include <absl/time/clock.h>
#include <jet-ima/base/hex.h>
#include <jet-ima/crypto/signer.h>
#include <jet-ima/ima/signing_certificate.h>
#include <jet-ima/pki/certificate.h>
#include <jet-ima/sign/sign_digest.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <string>
#include <utility>

namespace {

using jet::base::Bytes;

class CommandSigner : public jet::crypto::Signer {
 public:
  CommandSigner(std::string command, jet::crypto::PublicKey public_key)
      : command_(std::move(command)), public_key_(std::move(public_key)) {}

  const jet::crypto::PublicKey& public_key() const override { return public_key_; }

  // Returns PKCS#1 v1.5 for RSA, or DER of r and s for ECDSA.
  absl::StatusOr<Bytes> SignDigest(const jet::crypto::Digest& digest) const override {
    const std::string line = command_ + ' ' + jet::crypto::NameOf(digest.algorithm()) + ' ' +
                             jet::base::HexEncode(digest.value());
    FILE* pipe = popen(line.c_str(), "re");
    if (pipe == nullptr) return absl::UnavailableError("cannot ask for a signature");
    std::string answer;
    std::array<char, 4096> piece = {};
    while (std::fgets(piece.data(), piece.size(), pipe) != nullptr) answer += piece.data();
    if (pclose(pipe) != 0) return absl::UnavailableError("the request was refused");
    while (!answer.empty() && answer.back() == '\n') answer.pop_back();
    return jet::base::HexDecode(answer);
  }

 private:
  const std::string command_;
  const jet::crypto::PublicKey public_key_;
};

absl::StatusOr<jet::crypto::Digest> ParseDigest(const char* hash_name, const char* hex) {
  const auto hash = jet::crypto::ParseSigningHash(hash_name);
  if (!hash.ok()) return hash.status();
  const absl::StatusOr<Bytes> value = jet::base::HexDecode(hex);
  if (!value.ok()) return value.status();
  return jet::crypto::Digest::Make(*hash, *value);
}

// What the signature could not say of its key: may it sign, is the certificate for that, and now?
absl::Status CheckCertificate(const jet::pki::Certificate& certificate) {
  const auto warnings = jet::ima::CheckSigningCertificate(certificate, absl::Now(),
                                                          jet::ima::ExpiredCertificates::kRefuse);
  if (!warnings.ok()) return warnings.status();
  for (const std::string& warning : *warnings) {
    std::cerr << "hsm_signer: warning: " << warning << '\n';
  }
  return absl::OkStatus();
}

int Fail(const absl::Status& status) {
  std::cerr << "hsm_signer: " << status.message() << '\n';
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: hsm_signer COMMAND CERTIFICATE sha256|sha384|sha512 DIGEST-IN-HEX\n";
    return 2;
  }
  const auto certificate = jet::pki::Certificate::ReadFile(argv[2]);
  if (!certificate.ok()) return Fail(certificate.status());
  const absl::Status usable = CheckCertificate(*certificate);
  if (!usable.ok()) return Fail(usable);
  const auto digest = ParseDigest(argv[3], argv[4]);
  if (!digest.ok()) return Fail(digest.status());
  const CommandSigner signer(argv[1], certificate->public_key());
  const absl::StatusOr<Bytes> value = jet::sign::SignDigest(signer, *certificate, *digest);
  if (!value.ok()) return Fail(value.status());
  std::cout << jet::base::HexEncode(*value) << '\n';
  return 0;
}

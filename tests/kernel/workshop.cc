#include "tests/kernel/workshop.h"

#include <stdlib.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/kernel/command.h"

#ifndef JET_BIN
#define JET_BIN "jet"
#endif

namespace jet::kernel {
namespace {

namespace fs = std::filesystem;

constexpr char kAttribute[] = "security.ima";

std::string Hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "0x";
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

// A configuration of our own: the system's may add CA:TRUE.
std::string OpensslConfiguration(const CertificateRequest& request) {
  return "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nO=Jet Lab\nCN=" + request.common_name +
         "\n[leaf]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n" +
         "subjectKeyIdentifier=" + (request.ski.empty() ? "hash" : request.ski) + "\n";
}

}  // namespace

Workshop::Workshop(fs::path folder) : folder_(std::move(folder)) {
  fs::create_directories(certificates());
  // What the guest writes to /mnt/tmp is on the disk, which the policy does not exempt.
  for (const fs::path& made : {disk(), disk() / "rows", disk() / "tmp"}) {
    fs::create_directories(made);
    // Other users of the guest run files of the disk, whatever the umask here is.
    fs::permissions(made, fs::perms(0755));
  }
}

fs::path Workshop::CertificateOf(const std::string& name) const {
  return certificates() / (name + ".der");
}

fs::path Workshop::PrivateKeyOf(const std::string& name) const {
  return certificates() / (name + ".pem");
}

// The host's own keyring is none of the test's business: --keyring none.
void Workshop::GenerateInStore(const std::string& name, const std::string& key_type) const {
  Must({JetBin(), "keystore", "generate", "--keystore", store(), "--keyring", "none", "--key-name",
        name, "--key-type", key_type, "--organization", "Jet Lab", "--common-name", name});
}

void Workshop::ImportIntoStore(const std::string& name) const {
  Must({JetBin(), "keystore", "import", "--keystore", store(), "--keyring", "none", "--key-name",
        name, "--x509-cert", CertificateOf(name), "--private-key", PrivateKeyOf(name)});
}

void Workshop::DeleteFromStore(const std::string& name) const {
  Must({JetBin(), "keystore", "delete", "--yes", name, "--keystore", store(), "--keyring", "none"});
}

void Workshop::MakeCertificate(const CertificateRequest& request) const {
  const fs::path configuration = certificates() / (request.name + ".cnf");
  WriteFile(configuration, OpensslConfiguration(request));
  Must({"openssl",     "req",
        "-x509",       "-new",
        "-newkey",     "rsa:" + request.bits,
        "-nodes",      "-sha256",
        "-days",       "30",
        "-config",     configuration,
        "-extensions", "leaf",
        "-keyout",     PrivateKeyOf(request.name),
        "-outform",    "DER",
        "-out",        CertificateOf(request.name)});
  fs::permissions(PrivateKeyOf(request.name), fs::perms::owner_read | fs::perms::owner_write);
}

void Workshop::Sign(const fs::path& file, const std::string& key, const std::string& hash) const {
  Must({JetBin(), "sign", "--keystore", store(), "--scripts", "--key", key, "--hash", hash, file});
}

void Workshop::SignWithFiles(const fs::path& file, const std::string& name) const {
  Must({JetBin(), "sign", "--private-key", PrivateKeyOf(name), "--x509-cert", CertificateOf(name),
        file});
}

void Workshop::SignWithEvmctl(const fs::path& file, const std::string& name,
                              const std::string& hash) const {
  Must({"evmctl", "ima_sign", "-a", hash, "--key", PrivateKeyOf(name), file});
}

void Workshop::HashWithEvmctl(const fs::path& file) const {
  Must({"evmctl", "ima_hash", "-a", "sha256", file});
}

std::string JetBin() {
  const char* named = getenv("JET_BIN");
  return named != nullptr ? named : JET_BIN;
}

std::string ReadImaAttribute(const fs::path& file) {
  return Must({"getfattr", "--only-values", "--absolute-names", "-n", kAttribute, file});
}

bool WriteImaAttribute(const fs::path& file, const std::string& value) {
  const CommandResult result = Run({"setfattr", "-n", kAttribute, "-v", Hex(value), file});
  if (result.status == 0) return true;
  for (const char* refusal : {"Invalid argument", "Permission denied"}) {
    if (result.err.find(refusal) != std::string::npos) return false;
  }
  throw std::runtime_error("cannot set security.ima: " + result.err);
}

}  // namespace jet::kernel

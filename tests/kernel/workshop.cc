#include "tests/kernel/workshop.h"

#include <ctype.h>
#include <stdlib.h>

#include <algorithm>
#include <sstream>
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
constexpr char kVerityType = 6;  // IMA_VERITY_DIGSIG

std::string Hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "0x";
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

// The number of a hash in include/uapi/linux/hash_info.h.
char KernelHashNumber(const std::string& hash) {
  return static_cast<char>(hash == "sha256" ? 4 : hash == "sha384" ? 5 : 6);
}

// The end of the subject key identifier, which openssl prints as "...:AA:BB:CC:DD".
std::string KeyIdOf(const fs::path& certificate) {
  std::string said = Must({"openssl", "x509", "-inform", "DER", "-in", certificate, "-noout",
                           "-ext", "subjectKeyIdentifier"});
  said.erase(std::remove_if(said.begin(), said.end(), [](char c) { return !isxdigit(c); }),
             said.end());
  return FromHex(said.substr(said.size() - 8));
}

// A configuration of our own: the system's may add CA:TRUE.
std::string OpensslConfiguration(const CertificateRequest& request) {
  return "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nO=Jet Lab\nCN=" + request.common_name +
         "\n[extensions]\nbasicConstraints=critical,CA:" + (request.is_ca ? "TRUE" : "FALSE") +
         "\nkeyUsage=critical," + (request.is_ca ? "keyCertSign" : "digitalSignature") +
         "\nsubjectKeyIdentifier=" + request.ski + "\n";
}

// What follows -newkey.
std::vector<std::string> OpensslKey(const std::string& key) {
  if (key.rfind("rsa:", 0) == 0) return {key};
  return {"ec", "-pkeyopt", "ec_paramgen_curve:" + key};
}

// The folder with the CA's certificate and private key, made when the kernel was built.
fs::path ImaKernelFolder() {
  static const fs::path folder = [] {
    std::string path =
        Must({std::string(JET_SOURCE_DIR) + "/tests/kernel/build-kernel", "--built"});
    while (!path.empty() && path.back() == '\n') path.pop_back();
    return path;
  }();
  return folder;
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
  std::vector<std::string> command = {"openssl",     "req",
                                      "-x509",       "-new",
                                      "-nodes",      "-days",
                                      "30",          "-sha256",
                                      "-config",     configuration,
                                      "-extensions", "extensions",
                                      "-outform",    "DER",
                                      "-keyout",     PrivateKeyOf(request.name),
                                      "-out",        CertificateOf(request.name),
                                      "-newkey"};
  for (const std::string& word : OpensslKey(request.key)) command.push_back(word);
  if (request.issuer == kLabCa) {
    const fs::path folder = ImaKernelFolder();
    command.insert(command.end(), {"-CA", folder / "ca.pem", "-CAkey", folder / "ca.key"});
  } else if (!request.issuer.empty()) {
    command.insert(command.end(),
                   {"-CA", CertificateOf(request.issuer), "-CAkey", PrivateKeyOf(request.issuer)});
  }
  Must(command);
  fs::permissions(PrivateKeyOf(request.name), fs::perms::owner_read | fs::perms::owner_write);
}

void Workshop::Sign(const fs::path& file, const std::string& key, const std::string& hash) const {
  Must({JetBin(), "sign", "--keystore", store(), "--scripts", "--key", key, "--hash", hash, file});
}

void Workshop::SignWithFiles(const fs::path& file, const std::string& name) const {
  Must({JetBin(), "sign", "--private-key", PrivateKeyOf(name), "--x509-cert", CertificateOf(name),
        file});
}

void Workshop::SignAll(const Paths& files, const SigningKey& key) const {
  std::vector<std::string> command = {JetBin(),
                                      "sign",
                                      "--quiet",
                                      "--private-key",
                                      PrivateKeyOf(key.name),
                                      "--x509-cert",
                                      CertificateOf(key.name),
                                      "--hash",
                                      key.hash};
  command.insert(command.end(), files.begin(), files.end());
  Must(command);
}

void Workshop::SignWithEvmctl(const fs::path& file, const std::string& name,
                              const std::string& hash) const {
  Must({"evmctl", "ima_sign", "-a", hash, "--key", PrivateKeyOf(name), file});
}

void Workshop::HashWithEvmctl(const fs::path& file) const {
  Must({"evmctl", "ima_hash", "-a", "sha256", file});
}

std::string Workshop::VeritySignature(const fs::path& file, const SigningKey& key,
                                      const std::string& digest_hash) const {
  // struct ima_file_id of security/integrity/ima/ima_appraise.c.
  std::string file_id = {kVerityType, KernelHashNumber(digest_hash)};
  file_id += FromHex(Must({"fsverity", "digest", "--compact", "--hash-alg=" + digest_hash, file}));
  const fs::path input = folder_ / "file-id";
  WriteFile(input, file_id);
  const std::string signature =
      Must({"openssl", "dgst", "-" + key.hash, "-sign", PrivateKeyOf(key.name), input});
  std::string value = {kVerityType, '\3', KernelHashNumber(key.hash)};
  value += KeyIdOf(CertificateOf(key.name));
  value += static_cast<char>(signature.size() >> 8);
  value += static_cast<char>(signature.size() & 0xff);
  return value + signature;
}

std::string FromHex(const std::string& digits) {
  std::string bytes;
  for (size_t at = 0; at + 1 < digits.size(); at += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
  }
  return bytes;
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

Attributes ReadImaAttributes(const fs::path& folder) {
  const std::string dump = Must({"getfattr", "--dump", "--recursive", "--absolute-names",
                                 "--encoding=hex", "--match=^security[.]ima$", folder});
  const std::string kFile = "# file: ";
  const std::string kValue = std::string(kAttribute) + "=0x";
  Attributes attributes;
  fs::path file;
  std::string line;
  for (std::istringstream lines(dump); std::getline(lines, line);) {
    if (line.rfind(kFile, 0) == 0) file = line.substr(kFile.size());
    if (line.rfind(kValue, 0) == 0) attributes[file] = FromHex(line.substr(kValue.size()));
  }
  return attributes;
}

void WriteImaAttributes(const Attributes& attributes, const fs::path& scratch) {
  std::string dump;
  for (const auto& [file, value] : attributes) {
    dump += "# file: " + file.string() + "\n" + kAttribute + "=" + Hex(value) + "\n\n";
  }
  WriteFile(scratch, dump);
  Must({"setfattr", "--restore=" + scratch.string()});
  fs::remove(scratch);
}

void RemoveImaAttributes(const Paths& files) {
  std::vector<std::string> command = {"setfattr", "-x", kAttribute};
  command.insert(command.end(), files.begin(), files.end());
  if (!files.empty()) Must(command);
}

}  // namespace jet::kernel

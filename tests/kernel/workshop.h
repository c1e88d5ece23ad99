// Makes the keys, certificates and signatures that the rows of the matrix need.
#ifndef JET_TESTS_KERNEL_WORKSHOP_H_
#define JET_TESTS_KERNEL_WORKSHOP_H_

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace jet::kernel {

// The CA that the lab's second kernel has built in: an issuer's name.
inline constexpr char kLabCa[] = "lab-ca";

// What openssl is asked for.
struct CertificateRequest {
  std::string name;
  std::string key;  // "rsa:2048", "P-256", "P-384"
  std::string common_name;
  std::string ski = "hash";  // of the public key; or hexadecimal digits, or "none"
  std::string issuer{};      // kLabCa or a certificate's name; empty: its own
  bool is_ca = false;
};

// A key outside of the keystore and the hash that it signs with.
struct SigningKey {
  std::string name;
  std::string hash;

  bool operator<(const SigningKey& other) const {
    return name != other.name ? name < other.name : hash < other.hash;
  }
};

using Paths = std::vector<std::filesystem::path>;

// A folder tree:
//   disk/            becomes /mnt in the guest
//   store/           the system keystore of the host
//   certificates/    NAME.pem (private key) and NAME.der, of the keys that openssl made
class Workshop {
 public:
  explicit Workshop(std::filesystem::path folder);

  std::filesystem::path disk() const { return folder_ / "disk"; }
  std::filesystem::path store() const { return folder_ / "store"; }
  std::filesystem::path certificates() const { return folder_ / "certificates"; }
  std::filesystem::path CertificateOf(const std::string& name) const;
  std::filesystem::path PrivateKeyOf(const std::string& name) const;

  // The system keystore.
  void GenerateInStore(const std::string& name, const std::string& key_type) const;
  void ImportIntoStore(const std::string& name) const;
  void DeleteFromStore(const std::string& name) const;

  // Keys outside of it.
  void MakeCertificate(const CertificateRequest& request) const;

  // Signing: by a key of the store, by a key outside of it, and by ima-evm-utils.
  void Sign(const std::filesystem::path& file, const std::string& key,
            const std::string& hash) const;
  void SignWithFiles(const std::filesystem::path& file, const std::string& name) const;
  // All of them in one run.
  void SignAll(const Paths& files, const SigningKey& key) const;
  void SignWithEvmctl(const std::filesystem::path& file, const std::string& name,
                      const std::string& hash) const;
  void HashWithEvmctl(const std::filesystem::path& file) const;

  // A signature of version 3, over the file's fs-verity digest by `digest_hash`. Made with the
  // tools of fs-verity and OpenSSL: evmctl 1.4 cannot.
  std::string VeritySignature(const std::filesystem::path& file, const SigningKey& key,
                              const std::string& digest_hash) const;

 private:
  std::filesystem::path folder_;
};

// The bytes that the hexadecimal digits stand for.
std::string FromHex(const std::string& digits);

// The command under test.
std::string JetBin();

// The attribute security.ima of a file, by the tools of the attr package: not by code under test.
std::string ReadImaAttribute(const std::filesystem::path& file);
// Returns false where the host's own kernel does not store the value: one with IMA refuses types
// (EINVAL) and hash algorithms (EACCES) that it does not know.
bool WriteImaAttribute(const std::filesystem::path& file, const std::string& value);

// The same for many files at once; a file without the attribute is absent. Writing throws where the
// host's kernel refuses a value.
using Attributes = std::map<std::filesystem::path, std::string>;
Attributes ReadImaAttributes(const std::filesystem::path& folder);
void WriteImaAttributes(const Attributes& attributes, const std::filesystem::path& scratch);
void RemoveImaAttributes(const Paths& files);

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_WORKSHOP_H_

// Makes the keys, certificates and signatures that the rows of the matrix need.
#ifndef JET_TESTS_KERNEL_WORKSHOP_H_
#define JET_TESTS_KERNEL_WORKSHOP_H_

#include <filesystem>
#include <string>

namespace jet::kernel {

// What openssl is asked for. An empty ski asks for the usual one, the hash of the public key.
struct CertificateRequest {
  std::string name;
  std::string bits;
  std::string common_name;
  std::string ski;
};

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
  void SignWithEvmctl(const std::filesystem::path& file, const std::string& name,
                      const std::string& hash) const;
  void HashWithEvmctl(const std::filesystem::path& file) const;

 private:
  std::filesystem::path folder_;
};

// The command under test.
std::string JetBin();

// The attribute security.ima of a file, by the tools of the attr package: not by code under test.
std::string ReadImaAttribute(const std::filesystem::path& file);
// Returns false where the host's own kernel does not store the value: one with IMA refuses types
// (EINVAL) and hash algorithms (EACCES) that it does not know.
bool WriteImaAttribute(const std::filesystem::path& file, const std::string& value);

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_WORKSHOP_H_

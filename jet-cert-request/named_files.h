// What the certs folder holds for one name.
#ifndef JET_JET_CERT_REQUEST_NAMED_FILES_H_
#define JET_JET_CERT_REQUEST_NAMED_FILES_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "crypto/private_key.h"
#include "crypto/public_key.h"
#include "jet-cert-request/certificate_name.h"
#include "pki/certificate.h"
#include "pki/request.h"

namespace jet::cert_request {

// The ends of the files' names.
inline constexpr char kKeyEnding[] = "_key.pem";
inline constexpr char kRequestEnding[] = "_req.pem";
inline constexpr char kCertificateEnding[] = ".pem";
inline constexpr char kChainEnding[] = "_chain.pem";

// What is known of a private key file without opening an encrypted key.
struct KeyFile {
  mode_t mode = 0;  // permission bits
  uid_t owner = 0;
  bool encrypted = false;
  absl::optional<crypto::PublicKey> public_key;  // nullopt when encrypted or unreadable
};

// What the folder holds for one name.
struct NamedFiles {
  CertificateName name;
  absl::optional<KeyFile> key;
  absl::optional<pki::CertificateRequest> request;
  absl::optional<pki::Certificate> certificate;
  // Whether there is something by their names, be it readable or not.
  bool request_is_there = false;
  bool certificate_is_there = false;
  // What is wrong, in words, each naming its file: a file that cannot be read or decoded, a mode
  // that lets others read the key or write any file, a key of another user than the caller and
  // root, files that do not belong together (other key, other common name), a key without a request
  // (a machine that stopped while they were made).
  std::vector<std::string> problems;
};

// Looks at the files of `name` in the open folder `folder_fd`; `folder_path` is for messages. Reads
// regular files of bounded size only, so nothing in the folder can block it. Links are followed:
// whoever may make one there could as well put a file there.
NamedFiles LookAtFiles(int folder_fd, const std::string& folder_path, const CertificateName& name);

// Reads the private key file `path`, at most 64 KiB of it; the errors of PrivateKey::Decode.
absl::StatusOr<crypto::PrivateKey> ReadPrivateKeyFile(const std::string& path,
                                                      crypto::PassphraseSource passphrase);

}  // namespace jet::cert_request

#endif  // JET_JET_CERT_REQUEST_NAMED_FILES_H_

// The keys whose signatures count: those of the keystore, of certificates, or of a keyring.
#ifndef JET_CLI_TRUST_H_
#define JET_CLI_TRUST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "appraise/trust_set.h"
#include "cli/command.h"
#include "cli/option_parser.h"
#include "ima/keyring.h"
#include "ima/named_certificate.h"

namespace jet::cli {

struct TrustOptions {
  std::vector<std::string> keys;          // --key: names in the keystore
  std::vector<std::string> certificates;  // --x509-cert: files, folders
  absl::optional<std::string> keyring;    // --keyring: its members are what is trusted
};

// The trusted keys, and where they come from.
struct Trust {
  appraise::TrustSet set;
  const char* source;                                    // "keystore", "certificate" or "keyring"
  absl::optional<std::vector<ima::KeyringMember>> ring;  // what the kernel holds, if it can be seen
};

// Declares --key, --x509-cert and --keyring.
void DeclareTrust(OptionParser& parser, TrustOptions& options);

// Reads the certificates at `paths`, files or folders, DER or PEM; each is named by its file. A
// folder without any is NOT_FOUND.
absl::StatusOr<std::vector<ima::NamedCertificate>> ReadCertificates(
    const std::vector<std::string>& paths);

// Finds what the options trust: every key of the keystore where they name none. Warns of what is
// damaged, unproven or missing there.
absl::StatusOr<Trust> OpenTrust(Session& session, const TrustOptions& options);

}  // namespace jet::cli

#endif  // JET_CLI_TRUST_H_

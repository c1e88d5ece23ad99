// The parts of the key commands that the router's words call too. They are for the main thread.
// `session` is the caller's and is used until they return; they open the keystore or keyring that
// they need and close it again. An error of theirs ends the command (ExitStatusFor).
#ifndef JET_CLI_KEY_COMMANDS_H_
#define JET_CLI_KEY_COMMANDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "cli/private_key_input.h"
#include "cli/replication.h"

namespace jet::cli {

// The certificate comes from one of three places: a file, alone or with the file of its private
// key; a PKCS#12 file; the certs folder of jet-certificate-request.
struct ImportOptions {
  std::string key_name;  // empty: the name of --from-request
  std::string certificate;
  std::string pkcs12;
  std::string request_name;               // --from-request
  absl::optional<std::string> certs_dir;  // where that is
  PrivateKeyOptions private_key;
  absl::optional<std::string> keyring;
  bool allow_expired = false;
  PeerOptions peers;
};

// Puts a certificate, and the private key where there is one, into the keystore, mirrors it into
// the keyring and tells the peers; prints what became of it. kGood when that is done; kCouldNotDo
// when the key is stored and not all the peers have it. Usage errors for options that exclude each
// other and for a bad key name. Any other error says that nothing was stored: FAILED_PRECONDITION
// for a certificate that cannot sign or has expired (unless allow_expired) and for a private key
// that is not its own, ALREADY_EXISTS for a name or key that is taken, NOT_FOUND for what is to be
// imported.
absl::StatusOr<ExitStatus> RunKeystoreImport(Session& session, const ImportOptions& options);

struct ListOptions {
  std::string key_name;  // only this key; empty for all
  bool peers = false;    // compare with the peers too
  PeerOptions peer_options;
};

// Prints every key of the keystore, or the one that is named. kGood when all could be read;
// kCouldNotDo when one is damaged; with `peers` the worse of that and what ReportPeers returns.
// NOT_FOUND when there is no such key, FAILED_PRECONDITION and others when the keystore cannot be
// opened.
absl::StatusOr<ExitStatus> RunKeystoreList(Session& session, const ListOptions& options);

struct KeyringOptions {
  absl::optional<std::string> keyring;
};

// Prints the certificates in the keyring where the kernel's IMA looks for keys, or in the one that
// is named. kGood when it could be listed. FAILED_PRECONDITION when there is no such keyring,
// PERMISSION_DENIED when this process may not read it.
absl::StatusOr<ExitStatus> RunImaKeyring(Session& session, const KeyringOptions& options);

}  // namespace jet::cli

#endif  // JET_CLI_KEY_COMMANDS_H_

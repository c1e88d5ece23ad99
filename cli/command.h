// What a command of the program is.
#ifndef JET_CLI_COMMAND_H_
#define JET_CLI_COMMAND_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cli/configuration.h"
#include "cli/exit_status.h"
#include "cli/option_parser.h"
#include "cli/output.h"
#include "cli/passphrase.h"

namespace jet::cli {

// Where the store key is and how its passphrase is had; see cli/open_keystore.h.
struct StoreKeyInput {
  absl::optional<std::string> master_key_file;  // where it is instead of in the keystore
  PassphraseOptions passphrase;
  // What was read or typed, or why there is nothing, so that it is asked for once.
  std::shared_ptr<absl::optional<absl::StatusOr<crypto::Secret>>> typed;
};

// What every command has to hand while it runs.
struct Session {
  Output& output;
  std::string keystore;         // the keystore's folder
  Configuration configuration;  // what the configuration file says
  StoreKeyInput store_key;
};

// Does the work. An error ends the command with ExitStatusFor(error) and its message on stderr.
using RunFunction = std::function<absl::StatusOr<ExitStatus>(Session&)>;

// Declares the options of a command on `parser`, and returns what is to be run once they are
// parsed: nothing is done while parsing.
using DeclareFunction = RunFunction (*)(OptionParser& parser);

struct Command {
  const char* group;     // "keystore", "sign", or "" for a command without sub-commands
  const char* name;      // "import", "apply"; "" for what a group does without a sub-command
  const char* summary;   // one line of help
  const char* examples;  // lines of help
  DeclareFunction declare;
  bool takes_words = false;  // with the name "": what is no sub-command is an argument of its own
};

// Returns the table of all commands; lives as long as the program.
absl::Span<const Command> Commands();

// The program's words for its exit status, at the end of every help text.
inline constexpr char kExitStatusHelp[] =
    "Exit status: 0 done and good; 1 done, and the answer is no; 2 called wrongly; 3 could not do "
    "it, or not all of it.";

// One per file cli/cmd_*.cc.
RunFunction DeclareCertificateRequest(OptionParser& parser);
RunFunction DeclareCertificateRequestRenew(OptionParser& parser);
RunFunction DeclareCertificateRequestInstall(OptionParser& parser);
RunFunction DeclareCertificateRequestList(OptionParser& parser);
RunFunction DeclareSign(OptionParser& parser);
RunFunction DeclareSignApply(OptionParser& parser);
RunFunction DeclareAppraise(OptionParser& parser);
RunFunction DeclareKeystoreGenerate(OptionParser& parser);
RunFunction DeclareKeystoreImport(OptionParser& parser);
RunFunction DeclareKeystoreList(OptionParser& parser);
RunFunction DeclareKeystoreShow(OptionParser& parser);
RunFunction DeclareKeystoreExport(OptionParser& parser);
RunFunction DeclareKeystoreDelete(OptionParser& parser);
RunFunction DeclareKeystoreProtect(OptionParser& parser);
RunFunction DeclareKeystoreUnprotect(OptionParser& parser);
RunFunction DeclareKeystoreRekey(OptionParser& parser);
RunFunction DeclareKeystoreRename(OptionParser& parser);
RunFunction DeclareKeystoreVerify(OptionParser& parser);
RunFunction DeclareKeystorePeers(OptionParser& parser);
RunFunction DeclareKeystoreSync(OptionParser& parser);
RunFunction DeclareKeystoreReceive(OptionParser& parser);
RunFunction DeclareImaKeyring(OptionParser& parser);
RunFunction DeclareImaLoad(OptionParser& parser);
RunFunction DeclareImaStatus(OptionParser& parser);
RunFunction DeclareImaInspect(OptionParser& parser);

}  // namespace jet::cli

#endif  // JET_CLI_COMMAND_H_

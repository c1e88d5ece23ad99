// The parts of jet-sign and jet-appraise that the router's words call too.
#ifndef JET_CLI_FILE_COMMANDS_H_
#define JET_CLI_FILE_COMMANDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/appraise_explanation.h"
#include "cli/command.h"
#include "cli/file_options.h"
#include "cli/signature_destination.h"
#include "cli/signature_source.h"
#include "cli/signing_key.h"
#include "cli/trust.h"

namespace jet::cli {

struct SignCommandOptions {
  FileOptions files;
  SigningKeyOptions key;
  absl::optional<std::string> hash;
  bool force = false;
  bool dry_run = false;
  bool strip = false;  // remove signatures instead
  bool yes = false;    // without asking
  bool verity = false;  // sign fs-verity digests
  bool enable_verity = false;
  SignatureDestinationOptions destination;
};

absl::StatusOr<ExitStatus> RunSign(Session& session, SignCommandOptions options);

// What RunSign does with `strip`.
absl::StatusOr<ExitStatus> RunStrip(Session& session, SignCommandOptions options);

struct AppraiseCommandOptions {
  FileOptions files;
  SignatureSourceOptions source;
  TrustOptions trust;
  bool verity = false;  // under appraise::Rule::kSigv3
  ExplanationOptions explanation;
  bool require_current = false;  // a signer outside of its certificate's dates is a failure
  bool summary_only = false;
};

absl::StatusOr<ExitStatus> RunAppraise(Session& session, AppraiseCommandOptions options);

}  // namespace jet::cli

#endif  // JET_CLI_FILE_COMMANDS_H_

// The parts of jet-sign and jet-appraise that the router's words call too. They are for the main
// thread, before it has started others: they start the workers and wait for their end. `session`
// is the caller's and is used until they return. An error of theirs ends the command
// (ExitStatusFor); of a file it is printed when it happens, and the others go on.
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
  bool strip = false;   // remove signatures instead
  bool yes = false;     // without asking
  bool verity = false;  // sign fs-verity digests
  bool enable_verity = false;
  SignatureDestinationOptions destination;
};

// Signs the files with the key and prints a line for each, and a summary. kGood when every file
// that was to be signed has a valid signature now (with dry_run: would have); kCouldNotDo when a
// file failed, or the run was stopped before its end. Usage errors for options that exclude each
// other or are not understood. FAILED_PRECONDITION when the certificate cannot sign, and when no
// file was found unless files.allow_empty; NOT_FOUND and others when the key cannot be opened.
absl::StatusOr<ExitStatus> RunSign(Session& session, SignCommandOptions options);

// What RunSign does with `strip`: removes the signatures of the files, after it has asked unless
// `yes` or dry_run. It needs no key. kGood when none of the files has one now (with dry_run: would
// have); kCouldNotDo when a file failed, or the run was stopped before its end. Errors for the
// options and for no file as RunSign, and when it must not or cannot ask.
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

// Judges the signatures of the files as the kernel would and prints a line for each, and a summary.
// It changes nothing. kGood when every one is valid, and with require_current within its
// certificate's dates; kNo when one is not; kCouldNotDo, which wins over kNo, when a file could not
// be judged, or the run was stopped before its end. Usage errors for options that exclude each
// other. FAILED_PRECONDITION when no file was found unless files.allow_empty; others when what is
// to be trusted, or a manifest, cannot be read. It gives up rights of this process for good.
absl::StatusOr<ExitStatus> RunAppraise(Session& session, AppraiseCommandOptions options);

}  // namespace jet::cli

#endif  // JET_CLI_FILE_COMMANDS_H_

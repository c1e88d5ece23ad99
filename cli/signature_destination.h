// Where jet-sign puts signatures: into the files' attributes, beside the files, in a manifest, or
// into the attributes of copies.
#ifndef JET_CLI_SIGNATURE_DESTINATION_H_
#define JET_CLI_SIGNATURE_DESTINATION_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "base/file_selection.h"
#include "cli/file_options.h"
#include "cli/option_parser.h"
#include "sign/file_signer.h"

namespace jet::cli {

struct SignatureDestinationOptions {
  absl::optional<std::string> suffix;      // --detached: of the signature files
  absl::optional<std::string> manifest;    // --manifest: its path
  absl::optional<std::string> output_dir;  // --output-dir: the folder of the copies
  bool best_effort = false;                // copies that could not keep everything are good enough
};

// Declares --detached[=SUFFIX], --manifest, --output-dir and --best-effort.
void DeclareSignatureDestination(OptionParser& parser, SignatureDestinationOptions& options);

class SignatureDestination {
 public:
  virtual ~SignatureDestination() = default;

  // "xattr", "detached", "manifest" or "copy"
  virtual const char* name() const = 0;

  // Makes `selection` yield every file that is to have a signature here, and none that holds some.
  virtual void Choose(base::FileSelectionOptions& selection) const = 0;

  // Signs `file`, which was selected so. Thread-safe, with a Hasher per thread.
  virtual absl::StatusOr<sign::SignOutcome> Sign(const sign::FileSigner& signer,
                                                 const base::SelectedFile& file,
                                                 crypto::Hasher& hasher) = 0;

  // Writes what is written once for all files. Only when every file was signed, and not in a dry
  // run.
  virtual absl::Status Finish() = 0;
};

// Makes what the options ask for. A usage error when they do not go with `files`: a manifest is of
// one folder, copies need names of their own and a folder of their own.
absl::StatusOr<std::unique_ptr<SignatureDestination>> MakeSignatureDestination(
    const SignatureDestinationOptions& options, const FileOptions& files);

}  // namespace jet::cli

#endif  // JET_CLI_SIGNATURE_DESTINATION_H_

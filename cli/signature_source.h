// Signatures that are not in the files' attributes: beside the files, or in a manifest.
#ifndef JET_CLI_SIGNATURE_SOURCE_H_
#define JET_CLI_SIGNATURE_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "appraise/appraisal.h"
#include "base/file_selection.h"
#include "cli/file_options.h"
#include "cli/option_parser.h"
#include "crypto/digest.h"
#include "sign/manifest.h"

namespace jet::cli {

struct SignatureSourceOptions {
  absl::optional<std::string> suffix;    // --detached: of the signature files
  absl::optional<std::string> manifest;  // --manifest: its path
  absl::optional<std::string> root;      // --root: the folder that its paths are relative to
};

// Declares --detached[=SUFFIX], --manifest and --root.
void DeclareSignatureSource(OptionParser& parser, SignatureSourceOptions& options);

// The signature of a file as its source has it.
struct FoundSignature {
  base::Bytes value;                      // of security.ima
  absl::optional<crypto::Digest> digest;  // of the file, where the source has that too
};

// Finds signatures. Thread-safe.
class SignatureSource {
 public:
  virtual ~SignatureSource() = default;

  // "detached" or "manifest"
  virtual const char* name() const = 0;

  // Makes `selection` yield every file that may have a signature here, and none that holds some.
  virtual void Choose(base::FileSelectionOptions& selection) const = 0;

  // Returns the signature of `file`, which was selected so; nullopt when there is none.
  virtual absl::StatusOr<absl::optional<FoundSignature>> Find(const base::SelectedFile& file) = 0;

  // Says that there is none for `file`: "there is no 'f.sig'".
  virtual std::string WhyNone(const base::SelectedFile& file) const = 0;
};

// Signatures in files named as the files they are of, with a suffix.
class DetachedSource : public SignatureSource {
 public:
  explicit DetachedSource(std::string suffix) : suffix_(std::move(suffix)) {}

  const char* name() const override { return "detached"; }
  void Choose(base::FileSelectionOptions& selection) const override;
  absl::StatusOr<absl::optional<FoundSignature>> Find(const base::SelectedFile& file) override;
  std::string WhyNone(const base::SelectedFile& file) const override;

 private:
  const std::string suffix_;
};

// The signatures of a manifest.
class ManifestSource : public SignatureSource {
 public:
  // Reads the manifest at `path`.
  static absl::StatusOr<std::unique_ptr<ManifestSource>> Open(const std::string& path);

  const char* name() const override { return "manifest"; }
  void Choose(base::FileSelectionOptions& selection) const override;
  absl::StatusOr<absl::optional<FoundSignature>> Find(const base::SelectedFile& file) override;
  std::string WhyNone(const base::SelectedFile& file) const override;

  // Its entries, in the order of their paths.
  const std::vector<sign::ManifestEntry>& entries() const { return entries_; }

  // The paths that Find was never asked for. Not while threads still ask.
  std::vector<std::string> NotMet() const;

 private:
  ManifestSource(std::vector<sign::ManifestEntry> entries, const base::FileIdentity& file)
      : entries_(std::move(entries)), file_(file), met_(entries_.size()) {}

  const std::vector<sign::ManifestEntry> entries_;
  const base::FileIdentity file_;
  // One for each entry, as no two threads are ever asked for the same path.
  std::vector<char> met_;
};

// Returns the signature that the entry stands for.
absl::StatusOr<FoundSignature> SignatureOf(const sign::ManifestEntry& entry);

// Checks how the options go together, and with `files`; a usage error when they do not. With a
// manifest `files` gets its root, to be walked.
absl::Status CheckSignatureSource(const SignatureSourceOptions& options, FileOptions& files);

// Judges the open file `fd` under `rule` as if the signature were its security.ima. One that a
// manifest has for another content is never valid.
absl::StatusOr<appraise::Appraisal> AppraiseFound(int fd, const FoundSignature& found,
                                                  const appraise::TrustSet& trust,
                                                  crypto::Hasher& hasher,
                                                  appraise::Rule rule = appraise::Rule::kImasig);

// True when a file of this kind that has no signature is missing one: it was named, or the options
// choose such files.
bool WantsSignature(const FileOptions& files, base::FileKind kind);

}  // namespace jet::cli

#endif  // JET_CLI_SIGNATURE_SOURCE_H_

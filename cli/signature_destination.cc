#include "cli/signature_destination.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/file_path.h"
#include "base/staged_file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/copy_destination.h"
#include "cli/exit_status.h"
#include "sign/manifest.h"
#include "sign/sidecar.h"
#include "sign/xattr_store.h"

namespace jet::cli {
namespace {

class XattrDestination : public SignatureDestination {
 public:
  const char* name() const override { return "xattr"; }
  void Choose(base::FileSelectionOptions& /*selection*/) const override {}
  absl::StatusOr<sign::SignOutcome> Sign(const sign::FileSigner& signer,
                                         const base::SelectedFile& file,
                                         crypto::Hasher& hasher) override {
    sign::XattrStore store(file.fd.get());
    return signer.Sign(file.fd.get(), store, hasher);
  }
  absl::Status Finish() override { return absl::OkStatus(); }
};

// Each name of a hard link gets a signature of its own: copies of the tree may be separate files.
class DetachedDestination : public SignatureDestination {
 public:
  explicit DetachedDestination(std::string suffix) : suffix_(std::move(suffix)) {}

  const char* name() const override { return "detached"; }
  void Choose(base::FileSelectionOptions& selection) const override {
    selection.every_name = true;
    selection.keep_folders = true;
    selection.adds_files = true;
    selection.signature_suffix = suffix_;
  }
  absl::StatusOr<sign::SignOutcome> Sign(const sign::FileSigner& signer,
                                         const base::SelectedFile& file,
                                         crypto::Hasher& hasher) override {
    sign::SidecarStore store({file.folder->get(), file.name, suffix_});
    return signer.Sign(file.fd.get(), store, hasher);
  }
  absl::Status Finish() override { return absl::OkStatus(); }

 private:
  const std::string suffix_;
};

class ManifestDestination : public SignatureDestination {
 public:
  ManifestDestination(std::string path, base::UniqueFd folder, std::string name)
      : path_(std::move(path)), folder_(std::move(folder)), name_(std::move(name)) {}

  const char* name() const override { return "manifest"; }

  void Choose(base::FileSelectionOptions& selection) const override {
    selection.every_name = true;
    struct stat old = {};
    if (fstatat(folder_.get(), name_.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0) {
      selection.signature_file = base::IdentityOf(old);
    }
  }

  absl::StatusOr<sign::SignOutcome> Sign(const sign::FileSigner& signer,
                                         const base::SelectedFile& file,
                                         crypto::Hasher& hasher) override {
    if (file.path_in_tree.empty()) {
      return absl::FailedPreconditionError("is a file: --manifest is for one folder");
    }
    sign::NoStore store;
    JET_ASSIGN_OR_RETURN(sign::SignOutcome outcome, signer.Sign(file.fd.get(), store, hasher));
    JET_ASSIGN_OR_RETURN(sign::ManifestEntry entry,
                         sign::MakeManifestEntry(file.path_in_tree, outcome.digest, outcome.value));
    const std::lock_guard<std::mutex> lock(mutex_);
    entries_.push_back(std::move(entry));
    return outcome;
  }

  absl::Status Finish() override {
    JET_ASSIGN_OR_RETURN(const std::string text, sign::EncodeManifest(std::move(entries_)));
    const absl::Status written = Write(text);
    if (written.ok()) return written;
    return base::Annotate(written, absl::StrCat("the manifest '", path_, "' is not written"));
  }

 private:
  absl::Status Write(const std::string& text) const {
    JET_ASSIGN_OR_RETURN(base::StagedFile file, base::StagedFile::WritePublicAt(
                                                    folder_.get(), name_, base::AsBytes(text)));
    JET_RETURN_IF_ERROR(file.SyncContent());
    JET_RETURN_IF_ERROR(file.Replace());
    return base::Sync(folder_.get(), path_);
  }

  const std::string path_;
  const base::UniqueFd folder_;
  const std::string name_;  // in the folder
  std::mutex mutex_;
  std::vector<sign::ManifestEntry> entries_;
};

absl::StatusOr<std::unique_ptr<SignatureDestination>> MakeManifestDestination(
    const std::string& path, const FileOptions& files) {
  if (!files.recursive || files.paths.size() != 1 || files.files_from.has_value()) {
    return UsageError("--manifest is for one folder: -r and exactly one PATH");
  }
  // Whole or not at all, so it cannot go down a pipe; a file of that name would surprise.
  if (path == "-") return UsageError("--manifest takes the name of a file, not '-'");
  absl::StatusOr<base::FilePath> split = base::SplitFilePath(path);
  if (!split.ok()) return UsageError(split.status().message());
  JET_ASSIGN_OR_RETURN(base::UniqueFd folder,
                       base::OpenAt(AT_FDCWD, split->folder, O_RDONLY | O_DIRECTORY));
  return std::unique_ptr<SignatureDestination>(
      std::make_unique<ManifestDestination>(path, std::move(folder), std::move(split->name)));
}

}  // namespace

void DeclareSignatureDestination(OptionParser& parser, SignatureDestinationOptions& options) {
  const DeclaredOption detached =
      parser.OptionalValue("--detached", options.suffix, sign::kDefaultSidecarSuffix, "SUFFIX",
                           "Write each signature to a file beside the file, not to security.ima");
  const DeclaredOption manifest =
      parser
          .Value("--manifest", options.manifest, "FILE",
                 "Write the signatures of a folder to this file, not to security.ima")
          .Excludes(detached);
  parser
      .Value("--output-dir", options.output_dir, "DIR",
             "Sign copies of the files, in this folder; files that are skipped are not copied")
      .Excludes(detached)
      .Excludes(manifest);
  parser.Flag("--best-effort", options.best_effort,
              "With --output-dir, leave copies that could not keep owner or attributes");
}

absl::StatusOr<std::unique_ptr<SignatureDestination>> MakeSignatureDestination(
    const SignatureDestinationOptions& options, const FileOptions& files) {
  if (options.output_dir.has_value()) {
    return MakeCopyDestination(*options.output_dir, options.best_effort, files);
  }
  if (options.best_effort) return UsageError("--best-effort is for --output-dir");
  if (options.manifest.has_value()) return MakeManifestDestination(*options.manifest, files);
  if (!options.suffix.has_value()) {
    return std::unique_ptr<SignatureDestination>(std::make_unique<XattrDestination>());
  }
  const absl::Status good = sign::CheckSidecarSuffix(*options.suffix);
  if (!good.ok()) return UsageError(good.message());
  return std::unique_ptr<SignatureDestination>(
      std::make_unique<DetachedDestination>(*options.suffix));
}

}  // namespace jet::cli

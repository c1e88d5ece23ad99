#include "cli/signature_source.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/exit_status.h"
#include "sign/sidecar.h"

namespace jet::cli {
namespace {

// Half a million files.
constexpr size_t kMaxManifest = 512 * 1024 * 1024;

}  // namespace

void DeclareSignatureSource(OptionParser& parser, SignatureSourceOptions& options) {
  const DeclaredOption detached =
      parser.OptionalValue("--detached", options.suffix, sign::kDefaultSidecarSuffix, "SUFFIX",
                           "Take the signatures that are in files beside the files");
  parser.Value("--manifest", options.manifest, "FILE", "Take the signatures of this manifest")
      .Excludes(detached);
  parser.Value("--root", options.root, "DIR", "The folder that holds the files of the manifest");
}

void DetachedSource::Choose(base::FileSelectionOptions& selection) const {
  selection.any_file = true;
  selection.every_name = true;
  selection.keep_folders = true;
  selection.signature_suffix = suffix_;
}

absl::StatusOr<absl::optional<FoundSignature>> DetachedSource::Find(
    const base::SelectedFile& file) {
  JET_ASSIGN_OR_RETURN(absl::optional<base::Bytes> value,
                       sign::ReadSidecar({file.folder->get(), file.name, suffix_}));
  if (!value.has_value()) return absl::optional<FoundSignature>();
  return absl::optional<FoundSignature>({*std::move(value), absl::nullopt});
}

std::string DetachedSource::WhyNone(const base::SelectedFile& file) const {
  return absl::StrCat("there is no '", file.name, suffix_, "' beside it");
}

absl::StatusOr<std::unique_ptr<ManifestSource>> ManifestSource::Open(const std::string& path) {
  JET_ASSIGN_OR_RETURN(const base::UniqueFd fd, base::OpenAt(AT_FDCWD, path, O_RDONLY));
  JET_ASSIGN_OR_RETURN(const struct stat status, base::StatDescriptor(fd.get(), path));
  JET_ASSIGN_OR_RETURN(const base::Bytes text, base::ReadBounded(fd.get(), kMaxManifest, path));
  absl::StatusOr<std::vector<sign::ManifestEntry>> entries =
      sign::DecodeManifest(base::AsText(text));
  if (!entries.ok()) return base::Annotate(entries.status(), absl::StrCat("'", path, "'"));
  return std::unique_ptr<ManifestSource>(
      new ManifestSource(*std::move(entries), base::IdentityOf(status)));
}

void ManifestSource::Choose(base::FileSelectionOptions& selection) const {
  selection.any_file = true;
  selection.every_name = true;
  selection.signature_file = file_;
}

absl::StatusOr<absl::optional<FoundSignature>> ManifestSource::Find(
    const base::SelectedFile& file) {
  const auto entry =
      std::lower_bound(entries_.begin(), entries_.end(), file.path_in_tree,
                       [](const sign::ManifestEntry& candidate, const std::string& path) {
                         return candidate.path < path;
                       });
  if (entry == entries_.end() || entry->path != file.path_in_tree) {
    return absl::optional<FoundSignature>();
  }
  met_.at(static_cast<size_t>(entry - entries_.begin())) = 1;
  JET_ASSIGN_OR_RETURN(FoundSignature found, SignatureOf(*entry));
  return absl::optional<FoundSignature>(std::move(found));
}

std::string ManifestSource::WhyNone(const base::SelectedFile& /*file*/) const {
  return "the manifest does not list it";
}

std::vector<std::string> ManifestSource::NotMet() const {
  std::vector<std::string> paths;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (met_[i] == 0) paths.push_back(entries_[i].path);
  }
  return paths;
}

absl::StatusOr<FoundSignature> SignatureOf(const sign::ManifestEntry& entry) {
  JET_ASSIGN_OR_RETURN(base::Bytes value, sign::XattrOf(entry));
  return FoundSignature{std::move(value), entry.digest};
}

absl::Status CheckSignatureSource(const SignatureSourceOptions& options, FileOptions& files) {
  if (options.suffix.has_value()) {
    const absl::Status good = sign::CheckSidecarSuffix(*options.suffix);
    if (!good.ok()) return UsageError(good.message());
  }
  if (options.manifest.has_value() != options.root.has_value()) {
    return UsageError("--manifest and --root go together");
  }
  if (!options.manifest.has_value()) return absl::OkStatus();
  if (!files.paths.empty() || files.files_from.has_value()) {
    return UsageError(
        "with --manifest no file is named: it lists them, and --root is their folder");
  }
  files.paths = {*options.root};
  files.recursive = true;
  return absl::OkStatus();
}

absl::StatusOr<appraise::Appraisal> AppraiseFound(int fd, const FoundSignature& found,
                                                  const appraise::TrustSet& trust,
                                                  crypto::Hasher& hasher, appraise::Rule rule) {
  JET_ASSIGN_OR_RETURN(appraise::Appraisal appraisal,
                       appraise::AppraiseFileWith(fd, found.value, trust, hasher, rule));
  if (!found.digest.has_value() || !appraisal.digest.has_value() ||
      *appraisal.digest == *found.digest) {
    return appraisal;
  }
  // Should the signature match all the same, the line contradicts itself, and the kernel is never
  // asked: it is not applied.
  if (appraisal.verdict == appraise::Verdict::kValid) appraisal.warnings.clear();
  appraisal.verdict = appraise::Verdict::kMismatch;
  appraisal.detail = "content changed: its digest is not the one in the manifest";
  return appraisal;
}

bool WantsSignature(const FileOptions& files, base::FileKind kind) {
  return !files.recursive || files.any_file || kind == base::FileKind::kElf ||
         (kind == base::FileKind::kScript && files.scripts) ||
         (kind == base::FileKind::kKernelModule && files.modules);
}

}  // namespace jet::cli

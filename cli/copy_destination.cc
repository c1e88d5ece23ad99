#include "cli/copy_destination.h"

#include <cstdlib>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/file_status.h"
#include "base/status_macros.h"
#include "cli/exit_status.h"
#include "sign/copy_folders.h"
#include "sign/copy_signer.h"

namespace jet::cli {
namespace {

std::string NameOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// Each name of a hard link gets a copy of its own, as each has a place of its own.
class CopyDestination : public SignatureDestination {
 public:
  CopyDestination(std::unique_ptr<sign::CopyFolders> folders, bool best_effort)
      : folders_(std::move(folders)), best_effort_(best_effort) {}

  const char* name() const override { return "copy"; }
  void Choose(base::FileSelectionOptions& selection) const override {
    selection.every_name = true;
    selection.leave_access_times = true;
  }
  absl::StatusOr<sign::SignOutcome> Sign(const sign::FileSigner& signer,
                                         const base::SelectedFile& file,
                                         crypto::Hasher& hasher) override {
    const std::string& below = file.path_in_tree;
    sign::CopySigner copy_signer(signer, *folders_, best_effort_);
    return copy_signer.Sign({file.fd.get(), file.path, below.empty() ? NameOf(file.path) : below},
                            hasher);
  }
  absl::Status Finish() override { return absl::OkStatus(); }

 private:
  const std::unique_ptr<sign::CopyFolders> folders_;
  const bool best_effort_;
};

// Returns the path under which a named file is selected.
std::string SelectedPath(const std::string& path, bool follow_links) {
  if (!follow_links) return path;
  const std::unique_ptr<char, decltype(&std::free)> target(realpath(path.c_str(), nullptr),
                                                           &std::free);
  return target == nullptr ? path : std::string(target.get());
}

absl::Status CheckNamedFiles(const std::string& folder, const FileOptions& files) {
  std::map<std::string, std::string> path_by_name;
  for (const std::string& path : files.paths) {
    const std::string selected = SelectedPath(path, files.follow_links);
    const auto [other, is_new] = path_by_name.emplace(NameOf(selected), path);
    if (!is_new) {
      return UsageError(absl::StrCat("'", other->second, "' and '", path,
                                     "' would both be copied to '", folder, "/", other->first,
                                     "'"));
    }
    // A file that cannot be found is reported when it is its turn.
    if (base::IsSameFile(FolderOf(selected), folder)) {
      return UsageError(absl::StrCat("'", path, "' lies in '", folder,
                                     "' itself: --output-dir is another folder"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SignatureDestination>> MakeCopyDestination(
    const std::string& path, bool best_effort, const FileOptions& files) {
  if (files.recursive && files.paths.size() != 1) {
    return UsageError("--output-dir is for files, or with -r for exactly one folder");
  }
  absl::optional<std::string> tree;
  if (files.recursive && base::IsFolder(files.paths.front())) {
    tree = files.paths.front();
  } else {
    JET_RETURN_IF_ERROR(CheckNamedFiles(path, files));
  }
  absl::StatusOr<std::unique_ptr<sign::CopyFolders>> folders = sign::CopyFolders::Open(path, tree);
  if (absl::IsInvalidArgument(folders.status())) return UsageError(folders.status().message());
  JET_RETURN_IF_ERROR(folders.status());
  return std::unique_ptr<SignatureDestination>(
      std::make_unique<CopyDestination>(*std::move(folders), best_effort));
}

}  // namespace jet::cli

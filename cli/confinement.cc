#include "cli/confinement.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/sandbox.h"

namespace jet::cli {
namespace {

std::string FolderOf(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path().string() : ".";
}

// A link that is named leads to a file, beside which its signature is.
void AddFolders(const std::string& file, std::vector<std::string>& readable) {
  readable.push_back(FolderOf(file));
  std::error_code error;
  const std::filesystem::path target = std::filesystem::canonical(file, error);
  if (!error) readable.push_back(FolderOf(target));
}

}  // namespace

void ConfineTo(const FileOptions& files, const ConfinementOptions& options, Output& output) {
  if (files.files_from.has_value()) {
    if (output.verbose()) output.Note("not confined to the files: --files-from may name any");
    return;
  }
  std::vector<std::string> readable = files.paths;
  if (options.signature_files && !files.recursive) {
    for (const std::string& path : files.paths) AddFolders(path, readable);
  }
  if (options.explains) readable.emplace_back("/proc");
#if defined(__SANITIZE_ADDRESS__)
  readable.emplace_back("/proc");  // the sanitizer looks at its own process at the end
#endif
  const absl::Status confined = base::AllowOnlyReading(readable);
  if (!confined.ok() && output.verbose()) {
    output.Note(absl::StrCat("not confined to the files: ", confined.message()));
  }
}

}  // namespace jet::cli

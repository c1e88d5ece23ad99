#include "cli/file_options.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/option_parser.h"

namespace jet::cli {
namespace {

constexpr size_t kMaxPathList = 256 * 1024 * 1024;

absl::Status AddListedPaths(FileOptions& options) {
  const std::string& source = *options.files_from;
  base::UniqueFd file;
  if (source != "-") {
    file.Reset(open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file.valid()) return base::SystemError(errno, absl::StrCat("cannot open '", source, "'"));
  }
  const int fd = source == "-" ? STDIN_FILENO : file.get();
  JET_ASSIGN_OR_RETURN(const base::Bytes list, base::ReadBounded(fd, kMaxPathList, source));
  const char separator = options.null_separated ? '\0' : '\n';
  for (const absl::string_view path :
       absl::StrSplit(base::AsText(list), separator, absl::SkipEmpty())) {
    options.paths.emplace_back(path);
  }
  return absl::OkStatus();
}

absl::Status CheckFiles(const FileOptions& options) {
  if (options.fail_fast && options.keep_going) {
    return UsageError("--fail-fast and --keep-going contradict each other");
  }
  if (options.one_file_system && options.cross_file_systems) {
    return UsageError("--one-file-system and --cross-file-systems contradict each other");
  }
  if (options.null_separated && !options.files_from.has_value()) {
    return UsageError("-0 is about the paths of --files-from");
  }
  if (!options.recursive && !(options.include.empty() && options.exclude.empty())) {
    return UsageError("--include and --exclude choose among what is in folders, which -r walks");
  }
  return absl::OkStatus();
}

}  // namespace

void DeclareFiles(OptionParser& parser, FileOptions& options) {
  parser.Value("PATH", options.paths, "", "Files, and with -r folders");
  parser.Flag("-r,--recursive", options.recursive, "Walk folders; ELF files are found by content");
  parser.Flag("--any-file", options.any_file, "Take every regular file, not only ELF");
  parser.Flag("--scripts", options.scripts, "Take executable scripts (#!) as well");
  parser.Flag("--modules", options.modules, "Take kernel modules as well");
  parser.Value(
      "--include", options.include, "GLOB",
      "With -r only files whose name matches, or with a / in GLOB whose path in the folder "
      "does; repeatable. Files named one by one are taken all the same");
  parser.Value("--exclude", options.exclude, "GLOB",
               "With -r without files and folders that match; wins over --include");
  parser.Flag("--cross-file-systems", options.cross_file_systems,
              "Walk into other file systems (mount points)");
  parser.Flag("--one-file-system", options.one_file_system,
              "Stay out of other file systems (the default)");
  parser.Value("--files-from", options.files_from, "FILE",
               "File with a path on every line; - for standard input");
  parser.Flag("-0,--null", options.null_separated, "The paths of --files-from end with NUL");
  parser.Value("--jobs", options.jobs, "N", "Files worked on at the same time (processors)")
      .InRange(1, 1024);
  parser.Flag("--allow-empty", options.allow_empty, "Finding no file at all is no failure");
  parser.Flag("--fail-fast", options.fail_fast, "End at the first failure");
  parser.Flag("--keep-going", options.keep_going, "Do the other files all the same (the default)");
}

absl::Status CompleteFiles(const Session& session, FileOptions& options) {
  JET_RETURN_IF_ERROR(CheckFiles(options));
  if (options.files_from.has_value()) JET_RETURN_IF_ERROR(AddListedPaths(options));
  if (options.paths.empty() && !options.files_from.has_value()) {
    return UsageError("no file is named");
  }
  if (options.jobs == 0) options.jobs = session.configuration.jobs.value_or(0);
  if (!options.one_file_system && !session.configuration.one_file_system.value_or(true)) {
    options.cross_file_systems = true;
  }
  return absl::OkStatus();
}

base::FileSelectionOptions SelectionOf(const FileOptions& options, base::NamedLinks named_links) {
  base::FileSelectionOptions selection;
  selection.recursive = options.recursive;
  selection.any_file = options.any_file;
  selection.scripts = options.scripts;
  selection.modules = options.modules;
  selection.filter = base::PathFilter(options.include, options.exclude);
  selection.cross_file_systems = options.cross_file_systems;
  selection.named_links = named_links;
  return selection;
}

std::string SkippedText(const SkipCounts& counts) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < counts.by_reason.size(); ++i) {
    const size_t count = counts.by_reason[i];
    if (count == 0) continue;
    parts.push_back(absl::StrCat(count, " ", SkipReasonText(static_cast<base::SkipReason>(i))));
  }
  if (parts.empty()) return "skipped 0";
  return absl::StrCat("skipped ", counts.all(), " (", absl::StrJoin(parts, ", "), ")");
}

std::string NameForMessage(const std::string& path) { return path.empty() ? "''" : path; }

const char* SkipReasonText(base::SkipReason reason) {
  switch (reason) {
    case base::SkipReason::kNotExecutable:
      return "not ELF";
    case base::SkipReason::kUnwantedScript:
      return "script";
    case base::SkipReason::kSameInode:
      return "another name of a file already met";
    case base::SkipReason::kSignatureFile:
      return "signature file";
    case base::SkipReason::kObjectFile:
      return "object file";
    case base::SkipReason::kDebugFile:
      return "separate debug file";
    case base::SkipReason::kExcluded:
      return "excluded";
  }
  return "";
}

}  // namespace jet::cli

#include "keystore/store_layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::keystore {
namespace {

constexpr mode_t kPermissions = 07777;

constexpr LayoutRow kRoot = {".", true, 0700};
constexpr LayoutRow kKeyFolder = {"", true, 0700};

// docs/formats/keystore.md.
constexpr std::array<LayoutRow, 8> kRootEntries = {{
    {"keys", true, 0700},
    {"master.key", false, 0600},
    {"master.key.next", false, 0600},
    {"mirror-history", false, 0644},
    {"pending", true, 0700},
    {"staging", true, 0700},
    {"replaced", true, 0700},
    // Made by mkfs where the keystore is a file system of its own.
    {"lost+found", true, 0700},
}};

constexpr std::array<LayoutRow, 4> kKeyFolderEntries = {{
    {"certificate.der", false, 0644},
    {"private-key.pem", false, 0600},
    {"record.json", false, 0644},
    {"request.der", false, 0644},
}};

// What the owner must be able to do.
mode_t NeededMode(const LayoutRow& row) { return row.folder ? S_IRUSR | S_IXUSR : S_IRUSR; }

bool IsOfKind(const LayoutRow& row, mode_t mode) {
  return row.folder ? S_ISDIR(mode) : S_ISREG(mode);
}

}  // namespace

LayoutRow RootRow() { return kRoot; }
absl::Span<const LayoutRow> RootEntries() { return kRootEntries; }
LayoutRow KeyFolderRow() { return kKeyFolder; }
absl::Span<const LayoutRow> KeyFolderEntries() { return kKeyFolderEntries; }

void LayoutInspector::Inspect(int dir_fd, const std::string& name, const LayoutRow& row,
                              absl::string_view path) {
  struct stat status = {};
  if (fstatat(dir_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return;
    problems_.emplace_back(
        base::SystemError(errno, absl::StrCat("cannot stat '", path, "'")).message());
    return;
  }
  if (!IsOfKind(row, status.st_mode)) {
    problems_.push_back(
        absl::StrCat("'", path, "' is not a ", row.folder ? "folder" : "regular file"));
  } else if (status.st_uid != geteuid()) {
    problems_.push_back(absl::StrCat("'", path, "' belongs to user id ", status.st_uid,
                                     ", who could change it, and not to user id ", geteuid(),
                                     "; mend it with: chown ", geteuid(), " '", path, "'"));
  } else {
    CheckMode(dir_fd, name, row, status.st_mode & kPermissions, path);
  }
}

void LayoutInspector::CheckMode(int dir_fd, const std::string& name, const LayoutRow& row,
                                mode_t mode, absl::string_view path) {
  const mode_t needed = NeededMode(row);
  const bool allows_too_much = (mode & ~row.mode) != 0;
  if (!allows_too_much && (mode & needed) == needed) return;
  if (what_ == Layout::kMend && fchmodat(dir_fd, name.c_str(), row.mode, 0) == 0) {
    mended_.push_back(
        absl::StrFormat("set the mode of '%s' from %04o to %04o", path, mode, row.mode));
    return;
  }
  problems_.push_back(
      absl::StrFormat("'%s' has mode %04o, which %s; mend it with: chmod %04o '%s'", path, mode,
                      allows_too_much ? "lets others in" : "shuts its owner out", row.mode, path));
}

absl::Status LayoutInspector::InspectEntries(int dir_fd, absl::Span<const LayoutRow> rows,
                                             absl::string_view path) {
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names, base::ListFolder(dir_fd, path));
  for (const std::string& name : names) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&name](const LayoutRow& candidate) {
      return name == candidate.name;
    });
    const std::string entry = absl::StrCat(path, "/", name);
    if (row == rows.end()) {
      problems_.push_back(absl::StrCat("'", entry, "' is unknown: no keystore has it"));
    } else {
      Inspect(dir_fd, name, *row, entry);
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> LayoutInspector::TakeProblems() { return std::exchange(problems_, {}); }

}  // namespace jet::keystore

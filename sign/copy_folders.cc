#include "sign/copy_folders.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/file_copy.h"
#include "base/file_status.h"
#include "base/open_beneath.h"
#include "base/staged_file.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::sign {
namespace {

constexpr mode_t kRootMode = 0755;
constexpr mode_t kPrivateMode = 0700;
constexpr int kFolder = O_RDONLY | O_DIRECTORY;

std::shared_ptr<const base::UniqueFd> Share(base::UniqueFd fd) {
  return std::make_shared<const base::UniqueFd>(std::move(fd));
}

absl::StatusOr<bool> IsSameFolder(int a, int b) {
  JET_ASSIGN_OR_RETURN(const struct stat status_a, base::StatDescriptor(a, "the folder"));
  JET_ASSIGN_OR_RETURN(const struct stat status_b, base::StatDescriptor(b, "the folder"));
  return base::IsSameFile(status_a, status_b);
}

// True when the folder `fd` is `folder` or lies in it. Names could not tell: links, mounts, "..".
absl::StatusOr<bool> IsInside(int fd, const struct stat& folder) {
  JET_ASSIGN_OR_RETURN(struct stat here, base::StatDescriptor(fd, "the folder"));
  base::UniqueFd level;
  while (!base::IsSameFile(here, folder)) {
    JET_ASSIGN_OR_RETURN(base::UniqueFd above, base::OpenAt(level.valid() ? level.get() : fd, "..",
                                                            O_PATH | O_DIRECTORY));
    level = std::move(above);
    JET_ASSIGN_OR_RETURN(const struct stat next, base::StatDescriptor(level.get(), ".."));
    if (base::IsSameFile(next, here)) return false;  // the root is its own parent
    here = next;
  }
  return true;
}

absl::Status NotAFolder(const absl::Status& error, const std::string& path) {
  const int error_number = base::ErrnoOf(error);
  if (error_number != ENOTDIR && error_number != ELOOP) return error;
  return absl::FailedPreconditionError(
      absl::StrCat("'", path, "' is in the way: it is not a folder, and links are not followed"));
}

absl::Status CannotMake(int error_number, const std::string& path) {
  return base::SystemError(error_number, absl::StrCat("cannot make the folder '", path, "'"));
}

absl::Status CannotKeep(const std::string& path, const std::vector<std::string>& lost) {
  return absl::FailedPreconditionError(
      absl::StrCat("the folder '", path, "' cannot keep everything: ", absl::StrJoin(lost, "; "),
                   " (--best-effort makes it all the same)"));
}

// Returns 0 or an errno value: EEXIST when there is something of the new name.
int Rename(int folder_fd, const std::string& from, const std::string& to) {
  if (renameat2(folder_fd, from.c_str(), folder_fd, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // Without that call at most an empty folder is replaced.
  if (renameat(folder_fd, from.c_str(), folder_fd, to.c_str()) == 0) return 0;
  return errno == ENOTEMPTY || errno == ENOTDIR ? EEXIST : errno;
}

absl::Status SameOnBothSides(const std::string& path) {
  return absl::FailedPreconditionError(
      absl::StrCat("'", path, "' and the folder that is copied are the same one"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CopyFolders>> CopyFolders::Open(
    const std::string& path, const absl::optional<std::string>& tree) {
  auto folders = std::unique_ptr<CopyFolders>(new CopyFolders());
  folders->path_ = base::WithoutTrailingSlashes(path);
  if (tree.has_value()) {
    JET_ASSIGN_OR_RETURN(base::UniqueFd source, base::OpenAt(AT_FDCWD, *tree, kFolder));
    folders->root_.source = Share(std::move(source));
  }
  absl::StatusOr<base::UniqueFd> copy = base::OpenAt(AT_FDCWD, folders->path_, kFolder);
  if (copy.ok()) {
    folders->root_.copy = Share(*std::move(copy));
  } else if (absl::IsNotFound(copy.status())) {
    const size_t slash = folders->path_.rfind('/');
    folders->name_ = folders->path_.substr(slash == std::string::npos ? 0 : slash + 1);
    const std::string parent =
        slash == std::string::npos ? "." : folders->path_.substr(0, slash + 1);
    JET_ASSIGN_OR_RETURN(base::UniqueFd above, base::OpenAt(AT_FDCWD, parent, kFolder));
    folders->above_.copy = Share(std::move(above));
  } else {
    return copy.status();
  }
  JET_RETURN_IF_ERROR(folders->CheckApart());
  return folders;
}

absl::Status CopyFolders::CheckApart() const {
  if (root_.source == nullptr) return absl::OkStatus();
  const bool exists = root_.copy != nullptr;
  const int copy = exists ? root_.copy->get() : above_.copy->get();
  JET_ASSIGN_OR_RETURN(const struct stat source_status,
                       base::StatDescriptor(root_.source->get(), "the tree"));
  JET_ASSIGN_OR_RETURN(bool mixed, IsInside(copy, source_status));
  if (!mixed && exists) {
    JET_ASSIGN_OR_RETURN(const struct stat copy_status, base::StatDescriptor(copy, path_));
    JET_ASSIGN_OR_RETURN(mixed, IsInside(root_.source->get(), copy_status));
  }
  if (!mixed) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", path_, "' and the folder to be copied lie one in the other"));
}

absl::Status CopyFolders::OpenRoot(Missing missing, CopyPlace& place) {
  if (root_.copy != nullptr || missing == Missing::kLeave) return absl::OkStatus();
  root_.path = path_;
  // The copy of a private tree is as private as the tree.
  if (root_.source != nullptr) return MakeCopy(above_, name_, missing, root_, place);
  const int above = above_.copy->get();
  if (mkdirat(above, name_.c_str(), kRootMode) != 0 && errno != EEXIST) {
    return CannotMake(errno, path_);
  }
  absl::StatusOr<base::UniqueFd> copy = base::OpenAt(above, name_, kFolder | O_NOFOLLOW);
  if (!copy.ok()) return NotAFolder(copy.status(), path_);
  root_.copy = Share(*std::move(copy));
  return absl::OkStatus();
}

absl::StatusOr<CopyPlace> CopyFolders::Place(const std::string& path_in_tree, Missing missing) {
  if (!base::IsBeneath(path_in_tree)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path_in_tree, "' does not name a file below the folder"));
  }
  CopyPlace place;
  std::vector<std::string> components = absl::StrSplit(path_in_tree, '/');
  place.name = std::move(components.back());
  components.pop_back();
  place.path = absl::StrCat(path_, "/", path_in_tree);
  const std::string folder_path = absl::StrJoin(components, "/");

  const std::lock_guard<std::mutex> lock(mutex_);
  JET_RETURN_IF_ERROR(OpenRoot(missing, place));
  if (last_.copy == nullptr || folder_path != last_path_) {
    Pair folder = root_;
    folder.path = path_;
    for (const std::string& name : components) {
      if (folder.copy == nullptr) return place;
      JET_ASSIGN_OR_RETURN(folder, Enter(folder, name, missing, place));
    }
    last_ = std::move(folder);
    last_path_ = folder_path;
  }
  place.folder = last_.copy;
  return place;
}

absl::StatusOr<CopyFolders::Pair> CopyFolders::Enter(const Pair& parent, const std::string& name,
                                                     Missing missing, CopyPlace& place) {
  Pair entered;
  entered.path = absl::StrCat(parent.path, "/", name);
  JET_ASSIGN_OR_RETURN(base::UniqueFd source,
                       base::OpenAt(parent.source->get(), name, kFolder | O_NOFOLLOW));
  entered.source = Share(std::move(source));
  // A bind mount can show a part of the tree where the copies go.
  JET_ASSIGN_OR_RETURN(bool same, IsSameFolder(entered.source->get(), root_.copy->get()));
  if (same) return SameOnBothSides(path_);
  absl::StatusOr<base::UniqueFd> copy =
      base::OpenAt(parent.copy->get(), name, kFolder | O_NOFOLLOW);
  if (copy.ok()) {
    JET_ASSIGN_OR_RETURN(same, IsSameFolder(entered.source->get(), copy->get()));
    if (same) return SameOnBothSides(entered.path);
    entered.copy = Share(*std::move(copy));
  } else if (!absl::IsNotFound(copy.status())) {
    return NotAFolder(copy.status(), entered.path);
  } else if (missing != Missing::kLeave) {
    JET_RETURN_IF_ERROR(MakeCopy(parent, name, missing, entered, place));
  }
  return entered;
}

// Made under a hidden name that it loses when it has all: whoever is killed, or works here at the
// same time, leaves nobody a folder that is not as it should be.
absl::Status CopyFolders::MakeCopy(const Pair& parent, const std::string& name, Missing missing,
                                   Pair& made, CopyPlace& place) {
  const int above = parent.copy->get();
  JET_ASSIGN_OR_RETURN(const std::string hidden, base::TemporaryName(name));
  if (mkdirat(above, hidden.c_str(), kPrivateMode) != 0) return CannotMake(errno, made.path);
  const absl::Status status = FinishCopy(parent, {hidden, name}, missing, made, place);
  if (!status.ok()) (void)unlinkat(above, hidden.c_str(), AT_REMOVEDIR);
  // Somebody else made it meanwhile.
  if (base::ErrnoOf(status) != EEXIST) return status;
  absl::StatusOr<base::UniqueFd> other = base::OpenAt(above, name, kFolder | O_NOFOLLOW);
  if (!other.ok()) return NotAFolder(other.status(), made.path);
  made.copy = Share(*std::move(other));
  return absl::OkStatus();
}

absl::Status CopyFolders::FinishCopy(const Pair& parent, const Names& names, Missing missing,
                                     Pair& made, CopyPlace& place) {
  const int above = parent.copy->get();
  JET_ASSIGN_OR_RETURN(base::UniqueFd copy,
                       base::OpenAt(above, names.hidden, kFolder | O_NOFOLLOW));
  JET_ASSIGN_OR_RETURN(const struct stat status,
                       base::StatDescriptor(made.source->get(), names.final));
  const std::vector<std::string> lost =
      base::CopyAttributes(made.source->get(), status, copy.get());
  if (!lost.empty() && missing != Missing::kMakeSoGood) return CannotKeep(made.path, lost);
  const int error_number = Rename(above, names.hidden, names.final);
  if (error_number != 0) return CannotMake(error_number, made.path);
  for (const std::string& loss : lost) {
    place.lost.push_back(absl::StrCat("folder '", made.path, "': ", loss));
  }
  made.copy = Share(std::move(copy));
  return absl::OkStatus();
}

}  // namespace jet::sign

// The folders that signed copies are put into.
#ifndef JET_SIGN_COPY_FOLDERS_H_
#define JET_SIGN_COPY_FOLDERS_H_

#include <sys/stat.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "base/unique_fd.h"

namespace jet::sign {

// Where one copy goes.
struct CopyPlace {
  std::shared_ptr<const base::UniqueFd> folder;  // null when it does not exist
  std::string name;                              // in the folder
  std::string path;                              // for messages
  std::vector<std::string> lost;  // what the folders made for it could not keep, in words
};

// The folder that copies go into, with the folders below it, which are as those below the folder
// that the files come from. They are opened one component at a time from the first and last of
// them, and no link is followed. Thread-safe.
class CopyFolders {
 public:
  enum class Missing {
    kLeave,      // is told of
    kMake,       // is made; one that could not keep all is an error, and gone again
    kMakeSoGood  // is made, as far as that is possible
  };

  // Prepares copies into the folder `path` of what is below the folder `tree`, or without that of
  // files that need no folders. Makes nothing: `path`, when only its last component is missing, is
  // made when the first copy needs it: as `tree` is, or without one 0755, which the umask may
  // narrow. One that exists is left as it is. INVALID_ARGUMENT when
  // the two folders are the same one or one lies in the other, whatever their names.
  static absl::StatusOr<std::unique_ptr<CopyFolders>> Open(const std::string& path,
                                                           const absl::optional<std::string>& tree);

  // Returns where the copy of `path_in_tree` goes (base::IsBeneath). FAILED_PRECONDITION when a
  // folder on the way could not keep all, or is the same one here and in the tree, which two
  // mounts of a file system can bring about.
  absl::StatusOr<CopyPlace> Place(const std::string& path_in_tree, Missing missing);

 private:
  // A folder of the copies and the one that it is a copy of.
  struct Pair {
    std::string path;                              // of the copy, for messages
    std::shared_ptr<const base::UniqueFd> copy;    // null when it does not exist
    std::shared_ptr<const base::UniqueFd> source;  // null without a tree
  };

  struct Names {
    std::string hidden;
    std::string final;
  };

  CopyFolders() = default;

  absl::Status CheckApart() const;
  absl::Status OpenRoot(Missing missing, CopyPlace& place);
  absl::StatusOr<Pair> Enter(const Pair& parent, const std::string& name, Missing missing,
                             CopyPlace& place);
  static absl::Status MakeCopy(const Pair& parent, const std::string& name, Missing missing,
                               Pair& made, CopyPlace& place);
  static absl::Status FinishCopy(const Pair& parent, const Names& names, Missing missing,
                                 Pair& made, CopyPlace& place);

  std::string path_;
  std::string name_;  // the last component
  Pair above_;        // the folder above; only when `path_` did not exist
  std::mutex mutex_;
  Pair root_;
  // The folder used last: files of one folder mostly follow each other.
  std::string last_path_;
  Pair last_;
};

}  // namespace jet::sign

#endif  // JET_SIGN_COPY_FOLDERS_H_

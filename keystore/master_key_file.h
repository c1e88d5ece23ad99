// The file that holds the store key, in the keystore or elsewhere, and the one beside it that holds
// the next store key while a rekey is under way.
#ifndef JET_KEYSTORE_MASTER_KEY_FILE_H_
#define JET_KEYSTORE_MASTER_KEY_FILE_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/unique_fd.h"
#include "crypto/secret.h"

namespace jet::keystore {

// The file in the keystore's folder that holds the store key, and what follows its name, and that
// of any file of a store key, in the name of the next one's.
inline constexpr char kMasterKeyFile[] = "master.key";
inline constexpr char kNextSuffix[] = ".next";

// The keystore that a store key belongs to, as far as its file is concerned. Descriptors are the
// caller's and must stay open.
struct MasterKeyHome {
  std::string path;  // of the keystore
  int folder = -1;   // the keystore's folder
  int staging = -1;  // its staging/; -1 when the keystore is open for reading only
};

// Every change is one rename of a file that was written and synced before, in a folder that is then
// synced. Move only.
class MasterKeyFile {
 public:
  // Opens the folder of the file: `path`, through links, or master.key of the keystore when that is
  // empty. The file itself need not be there.
  static absl::StatusOr<MasterKeyFile> Open(const MasterKeyHome& home, const std::string& path);

  const std::string& path() const { return path_; }
  std::string next_path() const { return path_ + kNextSuffix; }

  // Reads a file. NOT_FOUND when there is none, FAILED_PRECONDITION when others may use it, or, for
  // one that is not in the keystore, when it belongs to neither the caller nor root.
  absl::StatusOr<crypto::Secret> Read() const { return ReadNamed(name_, path_); }
  absl::StatusOr<crypto::Secret> ReadNext() const {
    return ReadNamed(name_ + kNextSuffix, next_path());
  }

  // Makes a file, mode 0600. FAILED_PRECONDITION when the keystore is open for reading, as for all
  // changes; ALREADY_EXISTS when there is one.
  absl::Status Create(base::ByteSpan content) const;
  absl::Status CreateNext(base::ByteSpan content) const;

  // Puts `content` in the place of what the file holds.
  absl::Status Replace(base::ByteSpan content) const;

  // Puts the next file in the place of the file.
  absl::Status PromoteNext() const;

  // Syncs the folder that the file is in.
  absl::Status Sync() const;

 private:
  explicit MasterKeyFile(std::string path) : path_(std::move(path)) {}

  absl::Status OpenOutside(bool writable);
  absl::StatusOr<crypto::Secret> ReadNamed(const std::string& name, const std::string& path) const;
  absl::Status CreateNamed(const std::string& name, base::ByteSpan content) const;
  absl::StatusOr<std::string> Stage(base::ByteSpan content) const;
  absl::Status CheckWritable() const;

  std::string path_;  // for people
  std::string name_ = kMasterKeyFile;
  std::string folder_path_;
  base::UniqueFd outside_;  // the file's folder when it is not the keystore
  int folder_ = -1;         // where the file is
  int staging_ = -1;        // where it is written; -1 for reading only
};

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_MASTER_KEY_FILE_H_

// Signs copies of files and leaves the files alone.
#ifndef JET_SIGN_COPY_SIGNER_H_
#define JET_SIGN_COPY_SIGNER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "crypto/digest.h"
#include "sign/copy_folders.h"
#include "sign/file_signer.h"

namespace jet::sign {

struct CopySource {
  int fd;                    // open for reading only
  std::string path;          // for messages
  std::string path_in_copy;  // where the copy goes, below the folder of the copies
};

// Makes signed copies. Thread-safe, as long as every thread brings its own Hasher.
class CopySigner {
 public:
  // `signer` and `folders` are not owned and must outlive this object. With `best_effort` a copy
  // that could not keep everything of its source stays, and SignOutcome::lost tells what it lacks.
  CopySigner(const FileSigner& signer, CopyFolders& folders, bool best_effort)
      : signer_(signer), folders_(folders), best_effort_(best_effort) {}

  // Makes a copy of `source` that has its data, owner, mode, extended attributes with ACLs and file
  // capabilities, and times, and in security.ima a signature over the data that the copy has. It
  // gets its name when it has all of that, in place of a regular file. Nothing of the source is
  // changed.
  // kSigned also for a source that is signed by this key: the copy has that signature. kKept when
  // the copy has the source's signature by another known key. kAlreadyValid when there is a copy
  // already, with the data and attributes of the source and a valid signature: nothing is written.
  // FAILED_PRECONDITION when something could not be kept, or what has the copy's name is not a
  // regular file; ABORTED when the source changed again and again. Then there is no copy, or still
  // the old one; folders that were made for it may stay.
  absl::StatusOr<SignOutcome> Sign(const CopySource& source, crypto::Hasher& hasher);

 private:
  absl::StatusOr<SignOutcome> SignOnce(const CopySource& source, const CopyPlace& place,
                                       crypto::Hasher& hasher) const;
  absl::StatusOr<SignOutcome> Copy(const CopySource& source, const CopyPlace& place,
                                   crypto::Hasher& hasher) const;
  absl::StatusOr<SignOutcome> WouldSign(const CopySource& source, crypto::Hasher& hasher) const;
  absl::StatusOr<absl::optional<SignOutcome>> FindCopy(const CopySource& source,
                                                       const CopyPlace& place,
                                                       crypto::Hasher& hasher) const;
  CopyFolders::Missing WhenFoldersAreMissing() const;

  const FileSigner& signer_;
  CopyFolders& folders_;
  const bool best_effort_;
};

}  // namespace jet::sign

#endif  // JET_SIGN_COPY_SIGNER_H_

// A folder that is being listed, with one owner.
#ifndef JET_BASE_UNIQUE_DIR_H_
#define JET_BASE_UNIQUE_DIR_H_

#include <dirent.h>

#include <memory>

namespace jet::base {

struct DirCloser {
  void operator()(DIR* dir) const { (void)closedir(dir); }
};

// Owns what fdopendir(3) or opendir(3) returned, and with it the descriptor; null when that failed.
// readdir(3) of one such object is for one thread at a time.
using UniqueDir = std::unique_ptr<DIR, DirCloser>;

}  // namespace jet::base

#endif  // JET_BASE_UNIQUE_DIR_H_

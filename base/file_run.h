// Does something with every selected file, on several threads.
#ifndef JET_BASE_FILE_RUN_H_
#define JET_BASE_FILE_RUN_H_

#include <string>
#include <vector>

#include "base/file_selection.h"

namespace jet::base {

// What is done with the files of a run. OnFile is called from the worker threads at the same time;
// the others from the thread that runs, possibly at the same time as OnFile.
class FileRunHandler {
 public:
  virtual ~FileRunHandler() = default;
  // `worker` counts from 0 to one less than the number of workers; no two calls with the same
  // number overlap.
  virtual void OnFile(SelectedFile file, int worker) = 0;
  // `fd` is the file, open for reading, and the caller's; -1 for one that is kExcluded.
  virtual void OnSkipped(const std::string& path, SkipReason reason, int fd) = 0;
  // A folder is on another file system, and is not entered.
  virtual void OnNotEntered(const std::string& path) = 0;
  virtual void OnError(const std::string& path, const absl::Status& error) = 0;
};

// Selects the files of `paths` and hands them to `handler`, `workers` at a time (at least 1).
// Returns when all are done, or, once `options.stopped` says so, when those that a worker has are:
// the ones that still wait for a worker are dropped. However many files there are, only a bounded
// number is open.
void RunOverFiles(const std::vector<std::string>& paths, const FileSelectionOptions& options,
                  int workers, FileRunHandler& handler);

// Returns how many workers suit `paths`: `wanted`, or where that is 0 the number of processors this
// process may use; never more than there can be files to work on, or descriptors for.
int WorkerCount(int wanted, const std::vector<std::string>& paths,
                const FileSelectionOptions& options);

}  // namespace jet::base

#endif  // JET_BASE_FILE_RUN_H_

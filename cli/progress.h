// Shows on a terminal how far a run over many files is.
#ifndef JET_CLI_PROGRESS_H_
#define JET_CLI_PROGRESS_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "cli/output.h"

namespace jet::cli {

// How far a run is.
struct ProgressFigures {
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t total_bytes = 0;  // 0: not known yet
  absl::Duration elapsed;
};

// "1234 files, 567 MB, 210 MB/s, 12 s left"; the time left only where it can be told.
std::string ProgressText(const ProgressFigures& figures);

// Shows a line several times a second, from threads of its own, as long as it lives; nothing at all
// where the output shows no progress. How much there is to do is found by a walk of its own over
// the sizes of the files below `paths`, each on one file system; without any it is never known.
class Progress {
 public:
  Progress(Output& output, std::vector<std::string> paths);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // A file of so many bytes is done with. Thread-safe, and without a lock.
  void Done(uint64_t bytes) {
    files_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }

 private:
  void Show();
  void Measure(const std::vector<std::string>& paths);

  Output& output_;
  const absl::Time begin_;
  std::atomic<uint64_t> files_{0};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> total_bytes_{0};
  std::atomic<bool> ended_{false};
  std::mutex mutex_;
  std::condition_variable end_;  // that `ended_` is set
  std::vector<std::thread> threads_;
};

}  // namespace jet::cli

#endif  // JET_CLI_PROGRESS_H_

#include "base/file_run.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "base/worker_pool.h"

namespace jet::base {
namespace {

// Enough that no worker waits for the walk, few enough that descriptors never run out.
constexpr size_t kQueuedPerWorker = 16;
constexpr int kMostWorkers = 1024;
constexpr size_t kMostQueued = 256;  // with as many folders open still well below the usual 1024

size_t QueueCapacity(int workers, bool keep_folders) {
  const size_t capacity = std::min(kQueuedPerWorker * static_cast<size_t>(workers), kMostQueued);
  // Each file may then hold a folder of its own.
  return keep_folders ? capacity / 2 : capacity;
}

class PoolFeeder : public FileSelectionObserver {
 public:
  PoolFeeder(int workers, const FileSelectionOptions& options, FileRunHandler& handler)
      : handler_(handler),
        pool_(workers, QueueCapacity(workers, options.keep_folders),
              [&handler, &options](SelectedFile file, int worker) {
                if (options.stopped && options.stopped()) return;
                handler.OnFile(std::move(file), worker);
              }) {}

  void OnSelected(SelectedFile file) override { pool_.Submit(std::move(file)); }
  void OnSkipped(const std::string& path, SkipReason reason, int fd) override {
    handler_.OnSkipped(path, reason, fd);
  }
  void OnNotEntered(const std::string& path) override { handler_.OnNotEntered(path); }
  void OnError(const std::string& path, const absl::Status& error) override {
    handler_.OnError(path, error);
  }

  void Finish() { pool_.Finish(); }

 private:
  FileRunHandler& handler_;
  WorkerPool<SelectedFile> pool_;
};

// A worker holds its file, the folder of that and what it writes, besides the files in the queue
// and the folders of the walk. More workers than there are descriptors for would fail files that
// nothing is wrong with.
int MostWorkers() {
  constexpr rlim_t kPerWorker = 4;
  constexpr rlim_t kOthers = 32;
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kMostWorkers;
  const rlim_t without_walk = limit.rlim_cur - limit.rlim_cur / 4;
  const rlim_t left = without_walk > kOthers ? without_walk - kOthers : 0;
  const rlim_t workers = std::max(left / (kPerWorker + kQueuedPerWorker),
                                  left > kMostQueued ? (left - kMostQueued) / kPerWorker : 0);
  return static_cast<int>(std::clamp<rlim_t>(workers, 1, kMostWorkers));
}

int AvailableProcessors() {
  cpu_set_t processors;
  if (sched_getaffinity(0, sizeof(processors), &processors) != 0) return 1;
  return std::max(1, CPU_COUNT(&processors));
}

}  // namespace

void RunOverFiles(const std::vector<std::string>& paths, const FileSelectionOptions& options,
                  int workers, FileRunHandler& handler) {
  PoolFeeder feeder(workers, options, handler);
  SelectFiles(paths, options, feeder);
  feeder.Finish();
}

int WorkerCount(int wanted, const std::vector<std::string>& paths,
                const FileSelectionOptions& options) {
  const int workers = std::min(wanted > 0 ? wanted : AvailableProcessors(), MostWorkers());
  if (options.recursive) return workers;
  return std::clamp(static_cast<int>(paths.size()), 1, workers);
}

}  // namespace jet::base

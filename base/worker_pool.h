// Threads that take jobs from a bounded queue.
#ifndef JET_BASE_WORKER_POOL_H_
#define JET_BASE_WORKER_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace jet::base {

// Runs `work` for every submitted job. With one worker no thread is started: Submit does the job
// itself. With more, each has a number from 0 on, so that work can keep state per worker without a
// lock. Submit and Finish are for one thread, the one that made the pool.
template <typename Job>
class WorkerPool {
 public:
  using Work = std::function<void(Job job, int worker)>;

  // At most `capacity` jobs wait in the queue; `workers` is at least 1.
  WorkerPool(int workers, size_t capacity, Work work)
      : capacity_(capacity), work_(std::move(work)) {
    if (workers <= 1) return;
    threads_.reserve(static_cast<size_t>(workers));
    for (int worker = 0; worker < workers; ++worker) {
      // Where the system gives no more threads, fewer do the same work; without any, Submit does
      // it.
      try {
        threads_.emplace_back([this, worker] { Loop(worker); });
      } catch (const std::system_error&) {
        break;
      }
    }
  }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool() { Finish(); }

  // Hands in a job; waits while the queue is full.
  void Submit(Job job) {
    if (threads_.empty()) {
      work_(std::move(job), 0);
      return;
    }
    std::unique_lock<std::mutex> lock(mutex_);
    if (queue_.size() >= capacity_) {
      // Until half of it is done: to be woken for every single job costs more than small jobs do.
      waits_for_space_ = true;
      space_.wait(lock, [this] { return queue_.size() <= capacity_ / 2; });
      waits_for_space_ = false;
    }
    queue_.push_back(std::move(job));
    const bool wake = idle_ > 0;
    lock.unlock();
    if (wake) jobs_.notify_one();
  }

  // Waits until every job is done and ends the threads. No job may be submitted afterwards.
  void Finish() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      finished_ = true;
    }
    jobs_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void Loop(int worker) {
    while (true) {
      std::unique_lock<std::mutex> lock(mutex_);
      ++idle_;
      jobs_.wait(lock, [this] { return finished_ || !queue_.empty(); });
      --idle_;
      if (queue_.empty()) return;
      Job job = std::move(queue_.front());
      queue_.pop_front();
      const bool wake = waits_for_space_ && queue_.size() <= capacity_ / 2;
      lock.unlock();
      if (wake) space_.notify_one();
      work_(std::move(job), worker);
    }
  }

  const size_t capacity_;
  const Work work_;
  std::mutex mutex_;
  std::condition_variable jobs_;
  std::condition_variable space_;
  std::deque<Job> queue_;
  bool finished_ = false;
  bool waits_for_space_ = false;  // Submit does
  int idle_ = 0;                  // workers that wait for a job
  std::vector<std::thread> threads_;
};

}  // namespace jet::base

#endif  // JET_BASE_WORKER_POOL_H_

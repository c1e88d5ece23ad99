#include "base/worker_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace jet::base {
namespace {

using testing::Each;

constexpr int kJobs = 1000;

// Submits kJobs to `workers` workers and counts how often each was done.
std::vector<int> CountsWith(int workers, size_t capacity) {
  std::vector<std::atomic<int>> done(kJobs);
  WorkerPool<int> pool(workers, capacity, [&](int job, int worker) {
    EXPECT_GE(worker, 0);
    EXPECT_LT(worker, workers);
    ++done[static_cast<size_t>(job)];
  });
  for (int job = 0; job < kJobs; ++job) pool.Submit(job);
  pool.Finish();
  return std::vector<int>(done.begin(), done.end());
}

TEST(WorkerPoolTest, OneWorkerDoesEveryJobOnce) { EXPECT_THAT(CountsWith(1, 4), Each(1)); }

TEST(WorkerPoolTest, EightWorkersDoEveryJobOnce) {
  EXPECT_THAT(CountsWith(8, 1), Each(1));
  EXPECT_THAT(CountsWith(8, 16), Each(1));
}

TEST(WorkerPoolTest, OneWorkerIsTheThreadThatSubmits) {
  std::thread::id worked_in;
  WorkerPool<int> pool(1, 1, [&](int, int) { worked_in = std::this_thread::get_id(); });
  pool.Submit(0);
  EXPECT_EQ(worked_in, std::this_thread::get_id());
}

TEST(WorkerPoolTest, EachWorkerHasANumberOfItsOwn) {
  // Eight jobs that wait for each other end only if eight workers run them.
  std::vector<std::thread::id> thread_of(8);
  std::latch all_running(8);
  WorkerPool<int> pool(8, 8, [&](int, int worker) {
    thread_of[static_cast<size_t>(worker)] = std::this_thread::get_id();
    all_running.arrive_and_wait();
  });
  for (int job = 0; job < 8; ++job) pool.Submit(job);
  pool.Finish();
  EXPECT_THAT(thread_of, Each(testing::Ne(std::thread::id())));
}

TEST(WorkerPoolTest, JobsMayBeMoveOnly) {
  std::atomic<int> sum = 0;
  WorkerPool<std::unique_ptr<int>> pool(2, 2, [&](std::unique_ptr<int> job, int) { sum += *job; });
  for (int job = 1; job <= 10; ++job) pool.Submit(std::make_unique<int>(job));
  pool.Finish();
  EXPECT_EQ(sum, 55);
}

TEST(WorkerPoolTest, SubmitWaitsWhileTheQueueIsFull) {
  constexpr int kWorkers = 2;
  constexpr int kCapacity = 3;
  std::latch gate(1);
  std::atomic<int> submitted = 0;
  std::atomic<int> done = 0;
  std::thread submitter([&] {
    WorkerPool<int> pool(kWorkers, kCapacity, [&](int, int) {
      gate.wait();
      ++done;
    });
    for (int job = 0; job < 20; ++job) {
      pool.Submit(job);
      ++submitted;
    }
    pool.Finish();
  });
  // Both workers hold a job and the queue fills up; what is beyond that has to wait.
  while (submitted < kWorkers + kCapacity) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(submitted, kWorkers + kCapacity);
  EXPECT_EQ(done, 0);
  gate.count_down();
  submitter.join();
  EXPECT_EQ(submitted, 20);
  EXPECT_EQ(done, 20);
}

TEST(WorkerPoolTest, TheQueueNeverHoldsMoreThanItsCapacity) {
  constexpr int kWorkers = 8;
  constexpr int kCapacity = 5;
  std::atomic<int> begun = 0;
  WorkerPool<int> pool(kWorkers, kCapacity, [&](int, int) {
    ++begun;
    std::this_thread::yield();
  });
  int most = 0;
  for (int job = 1; job <= kJobs; ++job) {
    pool.Submit(job);
    // A worker that has taken a job but not begun it yet counts as waiting too.
    most = std::max(most, job - begun);
  }
  pool.Finish();
  EXPECT_LE(most, kCapacity + kWorkers);
  EXPECT_EQ(begun, kJobs);
}

TEST(WorkerPoolTest, TheEndOfThePoolFinishesWhatWasSubmitted) {
  std::atomic<int> done = 0;
  {
    WorkerPool<int> pool(4, 100, [&](int, int) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++done;
    });
    for (int job = 0; job < 50; ++job) pool.Submit(job);
  }
  EXPECT_EQ(done, 50);
}

}  // namespace
}  // namespace jet::base

#include "base/file_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/base/child.h"
#include "tests/base/elf.h"
#include "tests/base/scratch_folder.h"

namespace jet::base {
namespace {

using testing::ElementsAre;

class Counter : public FileRunHandler {
 public:
  explicit Counter(int workers, std::chrono::microseconds time = std::chrono::microseconds(500))
      : time_(time), busy_(static_cast<size_t>(workers)) {}

  void OnFile(SelectedFile /*file*/, int worker) override {
    std::atomic<int>& busy = busy_.at(static_cast<size_t>(worker));
    if (++busy != 1) ++overlaps;
    std::this_thread::sleep_for(time_);
    --busy;
    ++files;
  }
  void OnSkipped(const std::string& path, SkipReason /*reason*/, int /*fd*/) override {
    skipped.push_back(path);
  }
  void OnNotEntered(const std::string& /*path*/) override {}
  void OnError(const std::string& path, const absl::Status& error) override {
    errors.push_back(absl::StrCat(path, ": ", error.ToString()));
  }

  std::atomic<int> files = 0;
  std::atomic<int> overlaps = 0;
  std::vector<std::string> skipped;
  std::vector<std::string> errors;

 private:
  const std::chrono::microseconds time_;  // that a file takes
  std::vector<std::atomic<int>> busy_;
};

FileSelectionOptions Recursive() {
  FileSelectionOptions options;
  options.recursive = true;
  return options;
}

void MakePrograms(const test::ScratchFolder& folder, int count) {
  for (int i = 0; i < count; ++i) folder.Write(absl::StrCat("program", i), test::ElfHeader());
}

TEST(FileRunTest, EveryFileIsHandledOnceByAnyNumberOfWorkers) {
  const test::ScratchFolder folder;
  MakePrograms(folder, 200);
  folder.Write("text", "hello");
  for (const int workers : {1, 2, 8}) {
    Counter counter(workers);
    RunOverFiles({folder.path(), folder.Path("missing")}, Recursive(), workers, counter);
    EXPECT_EQ(counter.files, 200);
    EXPECT_EQ(counter.overlaps, 0);
    EXPECT_THAT(counter.skipped, ElementsAre(folder.Path("text")));
    EXPECT_THAT(counter.errors, ElementsAre(testing::HasSubstr("missing: NOT_FOUND")));
  }
}

TEST(FileRunTest, ManyFilesAndWorkersStayBelowTheUsualLimitOfDescriptors) {
  constexpr int kWorkers = 128;
  const test::ScratchFolder folder;
  MakePrograms(folder, 3000);
  EXPECT_EQ(test::InChild([&]() -> std::string {
              const rlimit usual = {1024, 1024};
              if (setrlimit(RLIMIT_NOFILE, &usual) != 0) return "no limit was set";
              // So slow that the queue fills up.
              Counter counter(kWorkers, std::chrono::milliseconds(30));
              RunOverFiles({folder.path()}, Recursive(), kWorkers, counter);
              return absl::StrCat(counter.files.load(), " files, ", counter.errors.size(),
                                  " errors");
            }),
            "3000 files, 0 errors");
}

TEST(FileRunTest, FilesThatComeWithTheirFoldersDoSoToo) {
  constexpr int kWorkers = 128;
  const test::ScratchFolder folder;
  for (int i = 0; i < 1500; ++i) folder.Write(absl::StrCat(i, "/program"), test::ElfHeader());
  EXPECT_EQ(test::InChild([&]() -> std::string {
              const rlimit usual = {1024, 1024};
              if (setrlimit(RLIMIT_NOFILE, &usual) != 0) return "no limit was set";
              Counter counter(kWorkers, std::chrono::milliseconds(30));
              FileSelectionOptions options = Recursive();
              options.keep_folders = true;
              RunOverFiles({folder.path()}, options, kWorkers, counter);
              return absl::StrCat(counter.files.load(), " files, ", counter.errors.size(),
                                  " errors");
            }),
            "1500 files, 0 errors");
}

TEST(FileRunTest, ARunThatIsStoppedFinishesTheFilesInHandAndTakesNoOther) {
  constexpr int kWorkers = 4;
  const test::ScratchFolder folder;
  MakePrograms(folder, 500);
  for (const int workers : {1, kWorkers}) {
    Counter counter(workers, std::chrono::milliseconds(1));
    FileSelectionOptions options = Recursive();
    options.stopped = [&counter] { return counter.files >= 20; };
    RunOverFiles({folder.path(), folder.Path("missing")}, options, workers, counter);
    EXPECT_GE(counter.files, 20);
    EXPECT_LT(counter.files, 20 + workers);
    EXPECT_THAT(counter.errors, testing::IsEmpty());
  }
}

TEST(WorkerCountTest, NeverMoreThanThereAreFiles) {
  EXPECT_EQ(WorkerCount(8, {"a"}, {}), 1);
  EXPECT_EQ(WorkerCount(8, {"a", "b"}, {}), 2);
  EXPECT_EQ(WorkerCount(2, {"a", "b", "c"}, {}), 2);
  EXPECT_EQ(WorkerCount(8, {}, {}), 1);
  EXPECT_EQ(WorkerCount(8, {"a"}, Recursive()), 8);
}

TEST(WorkerCountTest, NeverMoreThanThereAreDescriptorsFor) {
  const auto with_limit = [](rlim_t descriptors) {
    return test::InChild([descriptors] {
      const rlimit limit = {descriptors, descriptors};
      if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return std::string("no limit");
      return absl::StrCat(WorkerCount(1024, {"a"}, Recursive()));
    });
  };
  EXPECT_EQ(with_limit(16), "1");
  EXPECT_EQ(with_limit(256), "8");
  EXPECT_EQ(with_limit(1024), "120");
  EXPECT_EQ(with_limit(20000), "1024");
}

TEST(WorkerCountTest, WithoutAWishItIsTheProcessorsOfThisProcess) {
  EXPECT_EQ(test::InChild([] {
              cpu_set_t one;
              CPU_ZERO(&one);
              CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
              if (sched_setaffinity(0, sizeof(one), &one) != 0) return std::string("not bound");
              return absl::StrCat(WorkerCount(0, {"a"}, Recursive()));
            }),
            "1");
}

}  // namespace
}  // namespace jet::base

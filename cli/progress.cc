#include "cli/progress.h"

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace jet::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kInterval(200);
constexpr uint64_t kMegabyte = 1000000;
// Before that a rate says nothing.
constexpr absl::Duration kFirstGuess = absl::Seconds(1);

// Adds up the sizes of regular files on the file system of a root.
class Sizes {
 public:
  // A new root.
  void Begin(const fs::path& path) {
    struct stat status = {};
    if (stat(path.c_str(), &status) != 0) return;
    device_ = status.st_dev;
    if (S_ISREG(status.st_mode)) Add(status);
  }

  // Returns false for what is on another file system.
  bool Meet(const fs::path& path) {
    struct stat status = {};
    if (lstat(path.c_str(), &status) != 0 || status.st_dev != device_) return false;
    if (S_ISREG(status.st_mode)) Add(status);
    return true;
  }

  uint64_t total() const { return total_; }

 private:
  void Add(const struct stat& status) { total_ += static_cast<uint64_t>(status.st_size); }

  dev_t device_ = 0;
  uint64_t total_ = 0;
};

}  // namespace

std::string ProgressText(const ProgressFigures& figures) {
  std::string text = absl::StrCat(figures.files, " files, ", figures.bytes / kMegabyte, " MB");
  const double seconds = absl::ToDoubleSeconds(figures.elapsed);
  if (figures.elapsed < kFirstGuess) return text;
  const double rate = static_cast<double>(figures.bytes) / seconds;
  absl::StrAppendFormat(&text, ", %.0f MB/s", rate / static_cast<double>(kMegabyte));
  if (figures.total_bytes > figures.bytes && rate >= 1) {
    absl::StrAppendFormat(&text, ", %.0f s left",
                          static_cast<double>(figures.total_bytes - figures.bytes) / rate);
  }
  return text;
}

Progress::Progress(Output& output, std::vector<std::string> paths)
    : output_(output), begin_(absl::Now()) {
  if (!output_.shows_progress()) return;
  // It is a courtesy: where there are no more threads the work goes on without it.
  try {
    threads_.emplace_back([this] { Show(); });
    threads_.emplace_back([this, paths = std::move(paths)] { Measure(paths); });
  } catch (const std::system_error&) {
    return;
  }
}

Progress::~Progress() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
  }
  end_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  output_.Progress("");
}

void Progress::Show() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!end_.wait_for(lock, kInterval, [this] { return ended_.load(); })) {
    output_.Progress(ProgressText({.files = files_,
                                   .bytes = bytes_,
                                   .total_bytes = total_bytes_,
                                   .elapsed = absl::Now() - begin_}));
  }
}

void Progress::Measure(const std::vector<std::string>& paths) {
  Sizes sizes;
  std::error_code error;
  for (const std::string& path : paths) {
    sizes.Begin(path);
    constexpr auto kOptions = fs::directory_options::skip_permission_denied;
    fs::recursive_directory_iterator walk(path, kOptions, error);
    for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
      if (ended_) return;
      if (!sizes.Meet(walk->path())) walk.disable_recursion_pending();
    }
  }
  // All at once: a part of it would promise too early an end.
  total_bytes_ = sizes.total();
}

}  // namespace jet::cli

#include "cli/progress.h"

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

uint64_t SizeOf(const fs::directory_entry& entry) {
  std::error_code error;
  if (!entry.is_regular_file(error) || entry.is_symlink(error)) return 0;
  const uint64_t size = entry.file_size(error);
  return error ? 0 : size;
}

}  // namespace

std::string ProgressText(const ProgressFigures& figures) {
  std::string text =
      absl::StrCat(figures.files, " files, ", figures.bytes / kMegabyte, " MB");
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
  uint64_t total = 0;
  std::error_code error;
  for (const std::string& path : paths) {
    total += SizeOf(fs::directory_entry(path, error));
    constexpr auto kOptions = fs::directory_options::skip_permission_denied;
    fs::recursive_directory_iterator walk(path, kOptions, error);
    for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
      if (ended_) return;
      total += SizeOf(*walk);
    }
  }
  // All at once: a part of it would promise too early an end.
  total_bytes_ = total;
}

}  // namespace jet::cli

#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/system_error.h"
#include "base/utf8.h"
#include "cli/escape.h"

namespace jet::cli {
namespace {

bool UseColor(Color color) {
  if (color != Color::kAuto) return color == Color::kAlways;
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && isatty(STDOUT_FILENO) == 1;
}

// To the first column, and nothing to the right of it (ECMA-48, EL).
constexpr char kClearLine[] = "\r\033[K";

const char* ColorCode(Tone tone) {
  switch (tone) {
    case Tone::kGood:
      return "\033[32m";
    case Tone::kBad:
      return "\033[31m";
    case Tone::kDoubtful:
      return "\033[33m";
    case Tone::kPlain:
      break;
  }
  return "";
}

}  // namespace

Output::Output(OutputOptions options)
    : options_(std::move(options)),
      colored_(UseColor(options_.color)),
      shows_progress_(!options_.json && !options_.quiet && isatty(STDERR_FILENO) == 1) {}

// REQUIRES: mutex_ is held.
void Output::ClearProgress() {
  if (!progress_shown_) return;
  (void)std::fputs(kClearLine, stderr);
  progress_shown_ = false;
}

void Output::Progress(absl::string_view text) {
  if (!shows_progress_) return;
  const std::string line = Escape(text);
  const std::lock_guard<std::mutex> lock(mutex_);
  // stdout may be the same terminal: what is printed there stands before this line.
  if (std::fflush(stdout) != 0) RememberWriteError();
  ClearProgress();
  (void)std::fwrite(line.data(), 1, line.size(), stderr);
  progress_shown_ = !line.empty();
}

void Output::Print(const std::string& line) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ClearProgress();
  ++printed_;
  if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() ||
      std::fputc('\n', stdout) == EOF) {
    RememberWriteError();
  }
}

void Output::Line(absl::string_view text) {
  if (!options_.json && !options_.quiet) Print(Escape(text));
}

void Output::Result(const ResultLine& line) {
  const bool unwelcome = line.tone == Tone::kBad || line.tone == Tone::kDoubtful;
  if (options_.json || (options_.quiet && !unwelcome)) return;
  const bool paint = colored_ && line.tone != Tone::kPlain;
  std::string text = absl::StrCat(Escape(line.subject), ": ", paint ? ColorCode(line.tone) : "",
                                  Escape(line.word), paint ? "\033[0m" : "", Escape(line.rest));
  for (const std::string& below : line.below) absl::StrAppend(&text, "\n  ", Escape(below));
  Print(text);
}

void Output::Labelled(const Fields& fields) {
  size_t width = 0;
  for (const auto& [label, value] : fields) width = std::max(width, label.size());
  for (const auto& [label, value] : fields) {
    Line(absl::StrCat(label, ": ", std::string(width - label.size(), ' '), value));
  }
}

void Output::Object(const Json& object) {
  if (!options_.json) return;
  Print(object.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace));
}

void Output::PrintMessage(absl::string_view kind, absl::string_view text,
                          const std::vector<std::string>& below) {
  std::string lines = absl::StrCat(options_.program, ": ", kind, Escape(text), "\n");
  for (const std::string& line : below) absl::StrAppend(&lines, "  ", Escape(line), "\n");
  const std::lock_guard<std::mutex> lock(mutex_);
  // Results printed before the message come before it, wherever both go.
  if (std::fflush(stdout) != 0) RememberWriteError();
  ClearProgress();
  ++printed_;
  (void)std::fwrite(lines.data(), 1, lines.size(), stderr);
}

void Output::Note(absl::string_view text) {
  Object({{"type", "note"}, {"level", "note"}, {"message", std::string(text)}});
  if (!options_.json && !options_.quiet) PrintMessage("note: ", text);
}

void Output::Warning(absl::string_view text) {
  Object({{"type", "note"}, {"level", "warning"}, {"message", std::string(text)}});
  PrintMessage("warning: ", text);
}

void Output::Error(absl::string_view text, const std::vector<std::string>& below) {
  PrintMessage("error: ", text, below);
}

absl::Status Output::Flush() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (std::fflush(stdout) != 0) RememberWriteError();
  if (write_error_ == 0) return absl::OkStatus();
  return base::SystemError(write_error_, "cannot write the results to stdout");
}

void Output::RememberWriteError() {
  if (write_error_ == 0) write_error_ = errno;
}

void AddPath(Json& object, const std::string& path) {
  object["path"] = path;
  if (!base::IsUtf8(path)) object["path_base64"] = absl::Base64Escape(path);
}

}  // namespace jet::cli

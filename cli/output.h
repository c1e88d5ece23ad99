// What a command says: results on stdout, everything else on stderr.
#ifndef JET_CLI_OUTPUT_H_
#define JET_CLI_OUTPUT_H_

#include <atomic>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace jet::cli {

using Json = nlohmann::ordered_json;

enum class Color { kAuto, kAlways, kNever };

enum class Tone { kPlain, kGood, kBad, kDoubtful };

struct OutputOptions {
  std::string program;  // before every message on stderr: "jet-sign"
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  Color color = Color::kAuto;
};

// A result line: "<subject>: <word><rest>", the word coloured where colours are on.
struct ResultLine {
  std::string subject;
  std::string word;
  std::string rest;
  Tone tone = Tone::kPlain;
  std::vector<std::string> below = {};  // lines that go with it, printed indented
};

// "Label: value" lines, aligned as on a router.
using Fields = std::vector<std::pair<std::string, std::string>>;

// Prints. All strings pass through Escape. Thread-safe: a line is never torn.
class Output {
 public:
  explicit Output(OutputOptions options);

  bool json() const { return options_.json; }
  bool verbose() const { return options_.verbose; }
  bool quiet() const { return options_.quiet; }

  // A line of the result, for people: nothing with --json or --quiet.
  void Line(absl::string_view text);
  // A result line; with --quiet only one whose tone is bad or doubtful.
  void Result(const ResultLine& line);
  // Aligned fields: nothing with --json or --quiet.
  void Labelled(const Fields& fields);
  // An object of the result, for programs: nothing without --json.
  void Object(const Json& object);

  // Something worth knowing: a note on stderr (not with --quiet) or an object with --json.
  void Note(absl::string_view text);
  // A danger: on stderr always, and an object with --json.
  void Warning(absl::string_view text);
  // A failure, with the lines `below` it indented: on stderr always.
  void Error(absl::string_view text, const std::vector<std::string>& below = {});

  // How many lines and messages were printed so far.
  size_t printed() const { return printed_; }

  // True when Progress prints: stderr is a terminal, and neither --json nor --quiet is given.
  bool shows_progress() const { return shows_progress_; }

  // A line on the terminal that the next one replaces, whatever prints that; empty: none any more.
  void Progress(absl::string_view text);

  // OK when everything reached stdout; otherwise the errno's status (a full disk, say).
  absl::Status Flush();

 private:
  void Print(const std::string& line);
  void PrintMessage(absl::string_view kind, absl::string_view text,
                    const std::vector<std::string>& below = {});
  void RememberWriteError();
  void ClearProgress();

  const OutputOptions options_;
  bool colored_;
  bool shows_progress_;
  bool progress_shown_ = false;
  std::atomic<size_t> printed_{0};
  std::mutex mutex_;
  int write_error_ = 0;  // the first errno that stdout gave
};

// Puts the file name `path` into `object`: "path" as valid UTF-8 with U+FFFD for other bytes, and,
// where there were any, the exact bytes as "path_base64".
void AddPath(Json& object, const std::string& path);

}  // namespace jet::cli

#endif  // JET_CLI_OUTPUT_H_

// Asks for a line on the terminal, with line editing.
#ifndef JET_CLI_LINE_EDITOR_H_
#define JET_CLI_LINE_EDITOR_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace jet::cli {

// A terminal that lines are asked on: libedit on stdin and stderr, without a history. Text is UTF-8
// whatever the locale; bytes that are none are in the answer as they came. Between questions, and
// when a signal (Ctrl-C) ends or stops the process, the terminal is as it was. On a screen too
// small for libedit, and with TERM=emacs, the terminal edits the line itself.
class LineEditor {
 public:
  // FAILED_PRECONDITION when stdin or stderr is no terminal.
  static absl::StatusOr<std::unique_ptr<LineEditor>> Open();
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // Prints `prompt` (escape what does not come from the source) and returns the line without its
  // newline; one of more than 512 columns is refused and asked for again. CANCELLED at the end of
  // input (Ctrl-D on an empty line).
  absl::StatusOr<std::string> Ask(const std::string& prompt);

  // Prints a line of text before the next question.
  void Say(const std::string& text);

 private:
  struct State;
  explicit LineEditor(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace jet::cli

#endif  // JET_CLI_LINE_EDITOR_H_

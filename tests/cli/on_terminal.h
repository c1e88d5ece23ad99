// Runs the program on a terminal of its own.
#ifndef JET_TESTS_CLI_ON_TERMINAL_H_
#define JET_TESTS_CLI_ON_TERMINAL_H_

#include <sys/types.h>

#include <string>

namespace jet::test {

// A bash command line running on a terminal of its own, 50 lines of 200 columns.
class OnTerminal {
 public:
  OnTerminal(const std::string& folder, const std::string& script);
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;
  ~OnTerminal();

  // Waits until `text` is printed after what the last call waited for.
  void WaitFor(const std::string& text);

  // Waits for `text`, then types `keys`.
  void Type(const std::string& text, const std::string& keys);

  // Waits for `text`, then until the echo is off, or 200 ms where it stays on.
  void WaitForSilence(const std::string& text);

  // Waits as WaitForSilence, then types `answer` and Enter: turning the echo off drops what was
  // typed before.
  void Answer(const std::string& text, const std::string& answer);

  // Waits for the end and returns the exit status; 128 and the signal's number when one ended it.
  // What prints nothing for 20 seconds is killed.
  int Finish();

  // Everything that was printed so far, the echo of what was typed included.
  const std::string& seen() const { return seen_; }

  // How the terminal is set (as `stty -g` says it).
  std::string Settings() const;

  // How it was set when the program began.
  const std::string& settings_before() const { return settings_before_; }

  void Resize(unsigned short lines, unsigned short columns) const;

  // Sends a signal to the process that was started.
  void Signal(int number) const;

 private:
  bool ReadSome(short also = 0);
  void Send(const std::string& keys);

  pid_t child_ = -1;
  int terminal_ = -1;
  std::string settings_before_;
  std::string seen_;
  bool hangs_ = false;  // nothing came for long
  size_t awaited_ = 0;  // the end of the text that was waited for
};

}  // namespace jet::test

#endif  // JET_TESTS_CLI_ON_TERMINAL_H_

// Notes signals while something is typed, so that they act when the terminal can be put in order.
#ifndef JET_CLI_SIGNAL_WATCH_H_
#define JET_CLI_SIGNAL_WATCH_H_

#include <array>
#include <csignal>

namespace jet::cli {

// From its beginning to its end, the signals that end, stop and continue a program and the one that
// tells of a terminal's new size are held back, and only noted while WaitForInput() waits. What the
// program ignores stays ignored. At most one watch at a time, in a program without threads.
class SignalWatch {
 public:
  SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  // Puts everything as it was; a signal noted by ending() acts now.
  ~SignalWatch();

  // Waits until `fd` can be read or is at its end; false when a signal came first.
  bool WaitForInput(int fd) const;

  // The signal that is to end the program, 0 for none.
  static int ending();

  // True when `signal` was noted since the last call.
  static bool Take(int signal);

  // Stops the program as SIGTSTP does where nobody handles it, and returns when it goes on.
  void Stop() const;

 private:
  static constexpr std::array<int, 4> kEnding = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
  static constexpr std::array<int, 7> kWatched = {SIGINT,  SIGQUIT, SIGTERM, SIGHUP,
                                                  SIGTSTP, SIGCONT, SIGWINCH};

  std::array<struct sigaction, kWatched.size()> old_actions_ = {};
  sigset_t old_mask_;
};

}  // namespace jet::cli

#endif  // JET_CLI_SIGNAL_WATCH_H_

// Lets a long run end in order when it is interrupted.
#ifndef JET_CLI_INTERRUPT_H_
#define JET_CLI_INTERRUPT_H_

#include <array>
#include <atomic>
#include <csignal>

namespace jet::cli {

// As long as it lives, the first SIGINT or SIGTERM only sets requested(); the second of either ends
// the process. What the program ignores stays ignored. At most one at a time.
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  // True from the first of the signals on. Thread-safe.
  static const std::atomic<bool>& requested();

 private:
  static constexpr std::array<int, 2> kSignals = {SIGINT, SIGTERM};
  std::array<struct sigaction, kSignals.size()> old_actions_ = {};
};

}  // namespace jet::cli

#endif  // JET_CLI_INTERRUPT_H_

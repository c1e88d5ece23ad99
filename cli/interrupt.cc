#include "cli/interrupt.h"

namespace jet::cli {
namespace {

// A signal handler reaches nothing but globals.
std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "used in a signal handler");

void OnSignal(int signal) {
  if (!interrupted.exchange(true)) return;
  (void)std::signal(signal, SIG_DFL);
  (void)raise(signal);  // it takes effect when this returns
}

}  // namespace

Interrupt::Interrupt() {
  interrupted = false;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  (void)sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    (void)sigaction(kSignals[i], nullptr, &old_actions_[i]);
    if (old_actions_[i].sa_handler != SIG_IGN) (void)sigaction(kSignals[i], &action, nullptr);
  }
}

Interrupt::~Interrupt() {
  for (size_t i = 0; i < kSignals.size(); ++i) {
    (void)sigaction(kSignals[i], &old_actions_[i], nullptr);
  }
}

const std::atomic<bool>& Interrupt::requested() { return interrupted; }

}  // namespace jet::cli

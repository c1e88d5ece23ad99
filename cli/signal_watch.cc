#include "cli/signal_watch.h"

#include <poll.h>

#include <cstddef>

namespace jet::cli {
namespace {

// Which signals came, by number. A signal handler can reach nothing else.
volatile std::sig_atomic_t g_noted[NSIG] = {};

void NoteSignal(int number) { g_noted[number] = 1; }

struct sigaction ActionFor(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;  // without SA_RESTART: ppoll() returns
  return action;
}

}  // namespace

SignalWatch::SignalWatch() {
  sigset_t watched;
  (void)sigemptyset(&watched);
  for (const int number : kWatched) (void)sigaddset(&watched, number);
  (void)pthread_sigmask(SIG_BLOCK, &watched, &old_mask_);
  const struct sigaction note = ActionFor(NoteSignal);
  for (size_t i = 0; i < kWatched.size(); ++i) {
    g_noted[kWatched.at(i)] = 0;
    (void)sigaction(kWatched.at(i), nullptr, &old_actions_.at(i));
    if (old_actions_.at(i).sa_handler == SIG_IGN) continue;
    (void)sigaction(kWatched.at(i), &note, nullptr);
  }
}

SignalWatch::~SignalWatch() {
  for (size_t i = 0; i < kWatched.size(); ++i) {
    (void)sigaction(kWatched.at(i), &old_actions_.at(i), nullptr);
  }
  if (ending() != 0) (void)std::raise(ending());
  (void)pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
}

bool SignalWatch::WaitForInput(int fd) const {
  pollfd input = {fd, POLLIN, 0};
  return ppoll(&input, 1, nullptr, &old_mask_) == 1;
}

int SignalWatch::ending() {
  for (const int number : kEnding) {
    if (g_noted[number] != 0) return number;
  }
  return 0;
}

bool SignalWatch::Take(int signal) {
  const bool noted = g_noted[signal] != 0;
  g_noted[signal] = 0;
  return noted;
}

void SignalWatch::Stop() const {
  const struct sigaction by_default = ActionFor(SIG_DFL);
  struct sigaction noting = {};
  (void)sigaction(SIGTSTP, &by_default, &noting);
  (void)std::raise(SIGTSTP);
  sigset_t let_through;
  (void)sigemptyset(&let_through);
  (void)sigaddset(&let_through, SIGTSTP);
  (void)sigaddset(&let_through, SIGCONT);
  sigset_t held_back;
  (void)pthread_sigmask(SIG_UNBLOCK, &let_through, &held_back);  // stops here
  (void)pthread_sigmask(SIG_SETMASK, &held_back, nullptr);
  (void)sigaction(SIGTSTP, &noting, nullptr);
  (void)Take(SIGCONT);
}

}  // namespace jet::cli

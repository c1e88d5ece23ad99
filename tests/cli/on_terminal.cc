#include "tests/cli/on_terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>

#include "tests/cli/program.h"

namespace jet::test {
namespace {

constexpr winsize kSize = {50, 200, 0, 0};

// The terminal as its program sees it: Linux answers for both ends with the program's settings.
termios SettingsOf(int terminal) {
  termios settings = {};
  (void)tcgetattr(terminal, &settings);
  return settings;
}

}  // namespace

OnTerminal::OnTerminal(const std::string& folder, const std::string& script) {
  int of_child = -1;
  if (openpty(&terminal_, &of_child, nullptr, nullptr, &kSize) != 0) {
    ADD_FAILURE() << "no terminal: " << std::strerror(errno);
    return;
  }
  // Before the program runs: a quick one has changed them by the time that this process goes on.
  settings_before_ = Settings();
  child_ = fork();
  if (child_ == 0) {
    (void)close(terminal_);
    (void)login_tty(of_child);
    SetEnvironment(folder);
    if (chdir(folder.c_str()) == 0) execl("/bin/bash", "bash", "-c", script.c_str(), nullptr);
    _exit(127);
  }
  (void)close(of_child);
  // What is typed must not wait for room while the program waits for its output to be read.
  (void)fcntl(terminal_, F_SETFL, fcntl(terminal_, F_GETFL) | O_NONBLOCK);
}

OnTerminal::~OnTerminal() {
  if (child_ > 0) {
    (void)kill(child_, SIGKILL);
    (void)waitpid(child_, nullptr, 0);
  }
  (void)close(terminal_);
}

void OnTerminal::WaitFor(const std::string& text) {
  size_t found = seen_.find(text, awaited_);
  while (found == std::string::npos) {
    if (!ReadSome()) {
      ADD_FAILURE() << "'" << text << "' was never printed; seen: " << seen_;
      return;
    }
    found = seen_.find(text, awaited_);
  }
  awaited_ = found + text.size();
}

void OnTerminal::Type(const std::string& text, const std::string& keys) {
  WaitFor(text);
  Send(keys);
}

void OnTerminal::WaitForSilence(const std::string& text) {
  WaitFor(text);
  for (int i = 0; i < 200 && (SettingsOf(terminal_).c_lflag & ECHO) != 0; ++i) (void)usleep(1000);
}

void OnTerminal::Answer(const std::string& text, const std::string& answer) {
  WaitForSilence(text);
  Send(answer + "\n");
}

int OnTerminal::Finish() {
  while (ReadSome()) {
  }
  if (hangs_) (void)kill(child_, SIGKILL);
  int status = 0;
  if (waitpid(child_, &status, 0) != child_) return -1;
  child_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string OnTerminal::Settings() const {
  const termios settings = SettingsOf(terminal_);
  std::ostringstream text;
  text << std::hex << settings.c_iflag << ":" << settings.c_oflag << ":" << settings.c_cflag << ":"
       << settings.c_lflag;
  for (const cc_t character : settings.c_cc) text << ":" << static_cast<int>(character);
  return text.str();
}

void OnTerminal::Resize(unsigned short lines, unsigned short columns) const {
  const winsize size = {lines, columns, 0, 0};
  (void)ioctl(terminal_, TIOCSWINSZ, &size);
}

void OnTerminal::Signal(int number) const { (void)kill(child_, number); }

// False at the end, or when nothing comes. With POLLOUT also returns when there is room to type.
bool OnTerminal::ReadSome(short also) {
  pollfd waiting = {terminal_, static_cast<short>(POLLIN | also), 0};
  if (poll(&waiting, 1, /*timeout=*/20 * 1000) != 1) {
    hangs_ = true;
    return false;
  }
  if ((waiting.revents & also) != 0 && (waiting.revents & POLLIN) == 0) return true;
  std::array<char, 4096> buffer;
  ssize_t count = read(terminal_, buffer.data(), buffer.size());
  // Linux looks for input first and whether the other end is closed afterwards: what came in
  // between is there when it is asked again.
  if (count < 0 && errno == EIO) count = read(terminal_, buffer.data(), buffer.size());
  if (count < 0 && errno == EAGAIN) return true;
  if (count <= 0) return false;
  seen_.append(buffer.data(), static_cast<size_t>(count));
  return true;
}

void OnTerminal::Send(const std::string& keys) {
  size_t sent = 0;
  while (sent < keys.size()) {
    const ssize_t count = write(terminal_, keys.data() + sent, keys.size() - sent);
    if (count > 0) sent += static_cast<size_t>(count);
    if (sent < keys.size() && !ReadSome(POLLOUT)) {
      ADD_FAILURE() << "what is typed is not taken; seen: " << seen_;
      return;
    }
  }
}

}  // namespace jet::test

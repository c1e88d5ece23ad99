#include "cli/line_editor.h"

#include <histedit.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cwchar>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "cli/signal_watch.h"

namespace jet::cli {
namespace {

// No answer is that wide. libedit writes beyond its memory when a line fills the screen and goes
// on, so longer ones are refused, and on a small screen the terminal edits the line itself.
constexpr int kMaxColumns = 512;
constexpr int kWidestCharacter = 8;  // libedit shows what cannot be printed as "\U+12345"

// The control characters that edit a line. The others of libedit are left out: they repeat text
// without a bound (arguments, yank), run commands of its own (M-x), or need a history.
constexpr absl::string_view kEditingKeys = "\x01\x02\x04\x05\x06\b\n\v\f\r\x15\x17\x1b\x7f";
// What may follow an escape: arrows and other special keys, and a word back, forth or deleted.
constexpr absl::string_view kAfterEscape = "[Obfd";

// A byte 0x80 to 0xFF that is part of no character is edited as one of the last 128 private use
// characters (U+10FF80 to U+10FFFF), and is that byte again in the answer.
constexpr wchar_t kStrayBytes = 0x10FF00;

bool IsStrayByte(wchar_t character) { return character >= kStrayBytes + 0x80; }

bool IsSurrogate(wchar_t character) { return character >= 0xD800 && character <= 0xDFFF; }

// Takes the first character off `bytes`; false while it is incomplete.
bool TakeCharacter(std::string& bytes, wchar_t& character) {
  if (bytes.empty()) return false;
  std::mbstate_t at_start = {};
  const size_t size = std::mbrtowc(&character, bytes.data(), bytes.size(), &at_start);
  if (size == static_cast<size_t>(-2)) return false;
  if (size == static_cast<size_t>(-1) || IsSurrogate(character) || IsStrayByte(character)) {
    character = kStrayBytes + static_cast<unsigned char>(bytes[0]);
    bytes.erase(0, 1);
  } else {
    bytes.erase(0, size == 0 ? 1 : size);  // 0 stands for the character NUL
  }
  return true;
}

std::string EncodeLine(const wchar_t* line, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    if (IsStrayByte(line[i])) {
      text += static_cast<char>(line[i] - kStrayBytes);
      continue;
    }
    std::array<char, MB_LEN_MAX> bytes;
    std::mbstate_t at_start = {};
    const size_t size = std::wcrtomb(bytes.data(), line[i], &at_start);
    if (size != static_cast<size_t>(-1)) text.append(bytes.data(), size);
  }
  if (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

int ColumnsOf(wchar_t character) {
  const int columns = wcwidth(character);
  return columns < 0 ? kWidestCharacter : columns;
}

bool IsFull(EditLine* editor) {
  const LineInfoW* line = el_wline(editor);
  // Characters without a width take memory, too.
  if (line->lastchar - line->buffer >= kMaxColumns) return true;
  int columns = 0;
  for (const wchar_t* at = line->buffer; at < line->lastchar; ++at) columns += ColumnsOf(*at);
  return columns >= kMaxColumns;
}

bool IsScreenLargeEnough(const std::string& prompt) {
  winsize screen = {};
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &screen) != 0) return false;
  if (screen.ws_row == 0 || screen.ws_col == 0) return true;  // unknown: libedit takes 24 by 80
  if (screen.ws_row <= 2 || screen.ws_col <= 2) return false;
  // A wide character may leave the last column of a line empty.
  const size_t usable = size_t{screen.ws_row - 2U} * (screen.ws_col - 2U);
  return usable >= prompt.size() + kMaxColumns + kWidestCharacter;
}

void UnbindWhatIsNotNeeded(EditLine* editor) {
  for (char after = ' '; after <= '~'; ++after) {
    if (kAfterEscape.find(after) != kAfterEscape.npos) continue;
    const std::string keys = absl::StrFormat("\\033\\%03o", after);
    (void)el_set(editor, EL_BIND, "-r", keys.c_str(), nullptr);
  }
}

// Makes read() return 0 where there is nothing to read; false where the terminal collects lines.
// Ctrl-C empties the terminal's queue, also of a byte that was seen there already, and while
// read() waits for another one the signal is held back.
bool StopWaitingInRead() {
  termios settings = {};
  if (tcgetattr(STDIN_FILENO, &settings) != 0 || (settings.c_lflag & ICANON) != 0) return false;
  if (settings.c_cc[VMIN] == 0) return true;
  settings.c_cc[VMIN] = 0;
  settings.c_cc[VTIME] = 0;
  return tcsetattr(STDIN_FILENO, TCSANOW, &settings) == 0;
}

bool IsHungUp() {
  pollfd terminal = {STDIN_FILENO, 0, 0};
  return poll(&terminal, 1, /*timeout=*/0) != 0;
}

bool IsControl(wchar_t character) { return character < L' ' || character == 0x7F; }

bool IsEditingKey(wchar_t character) {
  return IsControl(character) &&
         kEditingKeys.find(static_cast<char>(character)) != kEditingKeys.npos;
}

}  // namespace

struct LineEditor::State {
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();

  void RememberSettings() { has_settings_ = tcgetattr(STDIN_FILENO, &settings_) == 0; }
  void RestoreSettings() const {
    if (has_settings_) (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &settings_);
  }

  // Reads the next byte; false at the end of input or when a signal is to end the program.
  bool ReadByte();
  bool HandleSignals();
  void Suspend();
  void Redraw();

  // Asks once. nullopt at the end of input, or when a signal is to end the program.
  absl::optional<std::string> AskWithEditing();
  absl::optional<std::string> AskPlainly();  // without libedit: the terminal edits the line
  bool CanEdit() const;

  // libedit's callbacks.
  static char* Prompt(EditLine* editor) { return Of(editor).prompt.data(); }
  static int ReadCharacter(EditLine* editor, wchar_t* character);
  static State& Of(EditLine* editor);

  EditLine* editor = nullptr;
  FILE* discarded = nullptr;  // where libedit's messages about the type of terminal go
  std::string prompt;
  std::string bytes;                   // read, and not a whole character yet
  const SignalWatch* watch = nullptr;  // while a question is asked
  bool ended = false;
  bool too_long = false;
  bool editing = false;  // the question is asked with libedit

 private:
  termios settings_ = {};  // of the terminal, outside of questions
  bool has_settings_ = false;
};

LineEditor::State::~State() {
  if (editor != nullptr) {
    // With editing on, el_end() would throw away what is typed already for whoever reads next.
    (void)el_set(editor, EL_EDITMODE, 0);
    el_end(editor);
  }
  if (discarded != nullptr) (void)std::fclose(discarded);
}

bool LineEditor::State::CanEdit() const {
  int enabled = 0;  // libedit itself stays out of TERM=emacs
  return el_get(editor, EL_EDITMODE, &enabled) == 0 && enabled != 0 && IsScreenLargeEnough(prompt);
}

LineEditor::State& LineEditor::State::Of(EditLine* editor) {
  void* state = nullptr;
  (void)el_get(editor, EL_CLIENTDATA, &state);
  return *static_cast<State*>(state);
}

bool LineEditor::State::ReadByte() {
  while (!ended) {
    if (!watch->WaitForInput(STDIN_FILENO)) {
      ended = !HandleSignals();
      continue;
    }
    const bool waits = !StopWaitingInRead();
    char byte = '\0';
    const ssize_t count = read(STDIN_FILENO, &byte, 1);
    if (count == 1) {
      bytes += byte;
      return true;
    }
    ended = count < 0 ? errno != EINTR && errno != EAGAIN : waits || IsHungUp();
  }
  return false;
}

// libedit's own handling (EL_SIGNAL) draws within the signal handler, and sends the signal to the
// whole process group once more: `kill PID` would end the script that runs this program as well.
bool LineEditor::State::HandleSignals() {
  if (SignalWatch::ending() != 0) return false;
  if (SignalWatch::Take(SIGTSTP)) Suspend();
  // Who stopped and continued the program may have changed the terminal meanwhile.
  if (SignalWatch::Take(SIGCONT)) Redraw();
  if (SignalWatch::Take(SIGWINCH) && editing && IsScreenLargeEnough(prompt)) {
    el_resize(editor);
    (void)el_set(editor, EL_REFRESH);
  }
  return true;
}

void LineEditor::State::Suspend() {
  if (editing) (void)el_set(editor, EL_PREP_TERM, 0);
  RestoreSettings();
  watch->Stop();
  RememberSettings();
  Redraw();
}

void LineEditor::State::Redraw() {
  if (!editing) {
    (void)std::fputs(prompt.c_str(), stderr);
    return;
  }
  // Off first: libedit believes that the terminal still is as it left it.
  (void)el_set(editor, EL_PREP_TERM, 0);
  (void)el_set(editor, EL_PREP_TERM, 1);
  (void)el_set(editor, EL_REFRESH);
}

int LineEditor::State::ReadCharacter(EditLine* editor, wchar_t* character) {
  State& state = Of(editor);
  while (true) {
    while (!TakeCharacter(state.bytes, *character)) {
      if (!state.ReadByte()) return 0;
    }
    if (IsEditingKey(*character)) return 1;
    if (IsControl(*character)) continue;
    if (!IsFull(editor)) return 1;
    state.too_long = true;
  }
}

absl::optional<std::string> LineEditor::State::AskWithEditing() {
  // Before the prompt: libedit does it after, and the terminal would echo who answers at once.
  (void)el_set(editor, EL_PREP_TERM, 1);
  int count = 0;
  const wchar_t* line = el_wgets(editor, &count);
  if (line == nullptr || ended) return absl::nullopt;
  return EncodeLine(line, count);
}

absl::optional<std::string> LineEditor::State::AskPlainly() {
  (void)std::fputs(prompt.c_str(), stderr);
  size_t end = bytes.find('\n');
  while (end == bytes.npos) {
    if (!ReadByte()) return absl::nullopt;
    end = bytes.find('\n');
  }
  std::string line = bytes.substr(0, end);
  bytes.erase(0, end + 1);
  return line;
}

LineEditor::LineEditor(std::unique_ptr<State> state) : state_(std::move(state)) {}

LineEditor::~LineEditor() = default;

absl::StatusOr<std::unique_ptr<LineEditor>> LineEditor::Open() {
  if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
    return absl::FailedPreconditionError("there is no terminal to ask on");
  }
  auto state = std::make_unique<State>();
  // Before el_init: libedit looks now at which characters can be printed. Only what libedit shows
  // depends on it, and this locale is part of the C library.
  (void)std::setlocale(LC_CTYPE, "C.UTF-8");
  state->discarded = std::fopen("/dev/null", "we");
  if (state->discarded == nullptr) return absl::InternalError("cannot open /dev/null");
  state->RememberSettings();
  state->editor = el_init_fd("jet", stdin, stderr, state->discarded, STDIN_FILENO, STDERR_FILENO,
                             fileno(state->discarded));
  state->RestoreSettings();
  if (state->editor == nullptr) return absl::InternalError("cannot prepare the terminal");
  (void)el_set(state->editor, EL_CLIENTDATA, state.get());
  (void)el_set(state->editor, EL_EDITOR, "emacs");
  UnbindWhatIsNotNeeded(state->editor);
  (void)el_set(state->editor, EL_PROMPT, &State::Prompt);
  (void)el_wset(state->editor, EL_GETCFN, &State::ReadCharacter);
  return std::unique_ptr<LineEditor>(new LineEditor(std::move(state)));
}

absl::StatusOr<std::string> LineEditor::Ask(const std::string& prompt) {
  State& state = *state_;
  // At its end, after the terminal is as it was, the signal ends the program.
  const SignalWatch watch;
  state.watch = &watch;
  state.prompt = prompt;
  state.ended = false;
  state.too_long = false;
  state.RememberSettings();
  absl::optional<std::string> line;
  do {
    if (state.too_long) Say("  This is too long for an answer.");
    state.too_long = false;
    state.editing = state.CanEdit();
    line = state.editing ? state.AskWithEditing() : state.AskPlainly();
    state.RestoreSettings();
  } while (line.has_value() && state.too_long);
  state.watch = nullptr;
  if (line.has_value()) return *line;
  Say("");  // the cursor is still behind the prompt
  return absl::CancelledError("the input ended");
}

void LineEditor::Say(const std::string& text) { (void)std::fputs((text + "\n").c_str(), stderr); }

}  // namespace jet::cli

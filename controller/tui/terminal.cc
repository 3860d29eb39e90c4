#include "controller/tui/terminal.h"

#include <absl/strings/str_cat.h>
#include <langinfo.h>

#include <array>
#include <climits>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <string>
#include <utility>

#define NCURSES_NOMACROS 1
#include <curses.h>

#include "common/sys/terminal.h"

namespace tcpfleet::controller {
namespace {

constexpr int kStdin = 0;
constexpr int kEscapeDelayMs = 25;

struct Pair {
  Tone tone;
  short color;
};
constexpr std::array<Pair, 4> kPairs = {{{Tone::kGood, COLOR_GREEN},
                                         {Tone::kWarning, COLOR_YELLOW},
                                         {Tone::kBad, COLOR_RED},
                                         {Tone::kAccent, COLOR_CYAN}}};

constexpr std::pair<int, Key::Code> kFunctionKeys[] = {
    {KEY_UP, Key::Code::kUp},
    {KEY_DOWN, Key::Code::kDown},
    {KEY_LEFT, Key::Code::kLeft},
    {KEY_RIGHT, Key::Code::kRight},
    {KEY_PPAGE, Key::Code::kPageUp},
    {KEY_NPAGE, Key::Code::kPageDown},
    {KEY_HOME, Key::Code::kHome},
    {KEY_END, Key::Code::kEnd},
    {KEY_BACKSPACE, Key::Code::kBackspace},
    {KEY_DC, Key::Code::kDelete},
    {KEY_ENTER, Key::Code::kEnter},
    {KEY_RESIZE, Key::Code::kResize},
};

std::string Utf8(wint_t letter) {
  std::array<char, MB_LEN_MAX> bytes;
  std::mbstate_t state{};
  const size_t size = std::wcrtomb(bytes.data(), static_cast<wchar_t>(letter), &state);
  return size == static_cast<size_t>(-1) ? "?" : std::string(bytes.data(), size);
}

class Terminal final : public Screen {
 public:
  Terminal() = default;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() override {
    if (screen_ == nullptr) return;
    ::endwin();
    ::delscreen(screen_);
  }

  absl::Status Open(const TerminalOptions& options);

  int width() const override { return getmaxx(stdscr); }
  int height() const override { return getmaxy(stdscr); }
  std::optional<Key> ReadKey() override;
  void Show(const Canvas& canvas) override;
  void Redraw() override { ::clearok(curscr, TRUE); }
  void Suspend() override;
  bool Gone() override { return !sys::IsTerminal(kStdin); }

 private:
  std::optional<Key> ReadMouse();
  attr_t AttributesOf(const Look& look) const;
  void ShowLine(const Canvas& canvas, int y);

  bool unicode_ = false;
  bool color_ = false;
  SCREEN* screen_ = nullptr;
};

absl::Status Terminal::Open(const TerminalOptions& options) {
  // ncurses asks the process, not the thread, for its locale.
  std::setlocale(LC_CTYPE, "");  // NOLINT(concurrency-mt-unsafe): nobody else changes it
  unicode_ = std::string(::nl_langinfo(CODESET)) == "UTF-8";  // NOLINT(concurrency-mt-unsafe)
  screen_ = ::newterm(nullptr, stdout, stdin);
  if (screen_ == nullptr) {
    const char* const term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
    return absl::FailedPreconditionError(
        absl::StrCat("the terminal '", term == nullptr ? "" : term,
                     "' is not known here: set TERM, for example to xterm-256color, or use "
                     "--output jsonl"));
  }
  ::raw();
  ::noecho();
  ::nonl();
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  ::set_escdelay(kEscapeDelayMs);
  ::curs_set(0);
  if (options.mouse) ::mousemask(BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED, nullptr);
  color_ = options.color && ::has_colors();
  if (color_) {
    ::start_color();
    ::use_default_colors();
    for (const Pair& pair : kPairs) ::init_pair(static_cast<short>(pair.tone), pair.color, -1);
  }
  return absl::OkStatus();
}

std::optional<Key> Terminal::ReadKey() {
  wint_t input = 0;
  const int kind = ::wget_wch(stdscr, &input);
  if (kind == ERR) return std::nullopt;
  if (kind == KEY_CODE_YES) {
    if (input == KEY_MOUSE) return ReadMouse();
    for (const auto& [code, key] : kFunctionKeys) {
      if (static_cast<int>(input) == code) return Key{.code = key};
    }
    return std::nullopt;
  }
  switch (input) {
    case '\r':
    case '\n':
      return Key{.code = Key::Code::kEnter};
    case '\t':
      return Key{.code = Key::Code::kTab};
    case 0x1b:
      return Key{.code = Key::Code::kEscape};
    case 0x7f:
      return Key{.code = Key::Code::kBackspace};
    default:
      break;
  }
  if (input < 0x20) {
    return Key{.code = Key::Code::kControl,
               .text = std::string(1, static_cast<char>(input + 0x60))};
  }
  return Key{.text = Utf8(input)};
}

std::optional<Key> Terminal::ReadMouse() {
  MEVENT event{};
  if (::getmouse(&event) != OK) return std::nullopt;
  if ((event.bstate & BUTTON4_PRESSED) != 0) return Key{.code = Key::Code::kWheelUp};
  if ((event.bstate & BUTTON5_PRESSED) != 0) return Key{.code = Key::Code::kWheelDown};
  return Key{.code = Key::Code::kClick, .x = event.x, .y = event.y};
}

attr_t Terminal::AttributesOf(const Look& look) const {
  attr_t attributes = A_NORMAL;
  if (look.bold) attributes |= A_BOLD;
  if (look.dim) attributes |= A_DIM;
  if (look.reverse) attributes |= A_REVERSE;
  if (color_ && look.tone != Tone::kPlain) {
    attributes |= static_cast<attr_t>(COLOR_PAIR(static_cast<int>(look.tone)));
  }
  return attributes;
}

// In runs of one look; a new one after each letter that is not one column wide, so that a terminal
// that takes another width for it loses its place only there.
void Terminal::ShowLine(const Canvas& canvas, int y) {
  for (int x = 0; x < canvas.width();) {
    const Look look = canvas.at(x, y).look;
    const int begin = x;
    std::string run;
    bool plain = true;
    for (; x < canvas.width() && canvas.at(x, y).look == look && plain; ++x) {
      const std::string& letter = canvas.at(x, y).letter;
      plain = letter.size() <= 3;
      run += unicode_ ? letter : std::string(AsciiLetter(letter));
    }
    ::wattrset(stdscr, static_cast<int>(AttributesOf(look)));
    ::mvwaddnstr(stdscr, y, begin, run.c_str(), static_cast<int>(run.size()));
  }
}

void Terminal::Show(const Canvas& canvas) {
  ::werase(stdscr);
  for (int y = 0; y < canvas.height(); ++y) ShowLine(canvas, y);
  const bool typing = canvas.cursor_x >= 0 && canvas.cursor_y >= 0;
  ::curs_set(typing ? 1 : 0);
  if (typing) ::wmove(stdscr, canvas.cursor_y, canvas.cursor_x);
  ::wrefresh(stdscr);
}

void Terminal::Suspend() {
  ::def_prog_mode();
  ::endwin();
  std::signal(SIGTSTP, SIG_DFL);
  std::raise(SIGTSTP);
  ::reset_prog_mode();
  ::clearok(curscr, TRUE);
  ::wrefresh(stdscr);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Screen>> OpenTerminal(const TerminalOptions& options) {
  auto terminal = std::make_unique<Terminal>();
  if (absl::Status opened = terminal->Open(options); !opened.ok()) return opened;
  return std::unique_ptr<Screen>(std::move(terminal));
}

}  // namespace tcpfleet::controller

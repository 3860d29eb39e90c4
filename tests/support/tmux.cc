#include "tests/support/tmux.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "common/base/status_macros.h"
#include "tests/support/eventually.h"
#include "tests/support/run_command.h"

namespace tcpfleet::tests {

absl::StatusOr<TmuxTerminal> TmuxTerminal::Start(const Options& options) {
  static std::atomic<int> number = 0;
  TmuxTerminal terminal(absl::StrCat("tcpfleet-", ::getpid(), "-", ++number));
  std::vector<std::string> words{"new-session", "-d",
                                 "-x",          absl::StrCat(options.width),
                                 "-y",          absl::StrCat(options.height),
                                 "env",         "LANG=C.UTF-8",
                                 "TZ=UTC0"};
  words.insert(words.end(), options.environment.begin(), options.environment.end());
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  // No status line, and a dead program's last screen stays.
  std::vector<std::string> command = terminal.Command(
      {"set-option", "-g", "status", "off", ";", "set-option", "-g", "remain-on-exit", "on", ";"});
  command.insert(command.end(), words.begin(), words.end());
  TF_RETURN_IF_ERROR(OutputOf(std::move(command)).status());
  return terminal;
}

TmuxTerminal::TmuxTerminal(TmuxTerminal&& other) noexcept
    : socket_(std::exchange(other.socket_, "")) {}

TmuxTerminal::~TmuxTerminal() {
  if (!socket_.empty()) (void)RunCommand(Command({"kill-server"}));
}

std::vector<std::string> TmuxTerminal::Command(std::vector<std::string> words) const {
  std::vector<std::string> command{"tmux", "-u", "-L", socket_, "-f", "/dev/null"};
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

absl::Status TmuxTerminal::Press(const std::vector<std::string>& keys) {
  std::vector<std::string> words{"send-keys"};
  words.insert(words.end(), keys.begin(), keys.end());
  return OutputOf(Command(std::move(words))).status();
}

absl::Status TmuxTerminal::Type(const std::string& text) {
  return OutputOf(Command({"send-keys", "-l", text})).status();
}

absl::Status TmuxTerminal::Resize(int width, int height) {
  return OutputOf(Command({"resize-window", "-x", absl::StrCat(width), "-y", absl::StrCat(height)}))
      .status();
}

std::string TmuxTerminal::Text() const {
  return OutputOf(Command({"capture-pane", "-p"})).value_or("");
}

absl::StatusOr<std::string> TmuxTerminal::TextWith(absl::string_view text,
                                                   absl::Duration timeout) const {
  std::string last;
  absl::Time since = absl::Now();
  const bool seen = EventuallyTrue(
      [&] {
        std::string now = Text();
        if (now != last) {
          last = std::move(now);
          since = absl::Now();
        }
        return absl::StrContains(last, text) && absl::Now() - since > absl::Milliseconds(300);
      },
      timeout);
  if (!seen) {
    return absl::DeadlineExceededError(absl::StrCat("'", text, "' was not shown, but\n", last));
  }
  return last;
}

absl::StatusOr<int> TmuxTerminal::Pid() const {
  TF_ASSIGN_OR_RETURN(const std::string text,
                      OutputOf(Command({"display-message", "-p", "#{pane_pid}"})));
  int pid = 0;
  if (!absl::SimpleAtoi(text, &pid)) return absl::InternalError(absl::StrCat("no pid: ", text));
  return pid;
}

}  // namespace tcpfleet::tests

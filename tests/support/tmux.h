// A terminal that programs run in and tests look at: tmux, with a server of its own.
//
// Owns:    the server and what runs in it; gone with the object.
// Errors:  NotFound without tmux; DeadlineExceeded with the screen as it was.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include <string>
#include <vector>

namespace tcpfleet::tests {

class TmuxTerminal {
 public:
  struct Options {
    int width = 80;
    int height = 24;
    std::vector<std::string> arguments;  // of the program
    std::vector<std::string> environment =
        {};  // "NAME=VALUE", instead of LANG, TZ and COLORTERM here
  };
  static absl::StatusOr<TmuxTerminal> Start(const Options& options);
  TmuxTerminal(TmuxTerminal&& other) noexcept;
  TmuxTerminal& operator=(TmuxTerminal&&) = delete;
  ~TmuxTerminal();

  // As tmux names them: "Enter", "Down", "C-c", "x".
  absl::Status Press(const std::vector<std::string>& keys);
  absl::Status Type(const std::string& text);
  absl::Status Resize(int width, int height);

  // What is to be seen, without blanks at line ends.
  std::string Text() const;
  // The same once it holds `text` and has not changed for 300 ms.
  absl::StatusOr<std::string> TextWith(absl::string_view text,
                                       absl::Duration timeout = absl::Seconds(20)) const;
  // Process of the program.
  absl::StatusOr<int> Pid() const;

 private:
  explicit TmuxTerminal(std::string socket) : socket_(std::move(socket)) {}
  std::vector<std::string> Command(std::vector<std::string> words) const;

  std::string socket_;
};

}  // namespace tcpfleet::tests

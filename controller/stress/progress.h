// Shows a run while it goes on: a block redrawn in place on a terminal, else one line per interval;
// and one JSON object per interval for --output jsonl.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "controller/stress/run.h"

namespace tcpfleet::controller {

struct TerminalSize {
  int columns = 80;
  int lines = 24;
};

// Lines that are written over by the next ones, also after the terminal changed its width.
class RedrawnBlock {
 public:
  explicit RedrawnBlock(std::ostream& out) : out_(out) {}
  void Draw(const std::vector<std::string>& lines, int columns);

 private:
  std::ostream& out_;
  std::vector<int> drawn_widths_;
};

class RunProgress final : public RunObserver {
 public:
  struct Options {
    bool has_responses = false;
    // Asked at every redraw; null when `talk` is no terminal.
    std::function<TerminalSize()> terminal_size;
    // Where the JSON objects go; null for none.
    std::ostream* jsonl = nullptr;
  };
  RunProgress(std::ostream& talk, Options options)
      : talk_(talk), options_(std::move(options)), block_(talk) {}

  void OnInterval(const RunView& view) override;

 private:
  std::ostream& talk_;
  const Options options_;
  RedrawnBlock block_;
};

}  // namespace tcpfleet::controller

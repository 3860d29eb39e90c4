#include "controller/stress/progress.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "controller/cli/printer.h"
#include "controller/cli/text.h"
#include "controller/stress/live_view.h"
#include "controller/stress/report.h"

namespace tcpfleet::controller {
namespace {

// Source: ECMA-48: CUU, EL, ED.
constexpr const char* kEraseToLineEnd = "\x1b[K";
constexpr const char* kEraseBelow = "\x1b[J";

}  // namespace

void RedrawnBlock::Draw(const std::vector<std::string>& lines, int columns) {
  int rows_up = 0;  // a line wider than the terminal is now has been wrapped by it
  for (const int width : drawn_widths_) rows_up += std::max(1, (width + columns - 1) / columns);
  if (rows_up > 0) out_ << "\x1b[" << rows_up << "A\r";
  drawn_widths_.clear();
  for (const std::string& line : lines) {
    out_ << line << kEraseToLineEnd << "\n";
    drawn_widths_.push_back(DisplayWidth(line));
  }
  out_ << kEraseBelow << std::flush;
}

void RunProgress::OnInterval(const RunView& view) {
  if (options_.jsonl != nullptr) {
    const absl::Status written = WriteJsonl(*options_.jsonl, BuildInterval(view));
    if (!written.ok()) talk_ << written.message() << "\n";
    options_.jsonl->flush();
  }
  if (options_.terminal_size == nullptr) {
    talk_ << LiveLine(view, options_.has_responses) << std::endl;
    return;
  }
  const TerminalSize size = options_.terminal_size();
  // The last column stays free: some terminals wrap as soon as it is written. The last line is the
  // cursor's.
  const int columns = std::max(size.columns, 2);
  block_.Draw(LiveBlock(view, options_.has_responses, columns - 1, size.lines - 1), columns);
}

}  // namespace tcpfleet::controller

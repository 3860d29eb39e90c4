#include "controller/tui/filter_line.h"

#include <absl/status/statusor.h>
#include <absl/strings/ascii.h>

#include <algorithm>

#include "controller/cli/text.h"
#include "controller/tui/wrap.h"

namespace tcpfleet::controller {

FilterLine::FilterLine(const std::optional<filter::Filter>& filter)
    : filter_(filter), before_(filter), edit_(filter.has_value() ? filter->text() : "") {}

FilterLine::Outcome FilterLine::OnKey(const Key& key) {
  if (key.code == Key::Code::kEscape) {
    filter_ = before_;
    return Outcome::kCancelled;
  }
  if (key.code == Key::Code::kEnter) return mistake_.empty() ? Outcome::kAccepted : Outcome::kOpen;
  if (!edit_.OnKey(key)) return Outcome::kOpen;
  mistake_.clear();
  if (absl::StripAsciiWhitespace(edit_.text()).empty()) {
    filter_.reset();
    return Outcome::kOpen;
  }
  absl::StatusOr<filter::Filter> parsed = filter::Filter::Parse(edit_.text());
  if (parsed.ok()) {
    filter_ = *std::move(parsed);
  } else {
    mistake_ = std::string(parsed.status().message());
  }
  return Outcome::kOpen;
}

void FilterLine::Draw(Canvas& canvas, int y) const {
  canvas.Clear(y, y + kLines);
  const int begin = canvas.Put(0, y, "Filter: ", kBoldLook);
  const int room = std::max(1, canvas.width() - begin - 1);
  // What does not fit is cut at the left: the cursor stays in sight.
  absl::string_view text = edit_.text();
  size_t before_cursor = edit_.cursor();
  while (before_cursor > 0 && DisplayWidth(text.substr(0, before_cursor)) > room) {
    text.remove_prefix(1);
    --before_cursor;
  }
  canvas.Put(begin, y, text);
  canvas.cursor_x = begin + DisplayWidth(text.substr(0, before_cursor));
  canvas.cursor_y = y;
  if (mistake_.empty()) {
    canvas.Put(0, y + 1, "Enter keeps it, Esc goes back; for example: rtt > 20ms and retrans > 0",
               kDimLook);
  } else {
    for (const std::string& line : Wrapped(mistake_, canvas.width(), 0)) {
      if (++y >= canvas.height()) break;
      canvas.Put(0, y, line, {.tone = Tone::kBad, .bold = true});
    }
  }
}

}  // namespace tcpfleet::controller

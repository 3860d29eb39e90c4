#pragma once

#include <optional>
#include <string>

#include "common/filter/filter.h"
#include "controller/tui/canvas.h"
#include "controller/tui/key.h"
#include "controller/tui/line_edit.h"

namespace tcpfleet::controller {

// A filter being typed. It holds as soon as it is right; while it is not, the last right one holds
// and the mistake is shown.
class FilterLine {
 public:
  explicit FilterLine(const std::optional<filter::Filter>& filter);

  enum class Outcome { kOpen, kAccepted, kCancelled };
  Outcome OnKey(const Key& key);

  // What holds now; after kCancelled what held when the line was opened.
  const std::optional<filter::Filter>& filter() const { return filter_; }

  static constexpr int kLines = 3;
  // The line, and below it the mistake or a hint; `kLines` in all, from `y` on.
  void Draw(Canvas& canvas, int y) const;

 private:
  std::optional<filter::Filter> filter_;
  const std::optional<filter::Filter> before_;
  LineEdit edit_;
  std::string mistake_;  // empty: none
};

}  // namespace tcpfleet::controller

// What a run looks like while it goes on: a block of lines for terminals, one line for logs. Pure.
#pragma once

#include <string>
#include <vector>

#include "controller/stress/run.h"

namespace tcpfleet::controller {

// At most `most_lines` lines (at least 4), none wider than `columns`: header, one line per agent,
// "… and N more" when they do not fit, total, elapsed and remaining time. Columns that do not fit
// are left out from the right.
std::vector<std::string> LiveBlock(const RunView& view, bool has_responses, int columns,
                                   int most_lines);

// The total of the interval.
std::string LiveLine(const RunView& view, bool has_responses);

}  // namespace tcpfleet::controller

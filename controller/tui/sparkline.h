// Small pictures of numbers over time: the newest is at the right; what is unknown (NaN) is blank.
// They start at 0; 0 itself is drawn as the lowest line.
#pragma once

#include <absl/types/span.h>

#include <string>
#include <vector>

namespace tcpfleet::controller {

// `width` letters, scaled to the largest value shown.
std::string Sparkline(absl::Span<const float> values, int width);

struct Plot {
  std::vector<std::string> lines;  // from the top, `width` letters each
  float largest = 0;               // what the top stands for; NaN when nothing is known
};
Plot DrawPlot(absl::Span<const float> values, int width, int height);

}  // namespace tcpfleet::controller

#include "controller/tui/sparkline.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace tcpfleet::controller {
namespace {

constexpr int kLevels = 8;
constexpr absl::string_view kBlocks[kLevels + 1] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

absl::Span<const float> Newest(absl::Span<const float> values, int width) {
  const auto most = static_cast<size_t>(std::max(width, 0));
  return values.size() > most ? values.subspan(values.size() - most) : values;
}

float Largest(absl::Span<const float> values) {
  float largest = std::numeric_limits<float>::quiet_NaN();
  for (const float value : values) largest = std::fmax(largest, value);
  return largest;
}

// 0: unknown; 1: zero; up to `levels` for `largest`.
int LevelOf(float value, float largest, int levels) {
  if (std::isnan(value)) return 0;
  if (value <= 0 || largest <= 0) return 1;
  const float share = std::min(1.0F, value / largest);
  return std::min(levels, 2 + static_cast<int>(share * static_cast<float>(levels - 1) - 1e-4F));
}

}  // namespace

std::string Sparkline(absl::Span<const float> values, int width) {
  return DrawPlot(values, width, 1).lines.front();
}

Plot DrawPlot(absl::Span<const float> values, int width, int height) {
  values = Newest(values, width);
  Plot plot{.lines = {}, .largest = Largest(values)};
  const int blanks = width - static_cast<int>(values.size());
  for (int line = height - 1; line >= 0; --line) {
    std::string text(static_cast<size_t>(std::max(blanks, 0)), ' ');
    for (const float value : values) {
      const int level = LevelOf(value, plot.largest, height * kLevels) - line * kLevels;
      absl::StrAppend(&text, kBlocks[std::clamp(level, 0, kLevels)]);
    }
    plot.lines.push_back(text);
  }
  return plot;
}

}  // namespace tcpfleet::controller

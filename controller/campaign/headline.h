// The numbers of a run that several runs are compared by.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <optional>
#include <string>
#include <vector>

#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

struct HeadlineNumber {
  absl::string_view name;  // its path in RunResult; cpuUsPerOperation is made of two
  absl::string_view title;
  // Nothing when the run did not observe it.
  std::optional<double> (*read)(const v1::StressReport& report);
};

absl::Span<const HeadlineNumber> HeadlineNumbers();

// The title of a headline number; any other path is its own.
std::string TitleOf(absl::string_view name);

// "2.4k", "1.71 ms", "9.4Gbit/s", "0.2%": the unit is told by the path.
std::string NumberText(absl::string_view name, double value);

v1::NumberSpread SpreadOf(absl::string_view name, const std::vector<double>& values);

}  // namespace tcpfleet::controller

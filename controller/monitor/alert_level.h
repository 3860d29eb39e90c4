#pragma once

#include <absl/strings/string_view.h>

#include <optional>

namespace tcpfleet::controller {

// How bad it is; ascending. Findings and alerts say it as text: "" is kNone.
enum class AlertLevel { kNone, kInfo, kWarn, kCrit };

absl::string_view AlertLevelName(AlertLevel level);
// Nothing when it is none of "", info, warn and crit.
std::optional<AlertLevel> ParseAlertLevel(absl::string_view name);

}  // namespace tcpfleet::controller

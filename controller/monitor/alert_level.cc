#include "controller/monitor/alert_level.h"

#include <array>

namespace tcpfleet::controller {
namespace {

constexpr std::array<absl::string_view, 4> kNames = {"", "info", "warn", "crit"};

}  // namespace

absl::string_view AlertLevelName(AlertLevel level) { return kNames[static_cast<size_t>(level)]; }

std::optional<AlertLevel> ParseAlertLevel(absl::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<AlertLevel>(i);
  }
  return std::nullopt;
}

}  // namespace tcpfleet::controller

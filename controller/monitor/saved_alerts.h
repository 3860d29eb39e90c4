// Alerts that come from a file: they may be of another version, or of nobody who meant alerts.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>

#include "tcpfleet/v1/monitor.pb.h"

namespace tcpfleet::controller {

inline constexpr uint32_t kMonitorStateFormat = 1;

// InvalidArgument unless an AlertEngine can have saved this.
absl::Status CheckSavedAlerts(const v1::MonitorState& state);

// Nothing in it is later than `now`: the clock may have been ahead when it was saved.
void BoundAlertTimes(v1::Alert& alert, absl::Time now);

}  // namespace tcpfleet::controller

#include "controller/monitor/saved_alerts.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "controller/monitor/alert_engine.h"
#include "controller/monitor/alert_level.h"
#include "controller/monitor/time_proto.h"

namespace tcpfleet::controller {

absl::Status CheckSavedAlerts(const v1::MonitorState& state) {
  if (state.format() != kMonitorStateFormat) {
    return absl::InvalidArgumentError(
        absl::StrCat("format ", state.format(), ", known is ", kMonitorStateFormat));
  }
  if (state.alerts_size() > static_cast<int>(kMostAlerts + kMostResolved)) {
    return absl::InvalidArgumentError(absl::StrCat(state.alerts_size(), " alerts, at most ",
                                                   kMostAlerts + kMostResolved, " are kept"));
  }
  for (const v1::Alert& alert : state.alerts()) {
    const bool is_open = alert.state() == "firing" || alert.state() == "pending";
    const bool has_state = is_open || alert.state() == "resolved";
    if (!has_state ||
        ParseAlertLevel(alert.severity()).value_or(AlertLevel::kNone) == AlertLevel::kNone ||
        (is_open && !alert.has_since()) || alert.changes_size() > kMostAlertChanges) {
      return absl::InvalidArgumentError(
          absl::StrCat("the alert of ", alert.rule(), " on ", alert.host(),
                       " has not a state, a severity, a time and its changes as they are saved"));
    }
  }
  return absl::OkStatus();
}

void BoundAlertTimes(v1::Alert& alert, absl::Time now) {
  const auto bound = [&](google::protobuf::Timestamp* timestamp) {
    *timestamp = ToTimestamp(std::min(ToTime(*timestamp), now));
  };
  if (alert.has_since()) bound(alert.mutable_since());
  if (alert.has_fired_at()) bound(alert.mutable_fired_at());
  if (alert.has_resolved_at()) bound(alert.mutable_resolved_at());
  if (alert.has_last_seen()) bound(alert.mutable_last_seen());
  if (alert.has_unknown_since()) bound(alert.mutable_unknown_since());
  if (alert.has_lower_since()) bound(alert.mutable_lower_since());
  if (alert.has_notified_at()) bound(alert.mutable_notified_at());
}

}  // namespace tcpfleet::controller

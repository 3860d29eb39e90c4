// Alerts as Alertmanager's API takes them (POST /api/v2/alerts): a JSON array of postableAlert.
// Source: github.com/prometheus/alertmanager, api/v2/openapi.yaml.
#pragma once

#include <absl/time/time.h>
#include <absl/types/span.h>

#include <map>
#include <string>

#include "tcpfleet/v1/monitor.pb.h"

namespace tcpfleet::controller {

// Alertmanager knows an alert by its labels: alertname (the rule), host, severity, and where there
// is one network_namespace and subject. So one that has another severity is another alert, and the
// one before ends. `labels` do not replace these.
//
// What was told to fire ends at `expires` unless it is posted again.
std::string AlertmanagerJson(absl::Span<const v1::Alert> told,
                             absl::Span<const v1::AlertNotification> notifications,
                             const std::map<std::string, std::string>& labels, absl::Time expires);

}  // namespace tcpfleet::controller

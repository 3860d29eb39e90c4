// What a monitor sees, as lines. Pure.
#pragma once

#include <string>
#include <vector>

#include "controller/monitor/fleet_traffic.h"
#include "tcpfleet/v1/monitor.pb.h"

namespace tcpfleet::controller {

struct DashboardSize {
  int columns = 0;  // 0: lines are as long as they are
  int lines = 0;    // 0: all of them
  bool color = false;
};

// Fleet, states, ports and processes; then alerts, hosts, use of ports, patterns and sinks, the
// worst of each first. What does not fit is counted: "… and 7 more".
std::vector<std::string> DashboardLines(const v1::MonitorReport& report,
                                        const FleetTraffic& traffic, const DashboardSize& size);

// "2026-11-20T17:30:00Z fired warn web1: accept queue overflows (0.0.0.0:80 nginx[812])"
std::string NotificationLine(const v1::AlertNotification& notification);

}  // namespace tcpfleet::controller

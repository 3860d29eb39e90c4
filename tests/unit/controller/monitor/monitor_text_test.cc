#include "controller/monitor/monitor_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/cli/text.h"
#include "tests/support/golden.h"

namespace tcpfleet::controller {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Le;
using testing::ResultOf;
using testing::SizeIs;
using tests::ExpectGolden;

constexpr int64_t kNow = 1'700'000'000;

void AddSeries(const std::string& name, const std::string& unit, double last,
               v1::MonitoredHost& host) {
  v1::SeriesSummary& series = *host.add_series();
  series.set_name(name);
  series.set_unit(unit);
  series.set_last(last);
  series.mutable_pattern()->set_kind("flat");
}

v1::MonitoredHost& AddHost(const std::string& name, const std::string& health,
                           v1::MonitorReport& report) {
  v1::MonitoredHost& host = *report.add_hosts();
  host.set_name(name);
  host.set_health(health);
  AddSeries("connections", "connections", 1'234, host);
  AddSeries("time_wait", "sockets", 56, host);
  AddSeries("connect_rate", "1/s", 7.25, host);
  AddSeries("retransmitted_share", "share", 0.001, host);
  AddSeries("port_use", "share", 0.75, host);
  return host;
}

v1::Alert& AddAlert(const std::string& state, int64_t seconds_ago, v1::MonitorReport& report) {
  v1::Alert& alert = *report.add_alerts();
  alert.set_host("web1");
  alert.set_rule("accept-queue-overflow");
  alert.set_state(state);
  alert.set_severity("crit");
  alert.set_title("connections are dropped");
  alert.set_subject("0.0.0.0:80 nginx[812]");
  for (auto* time :
       {alert.mutable_fired_at(), alert.mutable_since(), alert.mutable_resolved_at()}) {
    time->set_seconds(kNow - seconds_ago);
  }
  return alert;
}

// web1 is bad, web2 silent, web3 fine.
v1::MonitorReport Report() {
  v1::MonitorReport report;
  report.mutable_started_at()->set_seconds(kNow - 750);
  report.mutable_ended_at()->set_seconds(kNow);
  report.set_interval_seconds(10);
  v1::PortUse& use = *AddHost("web1", "crit", report).add_port_use();
  use.set_peer_address("2001:db8::1");
  use.set_peer_port(443);
  use.set_used(750);
  use.set_usable(1'000);
  use.mutable_owner()->set_comm("haproxy\x1b[2J");
  v1::MonitoredHost& silent = AddHost("web2", "unknown", report);
  silent.set_why("connection refused");
  for (v1::SeriesSummary& series : *silent.mutable_series()) series.set_unknown_why("no answer");
  v1::SeriesPattern& pattern = *AddHost("web3", "ok", report).mutable_series(0)->mutable_pattern();
  pattern.set_kind("rising");
  pattern.set_why("by 300 in 600 s, noise 2");
  v1::AgentFailure& failure = *report.add_failures();
  failure.set_name("web2");
  AddAlert("firing", 125, report);
  v1::Alert& unknown = AddAlert("pending", 20, report);
  unknown.mutable_unknown_since()->set_seconds(kNow - 5);
  unknown.set_network_namespace("blue");
  AddAlert("resolved", 3'600, report).clear_subject();
  v1::SinkStatus& sink = *report.add_sinks();
  sink.set_name("webhook http://127.0.0.1:9093");
  sink.set_delivered(3);
  sink.set_waiting(2);
  sink.set_last_error("connection refused");
  return report;
}

FleetTraffic Traffic() {
  v1::KernelSnapshot snapshot;
  v1::SocketSummary& sockets = *snapshot.add_namespaces()->mutable_sockets();
  (*sockets.mutable_states())["ESTAB"] = 1'200;
  (*sockets.mutable_states())["LISTEN"] = 7;
  v1::SocketGroup& port = *sockets.add_local_ports();
  port.set_local_port(443);
  port.set_sockets(900);
  v1::SocketGroup& process = *sockets.add_processes();
  process.mutable_owner()->set_comm("nginx");
  process.set_sockets(1'000);
  FleetTraffic traffic;
  traffic.Add(snapshot);
  traffic.Add(snapshot);
  return traffic;
}

TEST(MonitorText, DrawsTheFleet) {
  ExpectGolden("dashboard.txt",
               absl::StrJoin(DashboardLines(Report(), Traffic(), {}), "\n") + "\n");
}

TEST(MonitorText, FitsASmallTerminal) {
  v1::MonitorReport report = Report();
  for (int i = 0; i < 200; ++i) AddHost(absl::StrCat("db", i), "ok", report);
  for (int i = 0; i < 50; ++i) AddAlert("firing", i, report);
  const std::vector<std::string> lines =
      DashboardLines(report, Traffic(), {.columns = 79, .lines = 23});
  EXPECT_THAT(lines, SizeIs(23));
  EXPECT_THAT(lines, Each(ResultOf([](const auto& line) { return DisplayWidth(line); }, Le(79))));
  ExpectGolden("dashboard_80x24.txt", absl::StrJoin(lines, "\n") + "\n");
}

TEST(MonitorText, ColoursWhatIsWrong) {
  v1::MonitorReport report;
  AddAlert("firing", 0, report);
  AddHost("web1", "warn", report);
  AddHost("web2", "ok", report);
  const std::string shown = absl::StrJoin(DashboardLines(report, Traffic(), {.color = true}), "\n");
  EXPECT_THAT(shown, HasSubstr("\x1b[31mcrit"));
  EXPECT_THAT(shown, HasSubstr("\x1b[33mweb1"));
  EXPECT_THAT(shown, HasSubstr("\nweb2"));
}

TEST(MonitorText, FitsIntoLessThanItNeeds) {
  EXPECT_THAT(DashboardLines(Report(), Traffic(), {.columns = 10, .lines = 3}), SizeIs(3));
}

TEST(MonitorText, AnEmptyFleetHasLines) {
  EXPECT_THAT(absl::StrJoin(DashboardLines({}, {}, {}), "\n"), HasSubstr("0 answer, 0 silent"));
}

TEST(MonitorText, SaysANotificationOnOneLine) {
  v1::AlertNotification notification;
  notification.mutable_time()->set_seconds(kNow);
  notification.set_event("fired");
  v1::MonitorReport report;
  *notification.mutable_alert() = AddAlert("firing", 0, report);
  notification.mutable_alert()->set_title("connections\nare dropped");
  EXPECT_EQ(NotificationLine(notification),
            "2023-11-14T22:13:20Z fired crit web1 accept-queue-overflow: connections?are dropped "
            "(0.0.0.0:80 nginx[812])");
}

}  // namespace
}  // namespace tcpfleet::controller

#include "controller/monitor/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/sys/file.h"
#include "controller/monitor/state_file.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/fleet/fakes.h"
#include "tests/unit/controller/monitor/snapshots.h"

namespace tcpfleet::controller {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;
using tests::IsOk;
using tests::StatusIs;

class MonitorTest : public testing::Test {
 protected:
  static MonitorConfig Immediate() {
    MonitorConfig config;
    config.series.push_back(
        {FindSeriesDefinition("port_use"), {{AlertLevel::kWarn, {.above = 0.7, .clear = 0.63}}}});
    config.timing = {.hold = absl::ZeroDuration(), .clear = absl::ZeroDuration()};
    return config;
  }
  // A round 10 s after the one before.
  std::vector<v1::AlertNotification> Add(MonitorRound round) {
    clock_.now_ns += 10'000'000'000;
    return monitor_.Add(std::move(round));
  }
  MonitorRound Answers(uint32_t ports_used) {
    MonitorRound round;
    ++rounds_;
    for (const char* name : {"web1", "web2"}) {
      v1::KernelSnapshot snapshot =
          SnapshotAfter(10 * rounds_, 100 * static_cast<uint64_t>(rounds_));
      if (name == std::string("web1")) AddPortUse("198.18.0.2", ports_used, 1'000, snapshot);
      round.hosts.push_back({name, std::string(name) + ":7117", std::move(snapshot)});
    }
    return round;
  }
  static const v1::SeriesSummary& SeriesOf(const v1::MonitoredHost& host, const std::string& name) {
    for (const v1::SeriesSummary& series : host.series()) {
      if (series.name() == name) return series;
    }
    ADD_FAILURE() << "no " << name;
    return host.series(0);
  }

  FakeClock clock_;
  Monitor monitor_{Immediate(), absl::Hours(1), clock_};
  int64_t rounds_ = 0;
};

TEST_F(MonitorTest, ReportsHostsSeriesPatternsAndPortUse) {
  for (int i = 0; i < 30; ++i) Add(Answers(100));
  const v1::MonitorReport report = monitor_.Report();
  ASSERT_EQ(report.hosts_size(), 2);
  const v1::MonitoredHost& web1 = report.hosts(0);
  EXPECT_EQ(web1.name(), "web1");
  EXPECT_EQ(web1.address(), "web1:7117");
  EXPECT_EQ(web1.health(), "ok");
  EXPECT_EQ(web1.series_size(), static_cast<int>(SeriesDefinitions().size()));
  const v1::SeriesSummary& connections = SeriesOf(web1, "connections");
  EXPECT_EQ(connections.samples(), 30u);
  EXPECT_EQ(connections.mean(), 40);
  EXPECT_EQ(connections.pattern().kind(), "flat");
  EXPECT_EQ(connections.points_size(), 30);
  // The first round has nothing to compare with.
  EXPECT_EQ(SeriesOf(web1, "connect_rate").samples(), 29u);
  EXPECT_EQ(SeriesOf(web1, "connect_rate").p50(), 10);
  ASSERT_EQ(web1.port_use_size(), 1);
  EXPECT_EQ(web1.port_use(0).used(), 100u);
  EXPECT_EQ(report.alerts_size(), 0);
  EXPECT_EQ(report.interval_seconds(), 10);
  EXPECT_EQ(report.ended_at().seconds() - report.started_at().seconds(), 300);
}

TEST_F(MonitorTest, TellsOfThresholdsAndRules) {
  MonitorRound round = Answers(750);
  v1::Finding& finding = *round.diagnosis.add_findings();
  finding.set_rule("accept-queue-overflow");
  finding.set_severity("crit");
  finding.add_hosts("web2");
  const std::vector<v1::AlertNotification> told = Add(std::move(round));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].alert().rule(), "port_use");
  EXPECT_EQ(told[0].alert().subject(), "198.18.0.1 to 198.18.0.2:443");
  EXPECT_EQ(told[1].alert().rule(), "accept-queue-overflow");
  const v1::MonitorReport report = monitor_.Report();
  EXPECT_EQ(report.hosts(0).health(), "warn");
  EXPECT_EQ(report.hosts(1).health(), "crit");
  EXPECT_EQ(report.alerts(0).severity(), "crit");
  EXPECT_EQ(report.diagnosis().findings_size(), 1);
  EXPECT_EQ(monitor_.told().size(), 2u);
}

TEST_F(MonitorTest, AHostThatDoesNotAnswerIsUnknown) {
  Add(Answers(100));
  MonitorRound round = Answers(100);
  round.hosts[1].snapshot.reset();
  v1::AgentFailure& failure = round.failures.emplace_back();
  failure.set_name("web2");
  failure.set_cause("connection refused");
  const std::vector<v1::AlertNotification> told = Add(std::move(round));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].alert().rule(), "agent-silent");
  EXPECT_EQ(told[0].alert().title(), "the agent does not answer: connection refused");
  const v1::MonitorReport report = monitor_.Report();
  EXPECT_EQ(report.hosts(0).health(), "ok");
  EXPECT_EQ(report.hosts(1).health(), "unknown");
  EXPECT_EQ(report.hosts(1).why(), "connection refused");
  EXPECT_EQ(SeriesOf(report.hosts(1), "connections").unknown(), 1u);
  EXPECT_EQ(SeriesOf(report.hosts(1), "connections").unknown_why(), "connection refused");
  EXPECT_EQ(report.failures_size(), 1);
  Add(Answers(100));
  EXPECT_EQ(monitor_.Report().hosts(1).health(), "ok");
  EXPECT_EQ(monitor_.Report().alerts(0).state(), "resolved");
}

struct Place {
  const char* host;
  const char* network_namespace;
  const char* rule;
};

// What an earlier monitor left, long enough ago to be told of again.
v1::MonitorState Firing(const std::vector<Place>& places, FakeClock& clock) {
  AlertEngine engine({.timing = [](const std::string&) { return AlertTiming(); }}, clock);
  std::vector<RuleJudgement> judgements;
  for (const Place& place : places) {
    RuleJudgement& judgement = judgements.emplace_back();
    judgement.host = place.host;
    judgement.network_namespace = place.network_namespace;
    judgement.rule = place.rule;
    Symptom& symptom = judgement.symptoms.emplace_back();
    symptom.level = symptom.held = AlertLevel::kWarn;
  }
  EXPECT_EQ(engine.Evaluate(judgements, {}).size(), places.size());
  clock.now_ns += absl::ToInt64Nanoseconds(absl::Minutes(20));
  return engine.Save();
}

std::string PlaceText(const v1::Alert& alert) {
  return alert.host() + "/" + alert.network_namespace() + "/" + alert.rule();
}

TEST_F(MonitorTest, WhatIsNoLongerWatchedResolves) {
  MonitorConfig config = Immediate();
  config.rules_off.insert("accept-queue-overflow");
  Monitor monitor(config, absl::Hours(1), clock_);
  ASSERT_THAT(monitor.Restore(Firing({{"web9", "", "port_use"},
                                      {"web9", "", "agent-silent"},
                                      {"web1", "", "accept-queue-overflow"},
                                      {"web1", "", "connections"},
                                      {"web1", "netns 7", "port_use"},
                                      {"web1", "", "port-exhaustion"}},
                                     clock_)),
              IsOk());
  std::vector<std::string> resolved;
  for (const v1::AlertNotification& told : monitor.Add(Answers(100))) {
    EXPECT_EQ(told.event(), "resolved");
    resolved.push_back(PlaceText(told.alert()));
  }
  EXPECT_THAT(resolved, UnorderedElementsAre("web9//port_use", "web9//agent-silent",
                                             "web1//accept-queue-overflow", "web1//connections",
                                             "web1/netns 7/port_use"));
  ASSERT_EQ(monitor.told().size(), 1u);
  EXPECT_EQ(PlaceText(monitor.told()[0]), "web1//port-exhaustion");
}

TEST_F(MonitorTest, ASilentHostAndAnUnreadableNamespaceResolveNothing) {
  ASSERT_THAT(monitor_.Restore(Firing({{"web1", "netns 7", "port_use"},
                                       {"web2", "netns 7", "port_use"},
                                       {"web2", "", "port_use"}},
                                      clock_)),
              IsOk());
  MonitorRound round = Answers(100);
  round.hosts[0].snapshot->add_missing()->set_source("network namespace");
  round.hosts[1].snapshot.reset();
  Add(std::move(round));
  EXPECT_EQ(monitor_.told().size(), 4u);  // and that web2 is silent
}

TEST_F(MonitorTest, WhatCannotBeJudgedIsNotOk) {
  Monitor without_thresholds({}, absl::Hours(1), clock_);
  MonitorRound nothing = Answers(100);
  nothing.hosts[0].snapshot->mutable_namespaces(0)->clear_sockets();
  without_thresholds.Add(std::move(nothing));
  EXPECT_EQ(without_thresholds.Report().hosts(0).health(), "unknown");
  MonitorRound round = Answers(100);
  round.hosts[0].snapshot->mutable_namespaces(0)->clear_sockets();
  Add(std::move(round));
  EXPECT_EQ(monitor_.Report().hosts(0).health(), "unknown");
  EXPECT_THAT(monitor_.Report().hosts(0).why(), HasSubstr("inet_diag was not read"));
}

TEST(StateFile, KeepsAlerts) {
  const auto directory = sys::TemporaryDirectory::Create("tcpfleet-test");
  ASSERT_THAT(directory, IsOk());
  const std::string path = directory->path() + "/state.json";
  v1::MonitorState state;
  state.set_format(1);
  state.add_alerts()->set_rule("port_use");
  ASSERT_THAT(WriteStateFile(path, state), IsOk());
  const auto read = ReadStateFile(path);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->SerializeAsString(), state.SerializeAsString());
  for (const char* bad : {"", "{", "[]", "{\"format\": \"x\"}", "\xff"}) {
    ASSERT_THAT(sys::WriteFile(path, bad), IsOk());
    EXPECT_THAT(ReadStateFile(path), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(path)))
        << bad;
  }
  EXPECT_THAT(ReadStateFile(path + "x"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace tcpfleet::controller

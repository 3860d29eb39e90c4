#include "controller/monitor/monitor_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using tests::IsOk;
using tests::StatusIs;

const KnownRules& Rules() {
  static const auto& rules = *new KnownRules{
      {"accept-queue-overflow", {"crit_per_second"}},
      {"accept-queue-near-full", {"full_share", "least_backlog"}},
  };
  return rules;
}

absl::StatusOr<MonitorConfig> Parse(const std::string& yaml) {
  return ParseMonitorConfig("m.yaml", yaml, Rules());
}

TEST(MonitorConfig, HasDefaults) {
  for (const char* yaml : {"", "{}", "# nothing"}) {
    const auto config = Parse(yaml);
    ASSERT_THAT(config, IsOk());
    EXPECT_EQ(config->interval, absl::Seconds(10));
    EXPECT_EQ(config->TimingOf("any").hold, absl::Seconds(30));
    EXPECT_EQ(config->notify_interval, absl::Minutes(10));
    EXPECT_TRUE(config->series.empty()) << "rules mind ports by themselves";
    EXPECT_TRUE(config->sinks.empty());
  }
}

TEST(MonitorConfig, ReadsAllThereIs) {
  const auto config = Parse(R"(interval: 5s
for: 1m
clear_for: 3m
notify_interval: 5m
repeat_interval: never
series:
  connections: {warn: 50k, crit: 90k, for: 0s}
  port_use: {info: 0.5, warn: 70%, crit: {above: 90%, clear: 80%}}
rules:
  accept-queue-near-full: {full_share: 0.8, least_backlog: 16}
  accept-queue-overflow: off
clear:
  accept-queue-near-full: {full_share: 0.5}
timing:
  accept-queue-near-full: {clear_for: 5m}
sinks:
  - jsonl: {path: /tmp/alerts.jsonl, least_severity: warn}
  - webhook:
      url: https://alerts.example/am/
      labels: {team: net}
      headers: {Authorization: Bearer abc}
      ca_file: /etc/ca.pem
      timeout: 3s
      resend: 2s
  - command: {run: [page, --now], timeout: 1m}
)");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->interval, absl::Seconds(5));
  EXPECT_EQ(config->repeat_interval, absl::InfiniteDuration());
  ASSERT_EQ(config->series.size(), 2u);
  EXPECT_EQ(config->series[0].levels.at(AlertLevel::kCrit).above, 90'000);
  EXPECT_EQ(config->series[0].levels.at(AlertLevel::kCrit).clear, 81'000);
  EXPECT_EQ(config->TimingOf("connections").hold, absl::ZeroDuration());
  EXPECT_EQ(config->TimingOf("connections").clear, absl::Minutes(3));
  EXPECT_EQ(config->series[1].levels.at(AlertLevel::kCrit).clear, 0.8);
  EXPECT_EQ(config->TimingOf("accept-queue-near-full").hold, absl::Minutes(1));
  EXPECT_EQ(config->TimingOf("accept-queue-near-full").clear, absl::Minutes(5));
  EXPECT_EQ(config->TimingOf("other").clear, absl::Minutes(3));
  EXPECT_THAT(config->rules.at("accept-queue-near-full"),
              ElementsAre(Pair("full_share", 0.8), Pair("least_backlog", 16)));
  EXPECT_THAT(config->clear.at("accept-queue-near-full"), ElementsAre(Pair("full_share", 0.5)));
  EXPECT_THAT(config->rules_off, ElementsAre("accept-queue-overflow"));
  ASSERT_EQ(config->sinks.size(), 3u);
  EXPECT_EQ(config->sinks[0].least, AlertLevel::kWarn);
  EXPECT_EQ(std::get<JsonlSinkOptions>(config->sinks[0].kind).path, "/tmp/alerts.jsonl");
  const auto& webhook = std::get<WebhookSinkOptions>(config->sinks[1].kind);
  EXPECT_EQ(webhook.url.ToString(), "https://alerts.example:443/am");
  EXPECT_THAT(webhook.labels, ElementsAre(Pair("team", "net")));
  EXPECT_THAT(webhook.headers, ElementsAre(Pair("Authorization", "Bearer abc")));
  EXPECT_EQ(webhook.timeout, absl::Seconds(3));
  // Not more often than there are rounds.
  EXPECT_EQ(webhook.resend_interval, absl::Seconds(5));
  EXPECT_THAT(std::get<CommandSinkOptions>(config->sinks[2].kind).run,
              ElementsAre("page", "--now"));
}

TEST(MonitorConfig, RefusesWithFileAndLine) {
  const auto refuses = [](const std::string& yaml, const std::string& why) {
    EXPECT_THAT(Parse(yaml), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why))) << yaml;
  };
  refuses("[1]", "m.yaml:1: a configuration is a mapping");
  refuses("\ninterva: 5s", "m.yaml:2: unknown key 'interva', did you mean 'interval'?");
  refuses("for: 1s\nfor: 2s", "comes twice");
  refuses("interval: 5 parsecs", "m.yaml:1:");
  refuses("interval: 0s", "between 1s and 24h");
  refuses("interval: 25h", "between 1s and 24h");
  refuses("interval: [5]", "must be a duration");
  refuses("repeat_interval: 1m", "not be shorter");
  refuses("notify_interval: 5h", "not be shorter");
  refuses("series: 5", "mapping of series");
  refuses("series: {conections: {warn: 1}}", "did you mean 'connections'?");
  refuses("series: {connections: 5}", "write {warn: NUMBER");
  refuses("series: {connections: {}}", "no threshold");
  refuses("series: {connections: {wran: 5}}", "did you mean 'warn'?");
  refuses("series: {connections: {warn: -5}}", "no number");
  refuses("series: {connections: {warn: nan}}", "no number");
  refuses("series: {connections: {warn: .inf}}", "no number");
  refuses("series: {connections: {warn: 0}}", "more than 0");
  refuses("series: {connections: {warn: {clear: 5}}}", "`above` is missing");
  refuses("series: {connections: {warn: {above: 5, clear: 6}}}", "not be more than `above`");
  refuses("series: {connections: {warn: 9, crit: 9}}", "must ascend");
  refuses("rules: {accept-queue-overflo: off}", "did you mean 'accept-queue-overflow'?");
  refuses("rules: {accept-queue-overflow: on}", "or off");
  refuses("rules: {accept-queue-overflow: {crit_per_secnd: 1}}", "did you mean 'crit_per_second'?");
  refuses("rules: {accept-queue-overflow: {crit_per_second: often}}", "no number");
  refuses("clear: {accept-queue-overflow: off}", "write {NAME: NUMBER");
  refuses("timing: {accept-queue-overflow: 5s}", "write {for:");
  refuses("timing: {accept-queue-overflow: {fro: 5s}}", "did you mean 'for'?");
  refuses("sinks: {}", "must be a list");
  refuses("sinks: [jsonl]", "one of jsonl, command and webhook");
  refuses("sinks: [{mail: {to: me}}]", "unknown key 'mail'");
  refuses("sinks: [{jsonl: {}}]", "needs a `path`");
  refuses("sinks: [{jsonl: {path: x, least_severity: dire}}]", "one of info, warn and crit");
  refuses("sinks: [{command: {run: page}}]", "write [PROGRAM");
  refuses("sinks: [{command: {run: []}}]", "write [PROGRAM");
  refuses("sinks: [{command: {run: [x], timeout: 2m}}]", "at most 1m");
  refuses("sinks: [{webhook: {}}]", "needs a `url`");
  refuses("sinks: [{webhook: {url: alerts:9093}}]", "begins with http");
  refuses("sinks: [{webhook: {url: 'http://user:pw@h'}}]", "no place in it");
  refuses("sinks: [{webhook: {url: 'http://h', labels: {a-b: c}}}]", "no name");
  refuses("sinks: [{webhook: {url: 'http://h', headers: {'A: b': c}}}]", "no name");
  refuses("sinks: [{webhook: {url: 'http://h', headers: {A: \"b\\r\\nC: d\"}}}]", "one line");
  refuses("sinks: [{webhook: {url: 'http://h', resend: 0s}}]", "between 1s and 1h");
  refuses("a: [", "m.yaml:");
  std::string many = "sinks:\n";
  for (int i = 0; i < 17; ++i) many += "  - jsonl: {path: x}\n";
  refuses(many, "more than 16");
}

}  // namespace
}  // namespace tcpfleet::controller

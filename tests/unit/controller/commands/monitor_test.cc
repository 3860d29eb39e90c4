#include "controller/commands/monitor.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "common/sys/file.h"
#include "tcpfleet/v1/monitor.pb.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/commands/command_run.h"
#include "tests/unit/controller/monitor/snapshots.h"

namespace tcpfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::IsOk;

v1::MonitorReport ReportIn(const std::string& json) {
  v1::MonitorReport report;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &report).ok()) << json;
  return report;
}

class MonitorCommandTest : public testing::Test {
 protected:
  // Three quarters of a1's ports are in use; the last agent is silent when there are three.
  static FakeFleet Fleet(size_t size) {
    FakeFleet fake(size);
    for (size_t i = 0; i < size; ++i) {
      fake.clients[i]->snapshot_kernel = [i, round = int64_t{0}](const auto&,
                                                                 const auto& on_message) mutable {
        if (i == 2) return absl::UnavailableError("Connection refused");
        v1::SnapshotKernelResponse response;
        ++round;
        *response.mutable_snapshot() = SnapshotAfter(10 * round, 100);
        if (i == 0) AddPortUse("198.18.0.2", 750, 1'000, *response.mutable_snapshot());
        on_message(std::move(response));
        return absl::OkStatus();
      };
    }
    return fake;
  }

  std::string Path(const std::string& name) const {
    return absl::StrCat(directory_->path(), "/", name);
  }

  std::string Config(const std::string& yaml) {
    EXPECT_THAT(sys::WriteFile(Path("config.yaml"), yaml), IsOk());
    return Path("config.yaml");
  }

  CommandRun Run(std::vector<std::string> words, size_t agents = 2, int terminal_columns = 0) {
    FakeFleet fake = Fleet(agents);
    words.insert(words.begin(), "monitor");
    return RunOn(fake, words, terminal_columns);
  }

  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-test");
};

TEST_F(MonitorCommandTest, ReportsWhatItSawOverTheWholeTime) {
  const CommandRun run =
      Run({"--for", "60s", "--every", "10s", "--output", "json", "--report", Path("report.json")});
  EXPECT_EQ(run.exit_code, kOk) << run.err;
  const v1::MonitorReport report = ReportIn(run.out);
  ASSERT_EQ(report.hosts_size(), 2);
  EXPECT_EQ(report.hosts(0).series(0).samples(), 7u);
  EXPECT_EQ(report.hosts(0).port_use_size(), 1);
  EXPECT_EQ(report.hosts(0).health(), "warn");
  ASSERT_EQ(report.alerts_size(), 1) << run.out;
  EXPECT_EQ(report.alerts(0).rule(), "ephemeral-port-exhaustion");
  EXPECT_EQ(report.alerts(0).count(), 7u);
  EXPECT_EQ(report.diagnosis().hosts_size(), 2);
  EXPECT_EQ(ReportIn(sys::ReadFile(Path("report.json")).value()).alerts_size(), 1);
}

TEST_F(MonitorCommandTest, SaysOneLinePerNotificationInPipes) {
  const std::string config =
      Config(absl::StrCat("for: 20s\nsinks: [{jsonl: {path: ", Path("told"), "}}]\n"));
  const CommandRun run = Run({"--config", config, "--for", "60s"});
  EXPECT_EQ(run.exit_code, kOk) << run.err;
  EXPECT_EQ(run.out.find("2023-11-14T22:13:40Z fired warn a1 ephemeral-port-exhaustion: "), 0u)
      << run.out;
  EXPECT_THAT(run.out, HasSubstr("2 answer, 0 silent; 1 warn, 1 "));
  EXPECT_THAT(run.out, HasSubstr("jsonl"));
  const std::string told = sys::ReadFile(Path("told")).value();
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1) << told;
  const CommandRun lines = Run({"--for", "60s", "--output", "jsonl"});
  EXPECT_EQ(std::count(lines.out.begin(), lines.out.end(), '\n'), 1) << lines.out;
}

TEST_F(MonitorCommandTest, RedrawsADashboardOnTerminals) {
  const CommandRun run = Run({"--for", "10s"}, 2, 80);
  EXPECT_THAT(run.out, AllOf(HasSubstr("\x1b[K\n"), HasSubstr("A\r"), HasSubstr("198.18.0.2:443")));
  EXPECT_THAT(run.out, Not(HasSubstr("fired warn")));
}

TEST_F(MonitorCommandTest, FailsOnceWhenSomethingFires) {
  const CommandRun run = Run({"--once", "--output", "json"});
  EXPECT_EQ(run.exit_code, kCheckFailed) << run.err;
  EXPECT_EQ(ReportIn(run.out).hosts(0).series(0).samples(), 2u);
  const CommandRun calm =
      Run({"--once", "--config", Config("rules: {ephemeral-port-exhaustion: off}\n")});
  EXPECT_EQ(calm.exit_code, kOk) << calm.out << calm.err;
  const std::string series =
      "rules: {ephemeral-port-exhaustion: off}\nseries: {port_use: {warn: 70%}}\n";
  EXPECT_EQ(Run({"--once", "--config", Config(series)}).exit_code, kCheckFailed);
}

TEST_F(MonitorCommandTest, DoesNotTellAgainAfterARestart) {
  const std::vector<std::string> words = {"--once", "--state", Path("state.json"), "--output",
                                          "jsonl"};
  EXPECT_THAT(Run(words).out, HasSubstr("\"fired\""));
  const CommandRun again = Run(words);
  EXPECT_EQ(again.out, "");
  EXPECT_EQ(again.exit_code, kCheckFailed) << "it fires still";
}

TEST_F(MonitorCommandTest, AnAgentThatIsSilentIsUnknownAndTold) {
  const CommandRun run = Run({"--for", "60s", "--output", "json"}, 3);
  EXPECT_EQ(run.exit_code, kPartial);
  const v1::MonitorReport report = ReportIn(run.out);
  ASSERT_EQ(report.hosts_size(), 3);
  EXPECT_EQ(report.hosts(2).health(), "unknown");
  EXPECT_THAT(report.hosts(2).why(), HasSubstr("refused"));
  EXPECT_EQ(report.failures_size(), 1);
  EXPECT_EQ(std::count_if(report.alerts().begin(), report.alerts().end(),
                          [](const auto& alert) {
                            return alert.host() == "a3" && alert.rule() == "agent-silent" &&
                                   alert.state() == "firing";
                          }),
            1);
  const std::string config = Config("rules: {agent-silent: off}\n");
  EXPECT_THAT(Run({"--for", "60s", "--config", config}, 3).out, Not(HasSubstr("a3 agent-silent")));
}

TEST_F(MonitorCommandTest, JudgesByTheConfiguredNumbers) {
  const auto rules_of = [&](const std::string& yaml) {
    std::vector<std::string> rules;
    const CommandRun run = Run({"--for", "10s", "--config", Config(yaml), "--output", "json"});
    const v1::MonitorReport report = ReportIn(run.out);
    for (const auto& verdict : report.diagnosis().fine()) rules.push_back(verdict.rule());
    for (const auto& verdict : report.diagnosis().not_evaluated()) rules.push_back(verdict.rule());
    return rules;
  };
  EXPECT_THAT(rules_of(""), testing::Contains("accept-queue-overflow"));
  EXPECT_THAT(rules_of("rules: {accept-queue-overflow: off}\n"),
              Not(testing::Contains("accept-queue-overflow")));
}

// A queue that is three quarters full is reached at 0.7 and not left above 0.5.
TEST_F(MonitorCommandTest, RulesResolveBelowTheirClearThreshold) {
  const auto state_of = [&](const std::string& clear) {
    FakeFleet fake = Fleet(1);
    fake.clients[0]->snapshot_kernel = [round = int64_t{0}](const auto&,
                                                            const auto& on_message) mutable {
      v1::SnapshotKernelResponse response;
      ++round;
      *response.mutable_snapshot() = SnapshotAfter(10 * round, 100);
      v1::Listener& listener =
          *response.mutable_snapshot()->mutable_namespaces(0)->mutable_sockets()->add_listeners();
      listener.set_address("0.0.0.0");
      listener.set_port(80);
      listener.set_backlog(99);
      listener.set_accept_queue(round <= 6 ? 90 : 60);
      on_message(std::move(response));
      return absl::OkStatus();
    };
    const CommandRun run =
        RunOn(fake, {"monitor", "--for", "200s", "--config",
                     Config(absl::StrCat("for: 0s\nclear_for: 0s\n",
                                         "rules: {accept-queue-near-full: {share: 0.8}}\n", clear)),
                     "--output", "json"});
    const v1::MonitorReport report = ReportIn(run.out);
    for (const v1::Alert& alert : report.alerts()) {
      if (alert.rule() == "accept-queue-near-full") return alert.state();
    }
    return "no alert in " + run.out + run.err;
  };
  EXPECT_EQ(state_of(""), "resolved");
  EXPECT_EQ(state_of("clear: {accept-queue-near-full: {share: 0.5}}\n"), "firing");
}

TEST_F(MonitorCommandTest, RefusesWhatItCannotDo) {
  EXPECT_EQ(Run({"--output", "csv"}).exit_code, kUsage);
  EXPECT_EQ(Run({"--once", "--for", "10s"}).exit_code, kUsage);
  const CommandRun wrong =
      Run({"--config", Config("rules: {accept-queue-overflow: {crit_per_secnd: 1}}\n")});
  EXPECT_NE(wrong.exit_code, kOk);
  EXPECT_THAT(wrong.err, HasSubstr("config.yaml:1: "));
  const CommandRun nowhere = Run({"--for", "10s", "--report", Path("no/such/report")});
  EXPECT_NE(nowhere.exit_code, kOk);
  EXPECT_THAT(nowhere.err, HasSubstr("no/such"));
}

}  // namespace
}  // namespace tcpfleet::controller

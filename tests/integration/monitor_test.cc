// `tcpfleet monitor` on agents in namespaces: what breaks is told once, what heals is told once,
// and who does not answer is unknown.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/json_util.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_listener.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"
#include "tcpfleet/v1/monitor.pb.h"
#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint16_t kPort = 8080;
constexpr const char* kNearFull = "accept-queue-near-full";

class MonitorTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    web_ = AddAgent("web").host;
    client_ = AddAgent("client").host;
    // No overflow of a few connections is ever critical, so that nothing is told to be worse. What
    // is counted for the whole machine tells of all else that runs on it.
    ASSERT_THAT(
        sys::WriteFile(Path("config.yaml"),
                       absl::StrCat("for: 0s\nclear_for: 1s\nnotify_interval: 0s\n"
                                    "rules: {accept-queue-overflow: {crit_per_second: 1M}, "
                                    "softnet-backlog-drop: off, softnet-budget-squeeze: off, "
                                    "process-fd-exhaustion: off, neighbour-table-pressure: off}\n"
                                    "sinks: [{jsonl: {path: ",
                                    Path("told"), "}}]\n")),
        IsOk());
  }

  std::string Path(const std::string& name) const {
    return absl::StrCat(directory_->path(), "/", name);
  }

  std::vector<std::string> Arguments(std::vector<std::string> more) const {
    std::vector<std::string> all = {"--output",          "json",    "monitor", "--config",
                                    Path("config.yaml"), "--every", "1s"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  sys::UniqueFd Listen(int backlog) {
    absl::StatusOr<sys::UniqueFd> listener;
    EXPECT_THAT(web_->Run([&] {
      listener = sys::ListenTcp(kPort, backlog);
      return listener.status();
    }),
                IsOk());
    return std::move(listener).value();
  }

  // Begins connections and leaves them alone.
  void Connect(int count, std::vector<sys::UniqueFd>& sockets) {
    EXPECT_THAT(client_->Run([&] {
      const sys::SocketAddress address = sys::ToSocketAddress({web_->ipv4(), kPort});
      for (int i = 0; i < count; ++i) {
        sockets.emplace_back(sys::NewTcpSocket(AF_INET));
        EXPECT_THAT(sys::Connect(sockets.back().get(), address), AnyOf(0, EINPROGRESS));
      }
      return absl::OkStatus();
    }),
                IsOk());
  }

  // "fired", "resolved", ...: what the sink heard about a rule on a host.
  std::vector<std::string> Told(const std::string& host, const std::string& rule) const {
    std::vector<std::string> events;
    const std::string text = sys::ReadFile(Path("told")).value_or("");
    const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
    for (const std::string& line : lines) {
      v1::AlertNotification told;
      if (!google::protobuf::util::JsonStringToMessage(line, &told).ok()) continue;  // half written
      if (told.alert().host() == host && told.alert().rule() == rule) {
        events.push_back(told.event());
      }
    }
    return events;
  }

  static v1::MonitorReport Parse(const std::string& json) {
    v1::MonitorReport report;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &report).ok()) << json;
    return report;
  }

  // Ends it as Ctrl-C does.
  static v1::MonitorReport Interrupt(RunningProgram& monitor, int expected_exit_code) {
    monitor.process.Signal(SIGINT);
    EXPECT_EQ(monitor.process.WaitUntil(base::MonotonicNowNs() + 30'000'000'000).value_or(-1),
              expected_exit_code)
        << monitor.err.Text();
    return Parse(monitor.out.Text());
  }

  static const v1::MonitoredHost& HostIn(const v1::MonitorReport& report, const std::string& name) {
    for (const v1::MonitoredHost& host : report.hosts()) {
      if (host.name() == name) return host;
    }
    ADD_FAILURE() << "no " << name << " in " << report.DebugString();
    return v1::MonitoredHost::default_instance();
  }

  // "firing", ...
  static std::vector<std::string> StatesOf(const v1::MonitorReport& report, const std::string& host,
                                           const std::string& rule) {
    std::vector<std::string> states;
    for (const v1::Alert& alert : report.alerts()) {
      if (alert.host() == host && alert.rule() == rule) states.push_back(alert.state());
    }
    return states;
  }

  Host* web_ = nullptr;
  Host* client_ = nullptr;
};

TEST_F(MonitorTest, TellsOnceOfAQueueThatOverflowsAndOnceThatItDoesNoMore) {
  const sys::UniqueFd listener = Listen(4);
  std::vector<sys::UniqueFd> sockets;
  RunningProgram monitor = StartController(Arguments({"--report", Path("report.json")}));
  const std::string rule = "accept-queue-overflow";
  ASSERT_TRUE(EventuallyTrue(
      [&] {
        if (sockets.size() < 1'000) Connect(1, sockets);
        return !Told("web", rule).empty();
      },
      absl::Seconds(60)))
      << monitor.err.Text();
  sockets.clear();
  ASSERT_TRUE(EventuallyTrue(
      [&] {
        for (int fd = sys::Accept(listener.get()); fd >= 0; fd = sys::Accept(listener.get())) {
          const sys::UniqueFd accepted(fd);
        }
        return Told("web", rule).size() > 1;
      },
      absl::Seconds(60)))
      << monitor.err.Text();
  const v1::MonitorReport report = Interrupt(monitor, 0);
  EXPECT_THAT(Told("web", rule), ElementsAre("fired", "resolved"));
  EXPECT_THAT(StatesOf(report, "web", rule), ElementsAre("resolved"));
  EXPECT_THAT(StatesOf(report, "client", rule), IsEmpty());
  EXPECT_THAT(StatesOf(Parse(sys::ReadFile(Path("report.json")).value()), "web", rule),
              ElementsAre("resolved"));
  ASSERT_EQ(report.sinks_size(), 1);
  EXPECT_GE(report.sinks(0).delivered(), 2u);
}

TEST_F(MonitorTest, JudgesOnceAndDoesNotTellAgainAfterARestart) {
  const sys::UniqueFd listener = Listen(16);
  std::vector<sys::UniqueFd> sockets;
  Connect(14, sockets);
  const std::vector<std::string> arguments = Arguments({"--once", "--state", Path("state.json")});
  const CommandResult first = Controller(arguments);
  EXPECT_EQ(first.exit_code, 1) << first.err;
  EXPECT_THAT(StatesOf(Parse(first.out), "web", kNearFull), ElementsAre("firing"));
  EXPECT_EQ(HostIn(Parse(first.out), "web").health(), "warn");
  EXPECT_THAT(Told("web", kNearFull), ElementsAre("fired"));

  const CommandResult second = Controller(arguments);
  EXPECT_EQ(second.exit_code, 1) << second.err;
  EXPECT_THAT(StatesOf(Parse(second.out), "web", kNearFull), ElementsAre("firing"));
  EXPECT_THAT(Told("web", kNearFull), ElementsAre("fired"));

  sys::UniqueFd accepted(sys::Accept(listener.get()));
  while (accepted.get() >= 0) accepted = sys::UniqueFd(sys::Accept(listener.get()));
  const CommandResult third = Controller(arguments);
  EXPECT_THAT(Told("web", kNearFull), ElementsAre("fired", "resolved")) << third.out;
}

TEST_F(MonitorTest, AnAgentThatDiesIsUnknown) {
  RunningProgram monitor = StartController(Arguments({"--state", Path("state.json")}));
  // The first round is over.
  ASSERT_TRUE(
      EventuallyTrue([&] { return sys::ReadFile(Path("state.json")).ok(); }, absl::Seconds(60)))
      << monitor.err.Text();
  agent("client").program.process.Signal(SIGKILL);
  ASSERT_TRUE(
      EventuallyTrue([&] { return !Told("client", "agent-silent").empty(); }, absl::Seconds(60)))
      << monitor.err.Text();
  const v1::MonitorReport report = Interrupt(monitor, 3);
  EXPECT_EQ(HostIn(report, "client").health(), "unknown");
  EXPECT_FALSE(HostIn(report, "client").why().empty());
  EXPECT_TRUE(HostIn(report, "client").has_last_seen());
  EXPECT_NE(HostIn(report, "web").health(), "unknown") << HostIn(report, "web").why();
  EXPECT_THAT(StatesOf(report, "client", "agent-silent"), ElementsAre("firing"));
  EXPECT_EQ(report.failures_size(), 1);
  EXPECT_THAT(monitor.err.Text(), HasSubstr("1 of 2 agents failed"));
}

}  // namespace
}  // namespace tcpfleet::tests

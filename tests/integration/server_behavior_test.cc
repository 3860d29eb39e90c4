// What clients see of servers that misbehave on purpose, and of connections that must end.
#include "tests/integration/fleet_fixture.h"

namespace tcpfleet::tests {
namespace {

using ::testing::Contains;
using ::testing::Key;

class ServerBehaviorTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    AddAgent("web1");
    AddAgent("web2");
  }

  v1::StressReport StressWith(const std::string& behavior, std::vector<std::string> arguments,
                              int expected_exit_code = 0) {
    arguments.insert(arguments.end(), {"--serve", "web2", "--server-behavior", behavior, "--warmup",
                                       "0s", "--duration", "1s"});
    return Stress(std::move(arguments), expected_exit_code);
  }
};

TEST_F(ServerBehaviorTest, SlowReplyIsAllInTheServiceTime) {
  const v1::StressReport report = StressWith(
      "reply-delay=50ms", {"rr", "--connections", "4", "--rate", "40", "--cooldown", "200ms"});
  EXPECT_GE(report.total().service_latency_us().min(), 50'000);
  EXPECT_LT(report.total().connect_latency_us().p50(), 50'000);
}

TEST_F(ServerBehaviorTest, ResetsAreCountedAndConnectedAnew) {
  const v1::StressReport report = StressWith(
      "reset-after=10", {"rr", "--connections", "2", "--threshold", "failedPercent<100"});
  EXPECT_THAT(report.total().failed(), Contains(Key("reset")));
  EXPECT_GT(report.total().connections_opened(), 2u);
}

TEST_F(ServerBehaviorTest, SilenceIsNoticedByHeartbeats) {
  const v1::StressReport report =
      StressWith("silent", {"hold", "--connections", "5", "--heartbeat", "100ms", "--dead-after",
                            "300ms", "--threshold", "connectionsDead==5"});
  EXPECT_EQ(report.total().connections_dead(), 5u);
  EXPECT_EQ(report.total().connections_lost(), 5u);
}

TEST_F(ServerBehaviorTest, AnsweredHeartbeatsKeepConnections) {
  const v1::StressReport report =
      Stress({"hold", "--serve", "web2", "--connections", "5", "--heartbeat", "100ms",
              "--dead-after", "900ms", "--duration", "2s"});
  EXPECT_EQ(report.total().connections_dead(), 0u);
  EXPECT_EQ(report.total().active(), 5u);
  EXPECT_GT(report.total().bytes_received(), 0u);
}

TEST_F(ServerBehaviorTest, AClosedWindowStopsAStream) {
  const v1::StressReport report = StressWith(
      "zero-window",
      {"stream", "--direction", "send", "--connections", "1", "--threshold", "bytesSent<50000000"});
  const v1::RunResult& server = ResultOf(report, "web2", "server");
  EXPECT_EQ(server.bytes_received(), 0u);
}

TEST_F(ServerBehaviorTest, AStormOfReconnectsComesAfterAMassReset) {
  const v1::StressReport report =
      Stress({"hold", "--serve", "web2", "--connections", "50", "--shape", "storm@500ms",
              "--reconnect", "backoff:1ms-50ms", "--duration", "2s"});
  EXPECT_EQ(report.total().reconnects(), 50u);
  EXPECT_EQ(report.total().connections_opened(), 100u);
  EXPECT_EQ(ResultOf(report, "web2", "server").connections_accepted(), 100u);
}

TEST_F(ServerBehaviorTest, TheServerKeepsTimeWaitWhenItClosesFirst) {
  Stress({"crr", "--serve", "web2", "--close", "server-fin", "--connections", "4", "--rate", "100",
          "--warmup", "0s", "--duration", "1s"});
  const auto time_wait = [&](const char* name) {
    return agent(name).host->Command({"ss", "-tnH", "state", "time-wait"}).value().out;
  };
  // The controller's own connections may leave some on port 7117.
  const std::string on_client = time_wait("web1");
  EXPECT_TRUE(on_client.empty() || on_client.find(":7117") != std::string::npos) << on_client;
  EXPECT_FALSE(time_wait("web2").empty());
}

}  // namespace
}  // namespace tcpfleet::tests

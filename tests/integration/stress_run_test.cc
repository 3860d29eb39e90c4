// What a coordinated run delivers when nothing goes wrong.
#include <absl/strings/str_cat.h>

#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/link_emulator.h"
#include "tests/support/plain_server.h"

namespace tcpfleet::tests {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class StressRunTest : public FleetTest {};

class EveryWorkload : public FleetTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(EveryWorkload, CountsTheSameOnBothSides) {
  for (const char* name : {"web1", "web2", "web3"}) AddAgent(name);
  const v1::StressReport report =
      Stress({GetParam(), "--serve", "web3", "--connections", "17", "--duration", "1s", "--warmup",
              "0s", "--interval", "200ms", "--tcp-info", "all"});

  EXPECT_EQ(report.verdict(), "PASS") << report.verdict_reason();
  EXPECT_GT(report.total().succeeded(), 0u);
  EXPECT_THAT(report.total().failed(), IsEmpty());
  const v1::RunResult& server = ResultOf(report, "web3", "server");
  // A handshake under way at the end may be accepted there without being seen here.
  EXPECT_GE(server.connections_accepted(), report.total().connections_opened());
  EXPECT_LE(server.connections_accepted(),
            report.total().connections_opened() + report.total().cancelled());
  EXPECT_EQ(report.total().attempted(),
            ResultOf(report, "web1").attempted() + ResultOf(report, "web2").attempted());
  // A connection may open at the very end, after the last look at the clock.
  EXPECT_LE(report.total().connect_latency_us().count(), report.total().connections_opened());

  ASSERT_TRUE(report.has_start_skew_us());
  EXPECT_LT(report.start_skew_us(), 20'000);
  EXPECT_GT(report.total().tcp_info().connections_sampled(), 0u);
  EXPECT_GT(report.total().tcp_info().rtt_us().p50(), 0);
  EXPECT_EQ(report.total().tcp_info().total_retransmits(), 0u);
  EXPECT_TRUE(EventuallyTrue([&] {
    return agent("web1")
        .host->Command({"ss", "-tnH", "state", "connected", "exclude", "time-wait"})
        .value()
        .out.empty();
  })) << "connections stay behind on web1";
}

INSTANTIATE_TEST_SUITE_P(StressRun, EveryWorkload,
                         ::testing::Values("connect", "crr", "rr", "hold"),
                         [](const auto& workload) { return std::string(workload.param); });

TEST_F(StressRunTest, HoldsExactlyTheConnectionsAskedFor) {
  for (const char* name : {"web1", "web2", "web3"}) AddAgent(name);
  const v1::StressReport report = Stress(
      {"hold", "--serve", "web3", "--connections", "1001", "--duration", "1s", "--warmup", "0s"});
  EXPECT_EQ(report.total().succeeded(), 1001u);
  EXPECT_EQ(report.total().active(), 1001u);
  EXPECT_EQ(ResultOf(report, "web1").active() + ResultOf(report, "web2").active(), 1001u);
  EXPECT_EQ(ResultOf(report, "web3", "server").connections_accepted(), 1001u);
}

TEST_F(StressRunTest, KeepsTheRateOfTheWholeFleet) {
  for (const char* name : {"web1", "web2", "web3"}) AddAgent(name);
  const v1::StressReport report = Stress({"crr", "--serve", "web3", "--connections", "16", "--rate",
                                          "301", "--duration", "2s", "--warmup", "0s"});
  // Never ahead of the schedule; behind it only when this machine stalls.
  EXPECT_LE(report.total().attempted(), 603u);
  EXPECT_GE(report.total().attempted(), 500u);
}

TEST_F(StressRunTest, ReportsTheSocketOptionsInForce) {
  AddAgent("web1");
  AddAgent("web2");
  const v1::StressReport report =
      Stress({"rr", "--serve", "web2", "--connections", "2", "--duration", "500ms", "--warmup",
              "0s", "--close", "fin", "--keepalive", "40s/7s/4"});
  const v1::SocketOptions& options = ResultOf(report, "web1").socket_options();
  EXPECT_TRUE(options.no_delay());
  EXPECT_TRUE(options.keepalive());
  EXPECT_EQ(options.keepalive_idle_seconds(), 40u);
  EXPECT_EQ(options.keepalive_interval_seconds(), 7u);
  EXPECT_EQ(options.keepalive_probes(), 4u);
  EXPECT_FALSE(options.linger_reset());
  EXPECT_TRUE(ResultOf(report, "web2", "server").socket_options().reuse_address());
}

TEST_F(StressRunTest, LoadsAnyServerByNameAndAddressOfBothFamilies) {
  AddAgent("web1");
  Host& host = AddHost("plain");
  for (const base::IpAddress& address : {host.ipv4(), host.ipv6()}) {
    const auto server =
        PlainServer::Create(PlainServer::Behaviour::kEcho, {address, 0}, &host.network());
    ASSERT_TRUE(server.ok()) << server.status();
    const v1::StressReport report =
        Stress({"rr", "--target", (*server)->endpoint().ToString(), "--connections", "4",
                "--duration", "500ms", "--warmup", "0s"});
    EXPECT_GT(report.total().succeeded(), 4u);
    EXPECT_EQ((*server)->counters().accepted, report.total().connections_opened());
  }
}

TEST_F(StressRunTest, SeesRetransmissionsOnlyWhereSegmentsAreLost) {
  AddAgent("web1");
  AddAgent("web2");
  // A handshake that loses its SYN twice is not done in time: not all have to be.
  const std::vector<std::string> command = {
      "rr", "--serve",    "web2", "--connections",   "32",   "--duration",  "2s",      "--warmup",
      "0s", "--tcp-info", "all",  "--request-bytes", "1000", "--threshold", "active>0"};
  EXPECT_EQ(Stress(command).total().tcp_info().total_retransmits(), 0u);
  ASSERT_TRUE(agent("web2").host->DropShare(0.02).ok());
  EXPECT_GT(Stress(command).total().tcp_info().total_retransmits(), 0u);
  EXPECT_GT(agent("web2").host->LostPackets().value(), 0u);
}

TEST_F(StressRunTest, MeasuresTheDelayOfALongLink) {
  AddAgent("web1");
  AddAgent("web2");
  LinkEmulator::Shape shape;
  shape.delay = absl::Milliseconds(15);
  const auto link = LinkEmulator::Create({&agent("web1").host->network(), "198.19.0.1/30"},
                                         {&agent("web2").host->network(), "198.19.0.2/30"}, shape);
  ASSERT_TRUE(link.ok()) << link.status();
  const v1::StressReport report =
      Stress({"rr", "--serve", "web2@198.19.0.2", "--connections", "8", "--duration", "2s",
              "--warmup", "500ms", "--tcp-info", "all"});
  EXPECT_NEAR(report.total().tcp_info().min_rtt_us().p50(), 30'000, 3'000);
  EXPECT_NEAR(report.total().tcp_info().rtt_us().p50(), 30'000, 6'000);
  EXPECT_NEAR(report.total().response_latency_us().p50(), 30'000, 6'000);
}

TEST_F(StressRunTest, JudgesThresholds) {
  AddAgent("web1");
  AddAgent("web2");
  const v1::StressReport report =
      Stress({"crr", "--serve", "web2", "--connections", "4", "--duration", "500ms", "--warmup",
              "0s", "--threshold", "failedPercent<1", "--threshold", "connectLatencyUs.p99<0.001"},
             1);
  EXPECT_EQ(report.verdict(), "FAIL");
  ASSERT_THAT(report.thresholds(), SizeIs(2));
  EXPECT_TRUE(report.thresholds(0).passed());
  EXPECT_EQ(report.thresholds(0).observed(), 0);
  EXPECT_FALSE(report.thresholds(1).passed());
  EXPECT_GT(report.thresholds(1).observed(), 0.001);
}

}  // namespace
}  // namespace tcpfleet::tests

// Runs in network namespaces of their own, where ports and routes can be taken away.
#include <gtest/gtest.h>

#include <sstream>

#include "common/sys/file.h"
#include "common/sys/net_namespace.h"
#include "tests/support/network_lab.h"
#include "tests/support/run_command.h"
#include "tests/unit/agent/load/run_harness.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using tests::Host;
using tests::IsOk;

class LoadRunNetwork : public tests::NetworkLabTest {
 protected:
  // Sockets in TIME_WAIT in the namespace of `host`.
  static uint64_t TimeWaits(const Host& host) {
    uint64_t count = 0;
    EXPECT_THAT(host.Run([&] {
      std::istringstream lines(sys::ReadFile("/proc/thread-self/net/sockstat").value());
      std::string line;
      while (std::getline(lines, line)) {
        const size_t at = line.find(" tw ");
        if (line.rfind("TCP:", 0) == 0) count = std::stoull(line.substr(at + 4));
      }
      return absl::OkStatus();
    }),
                IsOk());
    return count;
  }

  static PairEvents RunPairOn(const Host& host, const Spec& spec) {
    PairEvents events;
    EXPECT_THAT(host.Run([&] {
      events = RunPair(spec);
      return absl::OkStatus();
    }),
                IsOk());
    return events;
  }
};

TEST_F(LoadRunNetwork, ExhaustedPortsAreCountedAsLocalPort) {
  Host& host = AddHost("client");
  ASSERT_THAT(host.SetSysctl("net.ipv4.ip_local_port_range", "50000 50049"), IsOk());
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", 0);
  spec.set_connections(80);
  const RunEvents client = RunPairOn(host, spec).client;
  ExpectAccountHolds(client);
  // The listener may hold one of the ports.
  EXPECT_GE(client.counters().succeeded(), 49u);
  EXPECT_LE(client.counters().succeeded(), 50u);
  EXPECT_GT(client.counters().failed().at("localPort"), 0u);
  // Prepared says that they will run out, and leaves it to the controller to run nevertheless.
  ASSERT_EQ(client.prepared->blockers_size(), 1);
  EXPECT_THAT(client.prepared->blockers(0), testing::ContainsRegex("(49|50) source ports"));
}

TEST_F(LoadRunNetwork, ClosingWithResetLeavesNoTimeWaitAndWithFinOnePerConnection) {
  Host& host = AddHost("client");
  Spec spec = ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 0);
  spec.set_rate_per_second(300);
  const RunEvents reset = RunPairOn(host, spec).client;
  EXPECT_GT(reset.counters().succeeded(), 20u);
  EXPECT_EQ(TimeWaits(host), 0u);
  spec.set_close_mode(Spec::CLOSE_MODE_FIN);
  const RunEvents fin = RunPairOn(host, spec).client;
  EXPECT_GT(fin.counters().succeeded(), 20u);
  EXPECT_NEAR(static_cast<double>(TimeWaits(host)),
              static_cast<double>(fin.counters().connections_opened()), 8);
}

TEST_F(LoadRunNetwork, MissingRouteIsUnreachable) {
  Host& host = AddHost("client");
  RunEvents events;
  ASSERT_THAT(host.Run([&] {
    events = RunClient(ClientSpec(Spec::WORKLOAD_CONNECT, "10.9.9.9", 80));
    return absl::OkStatus();
  }),
              IsOk());
  ExpectAccountHolds(events);
  EXPECT_GT(events.counters().failed().at("unreachable"), 0u);
  EXPECT_EQ(events.counters().failed().size(), 1u);
}

TEST_F(LoadRunNetwork, RunsBetweenTwoHosts) {
  Host& client = AddHost("client");
  Host& server = AddHost("server");
  Spec spec = ClientSpec(Spec::WORKLOAD_CRR, server.ipv4().ToString(), 0);
  spec.set_tcp_info_connections(8);
  // The first packets over a new link may be lost: try again soon.
  spec.set_connect_timeout_ms(100);
  spec.set_duration_ms(800);
  Spec server_spec = spec;
  server_spec.set_role(Spec::ROLE_SERVER);
  std::unique_ptr<TestRun> served;
  ASSERT_THAT(server.Run([&] {
    served = std::make_unique<TestRun>();
    served->Prepare(server_spec);
    return absl::OkStatus();
  }),
              IsOk());
  spec.mutable_targets(0)->set_port(
      served->WaitFor([](const RunEvents&) { return true; }).prepared->listen_port());
  RunEvents events;
  const int64_t start_ns = InMs(100);
  served->Start(start_ns);
  ASSERT_THAT(client.Run([&] {
    TestRun run;
    run.Prepare(spec);
    run.Start(start_ns);
    events = run.WaitForEnd();
    return absl::OkStatus();
  }),
              IsOk());
  ExpectAccountHolds(events);
  EXPECT_GT(events.counters().succeeded(), 0u);
  EXPECT_EQ(served->WaitForEnd().counters().connections_accepted(),
            events.counters().connections_opened());
  EXPECT_GT(events.progress.back().tcp_info().connections_sampled(), 0u);
}

}  // namespace
}  // namespace tcpfleet::agent

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::tests {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// One destination, its numbers growing evenly from `first` to `last`.
void AddPortUse(v1::HostEvidence& host, uint32_t usable, uint32_t first, uint32_t last,
                uint32_t open = 0, const std::string& comm = "app") {
  for (int i = 0; i < kSnapshots; ++i) {
    v1::PortUse& use = *NamespaceIn(host, i).mutable_sockets()->add_port_use();
    use.set_local_address("10.77.0.2");
    use.set_peer_address("10.77.0.1");
    use.set_peer_port(80);
    use.set_time_wait(first + (last - first) * static_cast<uint32_t>(i) / (kSnapshots - 1));
    use.set_used(use.time_wait() + open);
    use.set_usable(usable);
    use.mutable_owner()->set_pid(33);
    use.mutable_owner()->set_comm(comm);
  }
}

TEST(PortExhaustion, FiresAtSeventyAndNinetyPercent) {
  const auto severity_at = [](uint32_t used) {
    v1::HostEvidence host = HealthyHost();
    AddPortUse(host, 20, used, used);
    const auto findings = Ask("ephemeral-port-exhaustion", host);
    return findings->empty() ? "fine" : findings->front().severity();
  };
  EXPECT_EQ(severity_at(13), "fine");
  EXPECT_EQ(severity_at(14), "warn");
  EXPECT_EQ(severity_at(17), "warn");
  EXPECT_EQ(severity_at(18), "crit");
}

TEST(PortExhaustion, NamesDestinationProgramAndNumbers) {
  v1::HostEvidence host = HealthyHost();
  AddPortUse(host, 20, 20, 20);
  const v1::Finding finding = Ask("R10", host)->front();
  EXPECT_EQ(finding.subject(), "10.77.0.1:80 from app[33]");
  EXPECT_EQ(EvidenceOf(finding, "ports_used").after(), 20);
  EXPECT_EQ(EvidenceOf(finding, "ports_usable").after(), 20);
  EXPECT_EQ(EvidenceOf(finding, "ports_used").threshold(), 18);
}

// 14,497 connections in 2 s are half of the range and go wrong only if they go on.
TEST(PortExhaustion, ForeseesTheEndOfTheRange) {
  v1::HostEvidence host = HealthyHost();
  AddPortUse(host, 28'232, 0, 15'000);  // 1,500 a second
  ASSERT_THAT(*Ask("R10", host), SizeIs(1));
  EXPECT_EQ(Ask("R10", host)->front().severity(), "warn");
  EXPECT_NEAR(EvidenceOf(Ask("R10", host)->front(), "exhausted_in").after(), 8.8, 0.1);
  EXPECT_THAT(*Ask("R10", host, "forecast_share", 0.54), IsEmpty());
  v1::HostEvidence slow = HealthyHost();
  AddPortUse(slow, 28'232, 0, 4'700);  // 470 a second would do for ever
  EXPECT_THAT(*Ask("R10", slow), IsEmpty());
}

TEST(PortExhaustion, ForeseesByTwoLooksAndNotByOne) {
  v1::HostEvidence host = HealthyHost();
  AddPortUse(host, 28'232, 0, 15'000);
  LookTwice(host);
  ASSERT_THAT(*Ask("R10", host), SizeIs(1));
  EXPECT_NEAR(EvidenceOf(Ask("R10", host)->front(), "exhausted_in").after(), 8.8, 0.1);
  host.mutable_snapshots()->DeleteSubrange(0, 3);  // the first of the two left has listeners alone
  EXPECT_THAT(Ask("R10", host), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(PortExhaustion, SeesPortsThatAreBoundForAllDestinations) {
  v1::HostEvidence host = HealthyHost();
  NamespaceIn(host, kSnapshots - 1).mutable_sockets()->set_ports_in_use(25'409);
  ASSERT_THAT(*Ask("R10", host), SizeIs(1));
  EXPECT_EQ(Ask("R10", host)->front().confidence(), "low");
  NamespaceIn(host, kSnapshots - 1).mutable_sockets()->set_ports_in_use(25'408);
  EXPECT_THAT(*Ask("R10", host), IsEmpty());
}

TEST(PortExhaustion, IsNotKnownWithoutTheRange) {
  v1::HostEvidence host = HealthyHost();
  NamespaceIn(host, kSnapshots - 1).mutable_sockets()->clear_port_range_low();
  EXPECT_THAT(Ask("R10", host), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(TimeWaitOverflow, IsCriticalAndItsTableNearFullAWarning) {
  v1::HostEvidence host = HealthyHost();
  SetSysctl(host, "net/ipv4/tcp_max_tw_buckets", "10");
  SetLevel(host, "TCP.tw", 7);
  EXPECT_THAT(*Ask("time-wait-bucket-overflow", host), IsEmpty());
  SetLevel(host, "TCP.tw", 8);
  EXPECT_EQ(Ask("R11", host)->front().severity(), "warn");
  Grow(host, "TcpExt.TCPTimeWaitOverflow", 14);
  EXPECT_EQ(Ask("R11", host)->front().severity(), "crit");
  Remove(host, "net/ipv4/tcp_max_tw_buckets");
  EXPECT_EQ(Ask("R11", host)->front().severity(), "crit");
}

TEST(Churn, FiresOnOneDestinationThatIsOpenedForEveryRequest) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "TcpExt.TW", 2'000);
  AddPortUse(host, 28'232, 0, 2'000, 3);  // 200 a second, 3 open at a time
  const auto findings = Ask("short-connection-churn", host);
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().severity(), "info");
  EXPECT_NEAR(EvidenceOf(findings->front(), "lifetime").after(), 0.015, 1e-9);
  EXPECT_THAT(*Ask("R12", host, "per_second", 201), IsEmpty());
  EXPECT_THAT(*Ask("R12", host, "destination_per_second", 201), IsEmpty());
}

TEST(Churn, WarnsWhenPortsWillRunOut) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "TcpExt.TW", 15'000);
  AddPortUse(host, 28'232, 0, 15'000, 3);
  EXPECT_EQ(Ask("R12", host)->front().severity(), "warn");
}

TEST(Churn, IsNoneWhenConnectionsLiveOrBelongToALoadTest) {
  v1::HostEvidence lasting = HealthyHost();
  Grow(lasting, "TcpExt.TW", 2'000);
  AddPortUse(lasting, 28'232, 0, 2'000, 200);  // each lives a second
  EXPECT_THAT(*Ask("R12", lasting), IsEmpty());
  v1::HostEvidence load = HealthyHost();
  Grow(load, "TcpExt.TW", 2'000);
  AddPortUse(load, 28'232, 0, 2'000, 3, "tcpfleet-agent");
  EXPECT_THAT(*Ask("R12", load), IsEmpty());
}

TEST(ListenerInRange, NamesTheListenerUnlessItsPortIsReserved) {
  v1::HostEvidence host = HealthyHost();
  AddListener(host, Listener(40'000, 0, 128, "kubelet", 5));
  const auto findings = Ask("listener-inside-ephemeral-range", host);
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().subject(), "0.0.0.0:40000 kubelet[5]");
  EXPECT_THAT(findings->front().fixes(0), testing::HasSubstr("reserved_ports=40000`"));
  SetSysctl(host, "net/ipv4/ip_local_reserved_ports", "39000-40000,50000");
  EXPECT_THAT(*Ask("R13", host), IsEmpty());
  SetSysctl(host, "net/ipv4/ip_local_reserved_ports", "39000-39999,50000");
  EXPECT_THAT(Ask("R13", host)->front().fixes(0),
              testing::HasSubstr("reserved_ports=39000-39999,50000,40000`"));
}

TEST(ListenerInRange, LeavesLoopbackAndTheEdges) {
  v1::HostEvidence host = HealthyHost();
  v1::Listener local = Listener(40'000, 0, 128);
  for (const char* address : {"127.0.0.1", "::1", "::ffff:127.0.0.2"}) {
    local.set_address(address);
    AddListener(host, local);
  }
  AddListener(host, Listener(32'767, 0, 128));
  AddListener(host, Listener(61'000, 0, 128));
  EXPECT_THAT(*Ask("R13", host), IsEmpty());
  AddListener(host, Listener(32'768, 0, 128));
  AddListener(host, Listener(60'999, 0, 128));
  EXPECT_THAT(*Ask("R13", host), SizeIs(2));
}

}  // namespace
}  // namespace tcpfleet::tests

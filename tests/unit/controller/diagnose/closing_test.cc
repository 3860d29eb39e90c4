#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/connections.h"

namespace tcpfleet::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

v1::HostEvidence Leaking(int sockets, uint64_t silent_ms = 61'000) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, sockets, "CLOSE-WAIT", "10.0.0.1:80", "10.0.0.2",
          {{"last_ack_recv_at_ms", kNowMs - silent_ms}}, false);
  return host;
}

TEST(CloseWaitLeak, NamesTheProcessAndProves) {
  const auto findings = Ask("close-wait-leak", Leaking(12));
  ASSERT_THAT(findings, IsOk());
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().severity(), "warn");
  EXPECT_EQ(findings->front().subject(), "app[4711]");
  EXPECT_EQ(EvidenceOf(findings->front(), "close_wait").after(), 12);
  EXPECT_EQ(EvidenceOf(findings->front(), "oldest").after(), 61);
  EXPECT_THAT(findings->front().sockets(), SizeIs(10));
}

TEST(CloseWaitLeak, NeedsTenForAMinute) {
  EXPECT_THAT(*Ask("R14", Leaking(9)), IsEmpty());
  EXPECT_THAT(*Ask("R14", Leaking(10)), SizeIs(1));
  EXPECT_THAT(*Ask("R14", Leaking(10, 59'000)), IsEmpty());
  EXPECT_THAT(*Ask("R14", Leaking(10, 59'000), "seconds", 10), SizeIs(1));
}

TEST(CloseWaitLeak, IsCriticalFromAHundredOrAFifthOfTheLimit) {
  EXPECT_EQ(Ask("R14", Leaking(99))->front().severity(), "warn");
  EXPECT_EQ(Ask("R14", Leaking(100))->front().severity(), "crit");
  v1::HostEvidence host = Leaking(20);
  for (v1::KernelSnapshot& snapshot : *host.mutable_snapshots()) {
    v1::ProcessFiles& files = *snapshot.mutable_host()->add_processes();
    files.mutable_process()->set_pid(4'711);
    files.set_soft_limit(100);
  }
  EXPECT_EQ(Ask("R14", host)->front().severity(), "crit");
  EXPECT_EQ(EvidenceOf(Ask("R14", host)->front(), "open_files_limit").after(), 100);
}

TEST(CloseWaitLeak, LeavesTheAcceptQueueToOthers) {
  v1::HostEvidence host = Leaking(12);
  for (v1::SocketSample& sample : *host.mutable_sockets()) {
    for (v1::ConnectionRecord& one : *sample.mutable_connections()) one.set_inode(0);
  }
  EXPECT_THAT(*Ask("R14", host), IsEmpty());
}

TEST(CloseWaitLeak, DoesNotSayFineWhenItSawOnlySome) {
  v1::HostEvidence host = Leaking(3);
  host.mutable_sockets(2)->set_dropped(7);
  EXPECT_THAT(Ask("R14", host), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("7 connections were left out")));
  host = HealthyHost();
  AddMany(host, 12, "CLOSE-WAIT", "10.0.0.1:80", "10.0.0.2", {}, false);
  EXPECT_THAT(Ask("R14", host), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("does not report last_ack_recv_at_ms")));
}

TEST(FinWait2Stuck, MeansOnlyThoseSomebodyOwns) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, 10, "FIN-WAIT-2", "10.0.0.1", "10.0.0.2:80",
          {{"timer", 0}, {"last_ack_recv_at_ms", kNowMs - 61'000}});
  ASSERT_THAT(*Ask("fin-wait2-stuck", host), SizeIs(1));
  EXPECT_EQ(Ask("R19", host)->front().subject(), "app[4711]");
  EXPECT_THAT(*Ask("R19", host, "sockets", 11), IsEmpty());
  EXPECT_THAT(*Ask("R19", host, "seconds", 62), IsEmpty());

  v1::HostEvidence orphaned = HealthyHost();
  AddMany(orphaned, 10, "FIN-WAIT-2", "10.0.0.1", "10.0.0.2:80",
          {{"timer", 3}, {"last_ack_recv_at_ms", kNowMs - 61'000}});
  EXPECT_THAT(*Ask("R19", orphaned), IsEmpty());
}

TEST(ClosingStuck, CountsPerPeer) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, 10, "LAST-ACK", "10.0.0.1", "10.0.0.2:80",
          {{"timer", 1}, {"timer_retransmits", 3}});
  AddMany(host, 9, "FIN-WAIT-1", "10.0.0.1", "10.0.0.3:80",
          {{"timer", 1}, {"timer_retransmits", 3}});
  AddMany(host, 20, "CLOSING", "10.0.0.1", "10.0.0.4:80", {{"timer", 1}, {"timer_retransmits", 2}});
  AddMany(host, 20, "FIN-WAIT-1", "10.0.0.1", "10.0.0.5:80",
          {{"timer", 4}, {"timer_retransmits", 5}});
  const auto findings = Ask("closing-stuck", host);
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().subject(), "to 10.0.0.2");
}

TEST(OrphanPressure, ComparesWithTheHostsLimit) {
  v1::HostEvidence host = HealthyHost();
  const auto set = [&](uint64_t orphans) {
    for (v1::KernelSnapshot& snapshot : *host.mutable_snapshots()) {
      snapshot.mutable_host()->set_tcp_orphans(orphans);
    }
  };
  EXPECT_THAT(*Ask("orphan-pressure", host), IsEmpty());
  set(131'072 / 4);
  EXPECT_EQ(Ask("R18", host)->front().severity(), "warn");
  set(131'072 / 2);
  EXPECT_EQ(Ask("R18", host)->front().severity(), "crit");
  set(20);
  EXPECT_THAT(*Ask("R18", host), IsEmpty());
  EXPECT_EQ(Ask("R18", host, "max_orphans", 10)->front().severity(), "crit");
  Grow(host, "TcpExt.TCPAbortOnMemory", 1);
  EXPECT_EQ(Ask("R18", host)->front().severity(), "crit");
}

}  // namespace
}  // namespace tcpfleet::tests

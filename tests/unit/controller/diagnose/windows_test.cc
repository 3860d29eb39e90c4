#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/connections.h"

namespace tcpfleet::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

v1::HostEvidence NotReading(uint64_t queue, uint64_t buffer = 131'072) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, 1, "ESTAB", "10.0.0.1:80", "10.0.0.2",
          {{"receive_queue", queue}, {"skmem_rcvbuf", buffer}, {"bytes_received", 200'000}}, false);
  return host;
}

TEST(ReceiveQueueBuildup, NamesWhoDoesNotRead) {
  v1::HostEvidence host = NotReading(127'480);
  ASSERT_THAT(*Ask("recv-queue-buildup", host), SizeIs(1));
  EXPECT_EQ(Ask("R22", host)->front().severity(), "warn");
  EXPECT_EQ(Ask("R22", host)->front().subject(), "app[4711]");
  Grow(host, "TcpExt.TCPToZeroWindowAdv", 1);
  EXPECT_EQ(Ask("R22", host)->front().severity(), "crit");
}

TEST(ReceiveQueueBuildup, IsSilentBelowItsThresholds) {
  EXPECT_THAT(*Ask("R22", NotReading(65'535)), IsEmpty());
  EXPECT_THAT(*Ask("R22", NotReading(65'536)), SizeIs(1));
  EXPECT_THAT(*Ask("R22", NotReading(65'536, 131'074)), IsEmpty());
  // More came than waits: somebody reads.
  v1::HostEvidence host = NotReading(127'480);
  GrowField(host, "bytes_received", 127'480);
  EXPECT_THAT(*Ask("R22", host), IsEmpty());
  // Once is any queue.
  host = NotReading(127'480);
  (*host.mutable_sockets(2)->mutable_connections(0)->mutable_fields())["receive_queue"] = 0;
  EXPECT_THAT(*Ask("R22", host), IsEmpty());
}

TEST(ReceiveQueueBuildup, DoesNotJudgeByTwoSamples) {
  v1::HostEvidence host = NotReading(127'480);
  LookTwice(host);
  EXPECT_THAT(Ask("R22", host), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         "judged by at least 3 samples of connections, not by 2"));
  EXPECT_THAT(*Ask("R22", host, "samples", 2), SizeIs(1));
  // They are enough to see a short queue.
  (*host.mutable_sockets(0)->mutable_connections(0)->mutable_fields())["receive_queue"] = 0;
  EXPECT_THAT(*Ask("R22", host), IsEmpty());
}

v1::HostEvidence Stalled(uint64_t window, uint64_t not_sent = 713'864) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, 2, "ESTAB", "10.0.0.1", "10.0.0.2:80",
          {{"timer", 4}, {"notsent_bytes", not_sent}, {"snd_wnd", window}, {"snd_mss", 1'448}});
  return host;
}

TEST(ZeroWindowStall, MeansThePeersProgram) {
  const auto findings = Ask("zero-window-stall", Stalled(0));
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().subject(), "to 10.0.0.2");
  EXPECT_EQ(EvidenceOf(findings->front(), "not_sent").after(), 2 * 713'864);
  EXPECT_THAT(*Ask("R23", Stalled(1'447)), SizeIs(1));
  EXPECT_THAT(Ask("R23", Stalled(0), "seconds", 11),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "connections are judged by at least 11 s, not by 10 s"));
  EXPECT_THAT(*Ask("R23", Stalled(0, 0)), IsEmpty());
}

TEST(ZeroWindowStall, IsNoQueueOfThisHost) {
  EXPECT_THAT(*Ask("zero-window-stall", Stalled(1'448)), IsEmpty());
}

// Over the window: busy for five seconds, limited by `field` for a part of it.
v1::HostEvidence Limited(const std::string& field, uint64_t limited_us,
                         uint64_t busy_us = 5'000'000) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, 1, "ESTAB", "10.0.0.1", "10.0.0.2:80",
          {{"busy_time", 0},
           {"rwnd_limited", 0},
           {"sndbuf_limited", 0},
           {"notsent_bytes", 300'000},
           {"unacked", 10},
           {"snd_cwnd", 10},
           {"backoff", 0}});
  GrowField(host, "busy_time", busy_us);
  GrowField(host, field, limited_us);
  return host;
}

TEST(ReceiveWindowLimited, TakesTheWindowsShareOfBusyTime) {
  EXPECT_THAT(*Ask("rwnd-limited", Limited("rwnd_limited", 1'500'000)), SizeIs(1));
  EXPECT_THAT(*Ask("R25", Limited("rwnd_limited", 1'400'000)), IsEmpty());
  EXPECT_THAT(*Ask("R25", Limited("rwnd_limited", 400'000, 480'000)), IsEmpty());
  EXPECT_THAT(*Ask("sndbuf-limited", Limited("rwnd_limited", 1'500'000)), IsEmpty());
}

TEST(SendBufferLimited, TakesTheWindowsShareOfBusyTime) {
  EXPECT_THAT(*Ask("sndbuf-limited", Limited("sndbuf_limited", 4'125'000)), SizeIs(1));
  EXPECT_THAT(*Ask("R26", Limited("sndbuf_limited", 1'400'000)), IsEmpty());
}

TEST(SendQueueBuildup, SaysWhatHoldsItBack) {
  const auto findings = Ask("send-queue-buildup", Limited("rwnd_limited", 0));
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().severity(), "info");
  EXPECT_THAT(findings->front().cause(), HasSubstr("congestion window is full"));
  EXPECT_THAT(*Ask("R24", Limited("rwnd_limited", 1'000'000)), IsEmpty());
  EXPECT_THAT(*Ask("R24", Limited("rwnd_limited", 0), "bytes", 300'001), IsEmpty());
}

TEST(SendQueueBuildup, DoesNotJudgeByTwoSamples) {
  v1::HostEvidence host = Limited("rwnd_limited", 0);
  LookTwice(host);
  EXPECT_THAT(Ask("R24", host),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("at least 3 samples")));
  EXPECT_THAT(*Ask("R25", host), IsEmpty());
}

TEST(RulesOfChange, AreNotEvaluatedByOneSample) {
  v1::HostEvidence host = HealthyHost();
  host.mutable_sockets()->DeleteSubrange(1, kSnapshots - 1);
  for (const char* rule : {"R22", "R23", "R24", "R25", "R26", "R30", "R47"}) {
    EXPECT_THAT(Ask(rule, host),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("at least 2 samples")))
        << rule;
  }
}

TEST(MemoryPressure, WarnsBeforeThePressurePoint) {
  v1::HostEvidence host = HealthyHost();
  const auto set = [&](uint64_t pages) {
    for (v1::KernelSnapshot& snapshot : *host.mutable_snapshots()) {
      snapshot.mutable_host()->set_tcp_memory_pages(pages);
    }
  };
  EXPECT_THAT(*Ask("tcp-memory-pressure", host), IsEmpty());
  set(225'987);
  EXPECT_EQ(Ask("R27", host)->front().severity(), "warn");
  set(251'096);
  EXPECT_EQ(Ask("R27", host)->front().severity(), "crit");
  set(1'000);
  Grow(host, "TcpExt.TCPMemoryPressures", 1);
  EXPECT_EQ(Ask("R27", host)->front().severity(), "crit");
  SetSysctl(host, "net/ipv4/tcp_mem", "1 2");
  EXPECT_THAT(Ask("R27", host), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(ReceivePrune, TellsLossFromWork) {
  v1::HostEvidence host = HealthyHost();
  EXPECT_THAT(*Ask("receive-prune", host), IsEmpty());
  Grow(host, "TcpExt.PruneCalled", 1);
  EXPECT_EQ(Ask("R28", host)->front().severity(), "info");
  Grow(host, "TcpExt.TCPRcvQDrop", 1);
  EXPECT_EQ(Ask("R28", host)->front().severity(), "warn");
}

TEST(BacklogDrop, MindsEveryOne) {
  v1::HostEvidence host = HealthyHost();
  EXPECT_THAT(*Ask("socket-backlog-drop", host), IsEmpty());
  Grow(host, "TcpExt.TCPBacklogDrop", 1);
  EXPECT_THAT(*Ask("R29", host), SizeIs(1));
}

}  // namespace
}  // namespace tcpfleet::tests

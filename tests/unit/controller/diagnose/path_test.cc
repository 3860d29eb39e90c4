#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/connections.h"

namespace tcpfleet::tests {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// Sent over the window, besides what the healthy host sends.
v1::HostEvidence Lossy(uint64_t again, uint64_t syns = 0) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "Tcp.OutSegs", 78'688);  // 88,688 with what it sends anyway
  Grow(host, "Tcp.RetransSegs", again);
  Grow(host, "TcpExt.TCPSynRetrans", syns);
  return host;
}

TEST(RetransmitRate, LeavesHandshakesOut) {
  EXPECT_EQ(Ask("retransmit-rate-high", Lossy(3'895))->front().severity(), "warn");
  EXPECT_EQ(Ask("R30", Lossy(4'435))->front().severity(), "crit");
  EXPECT_THAT(*Ask("R30", Lossy(886)), IsEmpty());
  EXPECT_THAT(*Ask("R30", Lossy(900, 20)), IsEmpty());
  EXPECT_THAT(*Ask("R30", Lossy(900), "segments", 100'000), IsEmpty());
}

TEST(RetransmitRate, NamesThePeerThatLoses) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, 2, "ESTAB", "10.0.0.1", "10.0.0.2:80", {{"bytes_sent", 0}, {"bytes_retrans", 0}});
  GrowField(host, "bytes_sent", 600'000);
  GrowField(host, "bytes_retrans", 12'000);
  const auto findings = Ask("R30", host);
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().subject(), "to 10.0.0.2");
  EXPECT_THAT(*Ask("R30", host, "peer_bytes", 1'200'001), IsEmpty());
  EXPECT_THAT(*Ask("R30", host, "peer_share", 0.021), IsEmpty());
}

TEST(TimeoutsDominate, TakesHandshakesOff) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "TcpExt.TCPTimeouts", 20);
  Grow(host, "Tcp.RetransSegs", 25);
  EXPECT_THAT(*Ask("rto-dominant", host), SizeIs(1));
  Grow(host, "TcpExt.TCPSynRetrans", 11);
  EXPECT_THAT(*Ask("R31", host), IsEmpty());
  host = HealthyHost();
  Grow(host, "TcpExt.TCPTimeouts", 20);
  Grow(host, "Tcp.RetransSegs", 3'895);
  EXPECT_THAT(*Ask("R31", host), IsEmpty());
}

v1::HostEvidence Slow(int sockets, uint64_t rtt, uint64_t min_rtt, uint64_t acked = 200'000) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, sockets, "ESTAB", "10.0.0.1", "10.0.0.2:80",
          {{"rtt", rtt}, {"min_rtt", min_rtt}, {"bytes_acked", acked}});
  return host;
}

TEST(RttInflation, NeedsFactorDelayAndWeight) {
  EXPECT_THAT(*Ask("bufferbloat-rtt-inflation", Slow(5, 94'000, 1'000)), SizeIs(1));
  EXPECT_THAT(*Ask("R34", Slow(4, 94'000, 1'000)), IsEmpty());
  EXPECT_THAT(*Ask("R34", Slow(1, 94'000, 1'000, 10'000'000)), SizeIs(1));
  EXPECT_THAT(*Ask("R34", Slow(5, 94'000, 20'000)), IsEmpty());
  EXPECT_THAT(*Ask("R34", Slow(5, 49'000, 100)), IsEmpty());
}

TEST(Reordering, NeedsDisorderThatWasNoLoss) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "TcpExt.TCPSACKReorder", 81);
  Grow(host, "Tcp.RetransSegs", 6);
  EXPECT_EQ(Ask("packet-reordering", host)->front().severity(), "info");
  Grow(host, "Tcp.RetransSegs", 200);
  EXPECT_THAT(*Ask("R35", host), IsEmpty());
  Grow(host, "TcpExt.TCPDSACKRecv", 150);
  EXPECT_THAT(*Ask("R35", host), SizeIs(1));
}

v1::HostEvidence Blackholed(int sockets, uint64_t acked = 1, uint64_t queued = 20'000) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, sockets, "ESTAB", "10.0.0.1", "10.0.0.2:80",
          {{"ca_state", 4},
           {"backoff", 4},
           {"lost", 11},
           {"snd_mss", 1'448},
           {"bytes_acked", acked},
           {"send_queue", queued}});
  return host;
}

TEST(PmtuBlackhole, IsFullSegmentsThatNeverArrive) {
  EXPECT_THAT(*Ask("pmtu-blackhole", Blackholed(2)), SizeIs(1));
  EXPECT_EQ(Ask("R32", Blackholed(2))->front().subject(), "to 10.0.0.2");
  EXPECT_THAT(*Ask("R32", Blackholed(1)), IsEmpty());
  EXPECT_THAT(*Ask("R32", Blackholed(2, 1'448)), IsEmpty());
  EXPECT_THAT(*Ask("R32", Blackholed(2, 1, 1'447)), IsEmpty());
  EXPECT_THAT(*Ask("R32", Blackholed(2), "least_mss", 1'449), IsEmpty());
}

TEST(ChecksumErrors, MindsTenOrAShare) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "Tcp.InCsumErrors", 1);
  EXPECT_THAT(*Ask("checksum-errors", host), IsEmpty());
  Grow(host, "Tcp.InCsumErrors", 1);
  EXPECT_THAT(*Ask("R36", host), SizeIs(1));
  Grow(host, "Tcp.InSegs", 1'000'000);
  EXPECT_THAT(*Ask("R36", host), IsEmpty());
  Grow(host, "Tcp.InCsumErrors", 8);
  EXPECT_THAT(*Ask("R36", host), SizeIs(1));
}

TEST(ReversePathDrop, WarnsOfWhatGoesOn) {
  v1::HostEvidence host = HealthyHost();
  EXPECT_THAT(*Ask("rp-filter-drop", host), IsEmpty());
  Grow(host, "TcpExt.IPReversePathFilter", 4);
  EXPECT_EQ(Ask("R37", host)->front().severity(), "info");
  Grow(host, "TcpExt.IPReversePathFilter", 8);
  EXPECT_EQ(Ask("R37", host)->front().severity(), "warn");
}

TEST(OptionsDisabled, IsAShareOfThoseThatAreNotLocal) {
  v1::HostEvidence host = HealthyHost();  // 40 established
  AddMany(host, 7, "ESTAB", "10.0.0.1", "10.0.0.2:80", {{"options", 1}});
  AddMany(host, 20, "ESTAB", "127.0.0.1", "127.0.0.1:80", {{"options", 0}});
  AddMany(host, 20, "ESTAB", "10.0.0.1", "10.0.0.3:80", {{"options", 14}});
  EXPECT_THAT(*Ask("tcp-options-disabled", host), IsEmpty());
  AddMany(host, 1, "ESTAB", "10.0.0.1", "10.0.0.4:80", {{"options", 3}});
  EXPECT_THAT(*Ask("R38", host), SizeIs(1));
  EXPECT_THAT(*Ask("R38", host, "sockets", 41), IsEmpty());
}

}  // namespace
}  // namespace tcpfleet::tests

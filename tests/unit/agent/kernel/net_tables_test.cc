#include "agent/kernel/net_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using tests::IsOk;
using tests::StatusIs;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

TEST(ParseColumnTables, TellsCountersFromLevelsAndLeavesOutOtherTables) {
  const auto tables = ParseColumnTables(
      "Ip: Forwarding DefaultTTL InReceives\nIp: 2 64 18446744073709551615\n"
      "IcmpMsg: InType3\nIcmpMsg: 9\n"
      "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens CurrEstab\nTcp: 1 200 120000 -1 5 3\n"
      "MPTcpExt: MPFail\nMPTcpExt: 1\n");
  ASSERT_THAT(tables, IsOk());
  EXPECT_THAT(tables->counters,
              ElementsAre(Pair("Ip.InReceives", UINT64_MAX), Pair("Tcp.ActiveOpens", 5)));
  EXPECT_THAT(tables->levels, ElementsAre(Pair("Ip.Forwarding", 2), Pair("Ip.DefaultTTL", 64),
                                          Pair("Tcp.RtoAlgorithm", 1), Pair("Tcp.RtoMin", 200),
                                          Pair("Tcp.RtoMax", 120000), Pair("Tcp.MaxConn", -1),
                                          Pair("Tcp.CurrEstab", 3)));
}

TEST(ParseColumnTables, TakesColumnsByNameWhereverTheyStand) {
  const auto old_kernel = ParseColumnTables("TcpExt: ListenDrops\nTcpExt: 7\n");
  const auto new_kernel =
      ParseColumnTables("TcpExt: BeyondWindow ListenDrops TCPAOBad\nTcpExt: 1 7 2\n");
  ASSERT_THAT(old_kernel, IsOk());
  ASSERT_THAT(new_kernel, IsOk());
  EXPECT_THAT(old_kernel->counters, ElementsAre(Pair("TcpExt.ListenDrops", 7)));
  EXPECT_THAT(new_kernel->counters,
              ElementsAre(Pair("TcpExt.BeyondWindow", 1), Pair("TcpExt.ListenDrops", 7),
                          Pair("TcpExt.TCPAOBad", 2)));
}

TEST(ParseColumnTables, RefusesWhatNoKernelWrites) {
  for (const char* text :
       {"Tcp: A B\nTcp: 1\n", "Tcp: A\n", "Tcp: A\nTcp: -1\n", "Tcp: A\nTcp: x\n",
        "Tcp: CurrEstab\nTcp: 9223372036854775808\n", "Tcp: A\nUdp: 1\n", "Tcp A\nTcp 1\n"}) {
    EXPECT_THAT(ParseColumnTables(text), StatusIs(kDataLoss)) << text;
  }
}

TEST(ParseSnmp6, NamesTableAndColumn) {
  const auto tables = ParseSnmp6(
      "Ip6InReceives                   \t12\nIcmp6InMsgs  3\nIcmp6OutType143   4\n"
      "Udp6NoPorts 5\nUdpLite6InDatagrams 6\n");
  ASSERT_THAT(tables, IsOk());
  EXPECT_THAT(tables->counters, ElementsAre(Pair("Ip6.InReceives", 12), Pair("Icmp6.InMsgs", 3),
                                            Pair("Icmp6.OutType143", 4), Pair("Udp6.NoPorts", 5)));
  EXPECT_THAT(tables->levels, IsEmpty());
}

TEST(ParseSnmp6, RefusesWhatNoKernelWrites) {
  for (const char* text : {"Ip6InReceives\n", "Ip6InReceives 1 2\n", "Ip6InReceives -1\n"}) {
    EXPECT_THAT(ParseSnmp6(text), StatusIs(kDataLoss)) << text;
  }
}

TEST(ParseSockstat, ReadsPairsByName) {
  const auto tables = ParseSockstat(
      "sockets: used 130\nTCP: inuse 3 orphan 0 tw 14 alloc 200000 mem 41\n"
      "TCP6: inuse 2\nFRAG: inuse 0 memory 0\n");
  ASSERT_THAT(tables, IsOk());
  EXPECT_THAT(tables->levels,
              ElementsAre(Pair("sockets.used", 130), Pair("TCP.inuse", 3), Pair("TCP.orphan", 0),
                          Pair("TCP.tw", 14), Pair("TCP.alloc", 200000), Pair("TCP.mem", 41),
                          Pair("TCP6.inuse", 2), Pair("FRAG.inuse", 0), Pair("FRAG.memory", 0)));
}

TEST(ParseSockstat, RefusesWhatNoKernelWrites) {
  for (const char* text : {"TCP: inuse\n", "TCP inuse 1\n", "TCP: inuse x\n", " \n"}) {
    EXPECT_THAT(ParseSockstat(text), StatusIs(kDataLoss, HasSubstr("'"))) << text;
  }
}

}  // namespace
}  // namespace tcpfleet::agent

#include "agent/kernel/netstat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using tests::IsOk;
using tests::StatusIs;

NetCounters Parsed(absl::string_view text) {
  NetCounters counters;
  EXPECT_THAT(ParseNetCounters(text, counters), IsOk());
  return counters;
}

std::map<std::string, int64_t> Moved(const NetCounters& before, const NetCounters& after) {
  const v1::KernelCounterChanges changes = ChangesBetween(before, after);
  return {changes.changes().begin(), changes.changes().end()};
}

TEST(ParseNetCounters, KeepsTcpByColumnAndDiscardsByTable) {
  EXPECT_THAT(Parsed("TcpExt: ListenOverflows TCPTimeouts\nTcpExt: 3 18446744073709551615\n"
                     "IpExt: InOctets InCsumErrors\nIpExt: 99 1\n"
                     "MPTcpExt: MPFail\nMPTcpExt: 1\n"
                     "Ip: Forwarding InDiscards\nIp: 1 2\n"
                     "Tcp: RtoMin MaxConn CurrEstab InSegs InCsumErrors\nTcp: 200 -1 5 70 4\n")
                  .values,
              ElementsAre(Pair("InCsumErrors", 4), Pair("InSegs", 70), Pair("Ip.InDiscards", 2),
                          Pair("IpExt.InCsumErrors", 1), Pair("ListenOverflows", 3),
                          Pair("TCPTimeouts", UINT64_MAX)));
}

TEST(ParseNetCounters, RefusesLinesThatDoNotFit) {
  for (const char* text :
       {"TcpExt: A B\nTcpExt: 1\n", "TcpExt: A\nTcp: 1\n", "TcpExt: A\n", "TcpExt: A\nTcpExt: x\n",
        "TcpExt: A\nTcpExt: -1\n", "TcpExt A\nTcpExt 1\n", " \n \n"}) {
    NetCounters counters;
    EXPECT_THAT(ParseNetCounters(text, counters), StatusIs(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(ChangesBetween, ReportsWhatMovedAndBothReadingsHave) {
  NetCounters before =
      Parsed("TcpExt: Gone Still Wrapped Up\nTcpExt: 1 5 18446744073709551615 2\n");
  NetCounters after = Parsed("TcpExt: Up New Still Wrapped\nTcpExt: 9 4 5 1\n");
  before.read_at_ns = 10;
  after.read_at_ns = 20;
  EXPECT_THAT(Moved(before, after), ElementsAre(Pair("Up", 7), Pair("Wrapped", 2)));
  EXPECT_EQ(ChangesBetween(before, after).begin_ns(), 10);
  EXPECT_EQ(ChangesBetween(before, after).end_ns(), 20);
  EXPECT_THAT(Moved(after, after), IsEmpty());
}

TEST(ReadNetCounters, KnowsThisKernelsCounters) {
  const absl::StatusOr<NetCounters> counters = ReadNetCounters();
  ASSERT_THAT(counters, IsOk());
  EXPECT_GT(counters->read_at_ns, 0);
  for (const char* name : {"ListenOverflows", "TCPTimeouts", "RetransSegs", "Ip.InDiscards"}) {
    EXPECT_TRUE(counters->values.contains(name)) << name;
  }
}

TEST(ReadNetCounters, NamesTheFileItMisses) {
  EXPECT_THAT(ReadNetCounters("/nonexistent"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/netstat")));
}

}  // namespace
}  // namespace tcpfleet::agent

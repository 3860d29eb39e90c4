#include "agent/kernel/kernel_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "common/sys/file.h"
#include "common/sys/net_namespace.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using Request = v1::SnapshotKernelRequest;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using tests::IsOk;
using tests::StatusIs;

TEST(PlanKernelSnapshot, FillsInDefaults) {
  const auto plan = PlanKernelSnapshot(Request());
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->parts_size(), 8);
  EXPECT_EQ(plan->top(), 20u);
}

TEST(PlanKernelSnapshot, MakesTheSameOfTheSame) {
  Request request;
  request.add_parts(Request::PART_LOAD);
  request.add_parts(Request::PART_COUNTERS);
  request.add_parts(Request::PART_LOAD);
  const auto plan = PlanKernelSnapshot(request);
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->parts(), ElementsAre(Request::PART_COUNTERS, Request::PART_LOAD));
}

TEST(PlanKernelSnapshot, NamesTheFieldItRefuses) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  Request request;
  request.set_top(1001);
  EXPECT_THAT(PlanKernelSnapshot(request), StatusIs(kInvalid, HasSubstr("top: 1001")));
  for (const int part : {0, 10, -1}) {
    Request unknown;
    unknown.add_parts(static_cast<Request::Part>(part));
    EXPECT_THAT(PlanKernelSnapshot(unknown), StatusIs(kInvalid, HasSubstr("parts: "))) << part;
  }
}

TEST(PlanKernelSnapshot, CountsListenersOnce) {
  Request request;
  request.add_parts(Request::PART_LISTENERS);
  EXPECT_THAT(PlanKernelSnapshot(request)->parts(), ElementsAre(Request::PART_LISTENERS));
  request.add_parts(Request::PART_SOCKETS);
  EXPECT_THAT(PlanKernelSnapshot(request)->parts(), ElementsAre(Request::PART_SOCKETS));
}

TEST(PlanKernelSnapshot, RefusesTimesOfRestThatDoNotAscend) {
  for (const std::vector<uint32_t>& seconds :
       {std::vector<uint32_t>{30, 30}, {300, 30}, {1, 2, 3, 4, 5, 6, 7, 8, 9}}) {
    Request request;
    request.mutable_rest_seconds()->Add(seconds.begin(), seconds.end());
    EXPECT_THAT(PlanKernelSnapshot(request),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rest_seconds: ")));
  }
}

class KernelReaderTest : public testing::Test {
 protected:
  void Write(const std::string& path, absl::string_view text) const {
    const std::filesystem::path file = directory_.path() + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    ASSERT_THAT(sys::WriteFile(file, text), IsOk());
  }
  v1::KernelSnapshot Read(std::initializer_list<Request::Part> parts) const {
    Request request;
    for (const Request::Part part : parts) request.add_parts(part);
    return KernelReader(&clock_, directory_.path()).Read(PlanKernelSnapshot(request).value());
  }
  static std::map<std::string, std::string> Missing(const v1::KernelSnapshot& snapshot) {
    std::map<std::string, std::string> missing;
    for (const v1::MissingSource& source : snapshot.missing()) {
      missing[source.source()] = source.why();
    }
    return missing;
  }

  const base::SystemClock clock_;
  const sys::TemporaryDirectory directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-test").value();
};

TEST_F(KernelReaderTest, PutsWhatIsOfTheHostWithTheHost) {
  Write("thread-self/net/sockstat",
        "sockets: used 5\nTCP: inuse 1 orphan 2 tw 3 alloc 4 mem 6\nUDP: inuse 0 mem 9\n");
  const v1::KernelSnapshot snapshot = Read({Request::PART_COUNTERS});
  EXPECT_EQ(snapshot.host().tcp_orphans(), 2u);
  EXPECT_EQ(snapshot.host().tcp_sockets_allocated(), 4u);
  EXPECT_EQ(snapshot.host().tcp_memory_pages(), 6u);
  const auto& levels = snapshot.namespaces(0).levels();
  const std::map<std::string, int64_t> own(levels.begin(), levels.end());
  EXPECT_THAT(own, UnorderedElementsAre(Pair("sockets.used", 5), Pair("TCP.inuse", 1),
                                        Pair("TCP.tw", 3), Pair("UDP.inuse", 0)));
}

TEST_F(KernelReaderTest, NamesWhatIsMissingAndWhy) {
  Write("uptime", "1.0 2.0\n");
  Write("sys/kernel/random/boot_id", "c0ffee\n");
  Write("thread-self/net/netstat", "TcpExt: ListenDrops\nTcpExt: 4\n");
  Write("thread-self/net/snmp", "Tcp: ActiveOpens\nTcp: nonsense\n");
  const v1::KernelSnapshot snapshot = Read({Request::PART_COUNTERS});
  EXPECT_EQ(snapshot.boot_id(), "c0ffee");
  const v1::NamespaceStatistics& own = snapshot.namespaces(0);
  EXPECT_EQ(own.counters().at("TcpExt.ListenDrops"), 4u);
  EXPECT_EQ(own.counters_size(), 1);
  EXPECT_THAT(Missing(snapshot),
              ElementsAre(Pair("/proc/net/snmp", "Tcp.ActiveOpens is 'nonsense', not a number"),
                          Pair("/proc/net/snmp6", "No such file or directory"),
                          Pair("/proc/net/sockstat", "No such file or directory"),
                          Pair("/proc/net/sockstat6", "No such file or directory")));
  EXPECT_EQ(snapshot.missing(0).network_namespace(), own.network_namespace());
  EXPECT_FALSE(snapshot.host().has_tcp_orphans());
}

TEST_F(KernelReaderTest, QuotesNothingThatCannotBeRead) {
  Write("loadavg", "\x1b[2J\xff.");
  EXPECT_THAT(Missing(Read({Request::PART_LOAD})),
              Contains(Pair("/proc/loadavg", "'?[2J?.' is not understood")));
}

TEST_F(KernelReaderTest, ReadsConntrackAndNeighbourTables) {
  Write("sys/net/netfilter/nf_conntrack_count", "17\n");
  Write("thread-self/net/stat/nf_conntrack", "entries drop\n11 2\n11 3\n");
  Write("thread-self/net/stat/arp_cache", "entries table_fulls\n4 1\n4 1\n");
  Write("sys/net/ipv4/neigh/default/gc_thresh3", "1024\n");
  const v1::KernelSnapshot snapshot = Read({Request::PART_CONNTRACK, Request::PART_NEIGHBOURS});
  const v1::Conntrack& conntrack = snapshot.namespaces(0).conntrack();
  EXPECT_EQ(conntrack.entries(), 17u);
  EXPECT_FALSE(conntrack.has_maximum());
  EXPECT_EQ(conntrack.counters().at("drop"), 5u);
  ASSERT_EQ(snapshot.host().neighbours_size(), 1);
  EXPECT_EQ(snapshot.host().neighbours(0).table(), "arp");
  EXPECT_EQ(snapshot.host().neighbours(0).entries(), 4u);
  EXPECT_EQ(snapshot.host().neighbours(0).counters().at("table_fulls"), 2u);
  EXPECT_EQ(snapshot.host().neighbours(0).gc_thresh3(), 1024u);
  EXPECT_THAT(Missing(snapshot), Contains(Key("/proc/net/stat/ndisc_cache")));
}

TEST_F(KernelReaderTest, ReadsOnlyTheWantedParts) {
  const v1::KernelSnapshot snapshot = Read({Request::PART_SOFTNET});
  EXPECT_THAT(Missing(snapshot), Contains(Key("/proc/net/softnet_stat")));
  EXPECT_THAT(Missing(snapshot), Not(Contains(Key("/proc/net/snmp"))));
  EXPECT_FALSE(snapshot.namespaces(0).has_sockets());
  EXPECT_EQ(snapshot.namespaces(0).interfaces_size(), 0);
}

TEST(KernelReader, ReadsThisHost) {
  const base::SystemClock clock;
  Request request;
  request.set_owners(true);
  const v1::KernelSnapshot snapshot =
      KernelReader(&clock).Read(PlanKernelSnapshot(request).value());
  const v1::HostStatistics& host = snapshot.host();
  EXPECT_GT(host.uptime_seconds(), 0);
  EXPECT_GE(host.page_bytes(), 4096u);
  EXPECT_GT(host.open_files(), 0u);
  EXPECT_GT(host.memory_bytes(), host.available_memory_bytes());
  EXPECT_GT(host.softnet_size(), 0);
  EXPECT_GT(host.processes_size(), 0);
  EXPECT_TRUE(host.has_tcp_orphans());
  const v1::NamespaceStatistics& own = snapshot.namespaces(0);
  EXPECT_EQ(own.network_namespace(), sys::NetNamespace::Current()->Inode().value());
  for (const char* name : {"Tcp.ActiveOpens", "TcpExt.ListenOverflows", "IpExt.InOctets"}) {
    EXPECT_TRUE(own.counters().contains(name)) << name;
  }
  EXPECT_TRUE(own.levels().contains("Tcp.CurrEstab"));
  ASSERT_GT(own.interfaces_size(), 0);
  EXPECT_TRUE(own.interfaces(0).counters().contains("rx_packets"));
  EXPECT_TRUE(own.has_sockets());
  EXPECT_TRUE(own.sockets().has_port_range_low());
  EXPECT_FALSE(snapshot.boot_id().empty());
}

TEST(KernelReader, DescribesThisHost) {
  const base::SystemClock clock;
  const v1::Collector collector = KernelReader(&clock).Describe();
  EXPECT_EQ(collector.name(), "kernel");
  EXPECT_NE(collector.level(), v1::Collector::LEVEL_UNSPECIFIED);
  EXPECT_NE(collector.level(), v1::Collector::LEVEL_UNAVAILABLE) << collector.detail();
}

TEST_F(KernelReaderTest, DescribesAHostThatShowsNothing) {
  const v1::Collector collector = KernelReader(&clock_, directory_.path()).Describe();
  EXPECT_EQ(collector.level(), v1::Collector::LEVEL_UNAVAILABLE);
  EXPECT_THAT(collector.detail(), HasSubstr("/proc/net/snmp: No such file or directory"));
}

}  // namespace
}  // namespace tcpfleet::agent

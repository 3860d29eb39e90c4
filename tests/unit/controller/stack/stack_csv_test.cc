#include "controller/stack/stack_csv.h"

#include <gmock/gmock.h>

#include "tests/unit/controller/stack/hosts.h"

namespace tcpfleet::controller {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr char kNamespace[] = "4026531840";

TEST(StackCsv, HasAValuePerRow) {
  const std::vector<CsvRow> rows = StackCsvRows(BusyHost());
  for (const CsvRow& row : rows) ASSERT_EQ(row.size(), StackCsvHeader().size());
  EXPECT_THAT(rows, Contains(ElementsAre("web1", kNamespace, "states", "ESTAB", "812")));
  EXPECT_THAT(rows, Contains(ElementsAre("web1", kNamespace, "listeners", "0.0.0.0:80 accept_queue",
                                         "129")));
  EXPECT_THAT(rows, Contains(ElementsAre("web1", kNamespace, "port_use",
                                         "10.0.0.1 10.0.0.9:5432 used", "28232")));
  EXPECT_THAT(rows,
              Contains(ElementsAre("web1", "", "sysctls", "net.ipv4.tcp_max_orphans", "8192")));
}

TEST(StackCsv, HasWhatMovedButNothingThatWentBack) {
  v1::StackHost host = BusyHost();
  *host.mutable_last() = LaterSnapshot();
  const std::vector<CsvRow> rows = StackCsvRows(host);
  EXPECT_THAT(rows, Contains(ElementsAre("web1", "", "snapshot", "interval_seconds", "10")));
  EXPECT_THAT(rows,
              Contains(ElementsAre("web1", kNamespace, "moved", "TcpExt.TCPPureAcks", "2000")));
  EXPECT_THAT(rows, Not(Contains(ElementsAre("web1", kNamespace, "moved", "TcpExt.ListenOverflows",
                                             testing::_))));
}

TEST(StackCsv, HasNoRowForWhatIsNotKnown) {
  const std::vector<CsvRow> rows = StackCsvRows(MuteHost());
  EXPECT_THAT(rows,
              Contains(ElementsAre("db1", "7", "missing", "inet_diag", "Operation not permitted")));
  EXPECT_THAT(rows, Not(Contains(Contains("memory"))));
  EXPECT_THAT(rows, Not(Contains(Contains("states"))));
}

}  // namespace
}  // namespace tcpfleet::controller

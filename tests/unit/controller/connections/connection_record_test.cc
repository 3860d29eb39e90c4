#include "controller/connections/connection_record.h"

#include <gmock/gmock.h>

#include <map>

#include "tests/unit/controller/connections/row_list.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;
using ::testing::ElementsAre;

class ConnectionRecordTest : public ::testing::Test {
 protected:
  ConnectionRecordTest() {
    sockets::ConnectionSample& sample = list_.Add(0, 7, "198.18.0.1:40000", "198.18.0.9:443");
    sample.identity.process = std::make_shared<const sockets::Process>(
        sockets::Process{77, 1, "ng\xffinx", "nginx: worker"});
    sample.identity.cgroup = std::make_shared<const std::string>("/system.slice");
    sample.values.Set(Field::kRtt, 250);
    sample.values.Set(Field::kSndCwnd, 10);
    sample.values.Set(Field::kFirstSeenAtMs, 1'000);
    list_.hosts[0].last_frame_monotonic_ns = 3'500'000'000;
    list_.row(0).derived.send_rate = 1'250'000.5;
    list_.row(0).derived.limited = sockets::Limit::kReceiver;
  }
  std::map<std::string, std::string> Csv(const CsvShape& shape) {
    const CsvRow header = ConnectionCsvHeader(shape);
    const CsvRow cells = ConnectionCsvRow(ToRecord(list_.row(0), list_.hosts), shape);
    EXPECT_EQ(header.size(), cells.size());
    std::map<std::string, std::string> csv;
    for (size_t i = 0; i < header.size(); ++i) csv[header[i]] = cells[i];
    return csv;
  }
  RowList list_{"web1"};
};

TEST_F(ConnectionRecordTest, SaysWhatIsKnownAndNothingElse) {
  const v1::ConnectionRecord record = ToRecord(list_.row(0), list_.hosts);
  EXPECT_EQ(record.agent(), "web1");
  EXPECT_EQ(record.state(), "ESTAB");
  EXPECT_EQ(record.process(), "ng?inx");
  EXPECT_EQ(record.pid(), 77u);
  EXPECT_EQ(record.cgroup(), "/system.slice");
  EXPECT_FALSE(record.has_uid());
  EXPECT_FALSE(record.has_cgroup_id());
  EXPECT_FALSE(record.has_interface_index());
  EXPECT_EQ(record.age_seconds(), 2.5);
  EXPECT_FALSE(record.age_is_exact());
  EXPECT_EQ(record.derived().limited(), "receiver");
  EXPECT_FALSE(record.derived().has_receive_rate_bytes_per_second());
  EXPECT_EQ(record.fields().at("rtt"), 250u);
  EXPECT_EQ(record.fields().count("rttvar"), 0u);
}

TEST_F(ConnectionRecordTest, HasOnlyTheChosenFields) {
  sockets::FieldMask fields;
  fields.set(sockets::SlotOf(Field::kRtt));
  EXPECT_THAT(ToRecord(list_.row(0), list_.hosts, fields).fields(),
              ElementsAre(::testing::Pair("rtt", 250u)));
}

TEST_F(ConnectionRecordTest, LeavesCellsOfTheUnknownEmpty) {
  const auto csv = Csv({.with_event = true, .with_peers = true});
  EXPECT_EQ(csv.at("agent"), "web1");
  EXPECT_EQ(csv.at("cookie"), "7");
  EXPECT_EQ(csv.at("uid"), "");
  EXPECT_EQ(csv.at("send_rate_bytes_per_second"), "1250000.5");
  EXPECT_EQ(csv.at("receive_rate_bytes_per_second"), "");
  EXPECT_EQ(csv.at("age_is_exact"), "false");
  EXPECT_EQ(csv.at("peer_end_agent"), "");
  EXPECT_EQ(csv.at("rtt"), "250");
  EXPECT_EQ(csv.at("rttvar"), "");
  EXPECT_EQ(csv.at("event"), "");
}

}  // namespace
}  // namespace tcpfleet::controller

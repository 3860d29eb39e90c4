#include "controller/connections/change_lines.h"

#include <absl/strings/str_split.h>

#include <sstream>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/connections/scripted_host.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;
using ::tcpfleet::tests::IsOk;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A host that has one connection, changes it, gets a second one and loses the first.
std::vector<std::string> Lines(LineFormat format, const std::string& columns) {
  std::ostringstream out;
  ChangeLines lines(out, format, columns.empty() ? std::vector<Column>() : *ParseColumns(columns));
  ScriptedHost host(0);
  FleetTable table;
  FrameChanges changes;
  const auto step = [&] {
    EXPECT_THAT(table.Apply(host.Frame(), &changes), IsOk());
    EXPECT_THAT(lines.Write(changes, table.hosts()), IsOk());
  };
  EXPECT_THAT(table.Apply(host.Up()), IsOk());
  host.connections = {Connection(1, "198.18.0.1:40001", "198.18.0.9:443")};
  step();
  host.values(1).Set(Field::kRtt, 250);
  step();
  host.connections.push_back(Connection(2, "198.18.0.1:40002", "198.18.0.9:443"));
  step();
  host.connections.erase(host.connections.begin());
  step();
  std::vector<std::string> all = absl::StrSplit(out.str(), '\n');
  all.pop_back();
  return all;
}

TEST(ChangeLines, SaysWhatHappenedInOneLineEach) {
  EXPECT_THAT(
      Lines(LineFormat::kText, "rtt"),
      ElementsAre(
          EndsWith("  present  web1  ESTAB  198.18.0.1:40001 > 198.18.0.9:443  rtt -"),
          EndsWith("  change   web1  ESTAB  198.18.0.1:40001 > 198.18.0.9:443  rtt 250 µs"),
          EndsWith("  open     web1  ESTAB  198.18.0.1:40002 > 198.18.0.9:443  rtt -"),
          EndsWith("  close    web1  ESTAB  198.18.0.1:40001 > 198.18.0.9:443  rtt 250 µs")));
}

TEST(ChangeLines, ShowsTheUsualColumnsUnlessToldOthers) {
  EXPECT_THAT(Lines(LineFormat::kText, "")[1],
              AllOf(HasSubstr("  rtt 250 µs  snd_cwnd -  send_rate -"), EndsWith("  process -")));
}

TEST(ChangeLines, WritesRecordsWithEventAndTime) {
  const std::vector<std::string> lines = Lines(LineFormat::kJsonl, "rtt");
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_THAT(lines[1], AllOf(StartsWith("{\"agent\":\"web1\""), HasSubstr("\"event\":\"change\""),
                              HasSubstr("\"fields\":{\"rtt\":\"250\"}"),
                              HasSubstr("\"time\":\"2023-11-14T22:15:02Z\"")));
}

TEST(ChangeLines, WritesOneHeaderInCsv) {
  const std::vector<std::string> lines = Lines(LineFormat::kCsv, "rtt");
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_THAT(lines[0], AllOf(StartsWith("time,event,agent,state,"), EndsWith(",limited,rtt\r")));
  EXPECT_THAT(lines[2],
              AllOf(StartsWith("2023-11-14T22:15:02Z,change,web1,ESTAB,"), EndsWith(",250\r")));
}

}  // namespace
}  // namespace tcpfleet::controller

// `tcpfleet snapshot` against `ss` on the same connection.
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/json_util.h>

#include <map>
#include <optional>

#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_client.h"
#include "tests/support/plain_server.h"

namespace tcpfleet::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// "rtt:0.05/0.02 cwnd:10 pacing_rate 4bps" of `ss -i` as name and value.
std::map<std::string, std::string> ParseSs(const std::string& line) {
  std::map<std::string, std::string> values;
  const std::vector<std::string> words =
      absl::StrSplit(line, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  for (size_t i = 5; i < words.size(); ++i) {
    const size_t colon = words[i].find(':');
    if (colon != std::string::npos) {
      values[words[i].substr(0, colon)] = words[i].substr(colon + 1);
    } else if (i + 1 < words.size() && absl::EndsWith(words[i + 1], "bps")) {
      values[words[i]] = words[i + 1].substr(0, words[i + 1].size() - 3);
      ++i;
    }
  }
  return values;
}

double Number(absl::string_view text) {
  double value = 0;
  EXPECT_TRUE(absl::SimpleAtod(text, &value)) << std::string(text);
  return value;
}

struct Comparison {
  const char* ss_name;
  const char* field;
  double factor;  // ss value = field * factor
};

// Every value ss prints that does not move while nothing is sent.
constexpr Comparison kComparisons[] = {
    {"rto", "rto", 1e-3},
    {"ato", "ato", 1e-3},
    {"mss", "snd_mss", 1},
    {"pmtu", "pmtu", 1},
    {"rcvmss", "rcv_mss", 1},
    {"advmss", "advmss", 1},
    {"cwnd", "snd_cwnd", 1},
    {"ssthresh", "snd_ssthresh", 1},
    {"bytes_sent", "bytes_sent", 1},
    {"bytes_retrans", "bytes_retrans", 1},
    {"bytes_acked", "bytes_acked", 1},
    {"bytes_received", "bytes_received", 1},
    {"segs_out", "segs_out", 1},
    {"segs_in", "segs_in", 1},
    {"data_segs_out", "data_segs_out", 1},
    {"data_segs_in", "data_segs_in", 1},
    {"pacing_rate", "pacing_rate", 8},
    {"delivery_rate", "delivery_rate", 8},
    {"delivered", "delivered", 1},
    {"rcv_space", "rcv_space", 1},
    {"rcv_ssthresh", "rcv_ssthresh", 1},
    {"minrtt", "min_rtt", 1e-3},
    {"snd_wnd", "snd_wnd", 1},
    {"rcv_rtt", "rcv_rtt", 1e-3},
};

class SnapshotTest : public FleetTest {
 protected:
  v1::SnapshotReport Snapshot(std::vector<std::string> filter) {
    std::vector<std::string> arguments = {"--output", "json", "snapshot"};
    arguments.insert(arguments.end(), filter.begin(), filter.end());
    const CommandResult result = Controller(std::move(arguments));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    v1::SnapshotReport report;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(result.out, &report).ok())
        << result.out;
    return report;
  }
};

TEST_F(SnapshotTest, ShowsWhatSsShowsFieldByField) {
  Host& web = *AddAgent("web1").host;
  Host& plain = AddHost("plain");
  for (const bool is_v4 : {true, false}) {
    const base::Endpoint address{is_v4 ? plain.ipv4() : plain.ipv6(), 0};
    const auto server =
        PlainServer::Create(PlainServer::Behaviour::kEcho, address, &plain.network());
    ASSERT_TRUE(server.ok()) << server.status();
    const auto client = ConnectTo((*server)->endpoint(), &web.network());
    ASSERT_TRUE(client.ok()) << client.status();
    ASSERT_TRUE(Exchange(client->get(), 5000, 3).ok());

    const std::string filter = absl::StrCat("dport = :", (*server)->endpoint().port);
    // Quiet once two looks a delayed ACK apart are the same.
    std::string before;
    ASSERT_TRUE(EventuallyTrue([&] {
      const std::string now = web.Command({"ss", "-tinHO", filter}).value().out;
      const bool quiet = ParseSs(now)["segs_out"] == ParseSs(before)["segs_out"] && !now.empty();
      before = now;
      return quiet;
    }));
    const v1::SnapshotReport report = Snapshot({filter});
    const auto expected = ParseSs(web.Command({"ss", "-tinHO", filter}).value().out);

    ASSERT_THAT(report.connections(), SizeIs(1));
    const v1::ConnectionRecord& connection = report.connections(0);
    EXPECT_EQ(connection.agent(), "web1");
    EXPECT_EQ(connection.state(), "ESTAB");
    EXPECT_EQ(connection.peer(), (*server)->endpoint().ToString());
    size_t compared = 0;
    for (const Comparison& comparison : kComparisons) {
      const auto ss = expected.find(comparison.ss_name);
      if (ss == expected.end()) continue;  // ss leaves out what is 0
      ++compared;
      ASSERT_EQ(connection.fields().count(comparison.field), 1u) << comparison.field;
      const double ours =
          static_cast<double>(connection.fields().at(comparison.field)) * comparison.factor;
      EXPECT_NEAR(Number(ss->second), ours, 0.001 + ours * 1e-3) << comparison.field;
    }
    EXPECT_GE(compared, 18u);
    const std::vector<std::string> rtt = absl::StrSplit(expected.at("rtt"), '/');
    EXPECT_NEAR(Number(rtt[0]), static_cast<double>(connection.fields().at("rtt")) / 1e3, 0.0011);
    EXPECT_NEAR(Number(rtt[1]), static_cast<double>(connection.fields().at("rttvar")) / 1e3,
                0.0011);
  }
}

TEST_F(SnapshotTest, SelectsByStatePortAndAddress) {
  TestAgent& web = AddAgent("web1");
  AddAgent("web2");
  EXPECT_THAT(Snapshot({"state", "listening", "sport", "=", ":7117"}).connections(), SizeIs(2));
  EXPECT_THAT(Snapshot({"state listening src " + web.host->ipv4().ToString()}).connections(),
              SizeIs(1));
  EXPECT_THAT(Snapshot({"dport = :1"}).connections(), SizeIs(0));
}

TEST_F(SnapshotTest, PointsAtTheMistakeInAFilter) {
  AddAgent("web1");
  const CommandResult result = Controller({"snapshot", "state establshed"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("establshed"), HasSubstr("did you mean 'established'")));
}

TEST_F(SnapshotTest, NamesTheAgentThatDoesNotAnswer) {
  AddAgent("web1");
  TestAgent& gone = AddAgent("web2");
  gone.program.process.Signal(SIGKILL);
  gone.program.process.Wait();
  const CommandResult result = Controller({"snapshot", "state", "listening"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.out, HasSubstr("web1"));
  EXPECT_THAT(result.out + result.err, AllOf(HasSubstr("web2"), HasSubstr("unreachable")));
}

}  // namespace
}  // namespace tcpfleet::tests

#include "controller/commands/snapshot.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>

#include "common/base/ip_address.h"
#include "common/sockets/frame_encoder.h"
#include "tcpfleet/v1/report.pb.h"
#include "tests/support/golden.h"
#include "tests/unit/controller/commands/command_run.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;
using ::tcpfleet::tests::ExpectGolden;
using ::testing::HasSubstr;
using ::testing::StartsWith;

sockets::ConnectionSample Connection(uint64_t cookie, absl::string_view local,
                                     absl::string_view remote, uint64_t rtt_us) {
  sockets::ConnectionSample sample;
  sample.identity.cookie = cookie;
  sample.identity.local = *base::ParseEndpoint(local);
  sample.identity.remote = *base::ParseEndpoint(remote);
  sample.identity.uid = 1000;
  sample.identity.congestion_control = "cubic";
  sample.values.Set(Field::kState, 1);
  sample.values.Set(Field::kReceiveQueue, 0);
  sample.values.Set(Field::kSendQueue, 1448);
  if (rtt_us == 0) return sample;
  sample.values.Set(Field::kRtt, rtt_us);
  sample.values.Set(Field::kRttvar, rtt_us / 2);
  sample.values.Set(Field::kSndCwnd, 10);
  sample.values.Set(Field::kRetrans, 0);
  sample.values.Set(Field::kTotalRetrans, 3);
  sample.values.Set(Field::kBytesSent, 123'456);
  sample.values.Set(Field::kBytesAcked, 123'000);
  sample.values.Set(Field::kBytesReceived, 99);
  sample.values.Set(Field::kDeliveryRate, 1'250'000);
  return sample;
}

v1::ConnectionFrame FrameOf(const std::vector<sockets::ConnectionSample>& live) {
  sockets::ConnectionPoll poll;
  poll.live = live;
  return sockets::FrameEncoder().Encode(poll);
}

// a1 has an IPv4 and an IPv6 connection, a2 one without TCP_INFO and breaks after it.
FakeFleet TwoAgents() {
  FakeFleet fake(2);
  fake.clients[0]->frames = {
      FrameOf({Connection(7, "198.18.0.1:40000", "198.18.0.9:443", 250),
               Connection(8, "[2001:db8::1]:40001", "[2001:db8::9]:443", 1'500)})};
  fake.clients[1]->frames = {FrameOf({Connection(9, "198.18.0.2:40000", "198.18.0.9:443", 0)})};
  fake.clients[1]->snapshot_status = absl::UnavailableError("Socket closed");
  return fake;
}

TEST(SnapshotCommand, ShowsTheConnectionsOfAllAgents) {
  FakeFleet fake = TwoAgents();
  const CommandRun run = RunOn(fake, {"snapshot"});
  EXPECT_EQ(run.exit_code, kPartial);
  ExpectGolden("snapshot.txt", run.out + "--- stderr ---\n" + run.err);
}

TEST(SnapshotCommand, ShortensThePeerOnANarrowTerminal) {
  FakeFleet fake = TwoAgents();
  ExpectGolden("snapshot_narrow.txt", RunOn(fake, {"snapshot", "--color", "never"}, 120).out);
}

TEST(SnapshotCommand, ShowsChosenFieldsSortedAndCut) {
  FakeFleet fake = TwoAgents();
  const CommandRun run =
      RunOn(fake, {"snapshot", "--fields", "rtt,snd_cwnd", "--sort", "-bytes_acked", "--top", "1"});
  EXPECT_EQ(run.out,
            "HOST  STATE  RECV-Q  SEND-Q  LOCAL             PEER            rtt  snd_cwnd\n"
            "a1    ESTAB       0    1448  198.18.0.1:40000  198.18.0.9:443  250        10\n");
}

TEST(SnapshotCommand, AsksForTheFieldsItNeeds) {
  FakeFleet fake(1);
  v1::SnapshotRequest asked;
  fake.clients[0]->on_snapshot = [&](const v1::SnapshotRequest& request) { asked = request; };
  RunOn(fake, {"snapshot", "--fields", "rtt", "dport", "=", ":443", "--sort", "lost"});
  EXPECT_EQ(asked.filter(), "dport = :443");
  EXPECT_THAT(asked.field_ids(), ::testing::ElementsAre(1, 2, 3, 35, 44));
}

TEST(SnapshotCommand, PrintsOneJsonDocument) {
  FakeFleet fake = TwoAgents();
  const CommandRun run = RunOn(fake, {"snapshot", "--output", "json"});
  v1::SnapshotReport report;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(run.out, &report).ok()) << run.out;
  ASSERT_EQ(report.connections_size(), 3);
  EXPECT_EQ(report.connections(1).agent(), "a1");
  EXPECT_EQ(report.connections(1).state(), "ESTAB");
  EXPECT_EQ(report.connections(1).peer(), "[2001:db8::9]:443");
  EXPECT_EQ(report.connections(1).fields().at("rtt"), 1500u);
  EXPECT_EQ(report.connections(2).fields().count("rtt"), 0u);
  ASSERT_EQ(report.failures_size(), 1);
  EXPECT_EQ(report.failures(0).kind(), "died");
}

TEST(SnapshotCommand, PrintsOneJsonLinePerConnection) {
  FakeFleet fake = TwoAgents();
  const CommandRun run = RunOn(fake, {"snapshot", "--output", "jsonl", "--fields", "rtt"});
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 3);
  EXPECT_THAT(run.out, StartsWith("{\"agent\":\"a1\",\"state\":\"ESTAB\","));
  EXPECT_THAT(run.out, HasSubstr("\"fields\":{\"rtt\":\"250\"}"));
}

TEST(SnapshotCommand, PrintsCsv) {
  FakeFleet fake = TwoAgents();
  ExpectGolden("snapshot.csv",
               RunOn(fake, {"snapshot", "--output", "csv", "--fields", "rtt,bytes_acked"}).out);
}

TEST(SnapshotCommand, RefusesAMalformedFilterBeforeAskingAnybody) {
  FakeFleet fake = TwoAgents();
  const CommandRun run = RunOn(fake, {"snapshot", "state", "estab1"});
  EXPECT_EQ(run.exit_code, kUsage);
  EXPECT_THAT(run.err, StartsWith("tcpfleet: filter, column 7: "));
  EXPECT_NE(fake.fleet, nullptr);
}

TEST(SnapshotCommand, RefusesUnknownFieldsAndKeys) {
  FakeFleet fake(1);
  EXPECT_THAT(RunOn(fake, {"snapshot", "--fields", "rrt"}).err,
              StartsWith("tcpfleet: --fields: unknown field 'rrt', did you mean 'rtt'?\n"));
  EXPECT_THAT(RunOn(fake, {"snapshot", "--sort", "peeer"}).err,
              StartsWith("tcpfleet: --sort: cannot sort by 'peeer', did you mean 'peer'?\n"));
  EXPECT_THAT(RunOn(fake, {"snapshot", "--top", "0"}).err,
              StartsWith("tcpfleet: --top: '0' is out of range: it must be 1 to 1000000\n"));
}

TEST(SnapshotCommand, SaysThatRowsMayBeMissing) {
  FakeFleet fake(1);
  v1::ConnectionFrame frame = FrameOf({});
  frame.mutable_completeness()->set_dropped(12);
  frame.mutable_completeness()->set_gap(true);
  fake.clients[0]->frames = {frame};
  const CommandRun run = RunOn(fake, {"snapshot"});
  EXPECT_EQ(run.exit_code, kOk);
  EXPECT_THAT(run.err, HasSubstr("tcpfleet: a1: 12 connections left out"));
  EXPECT_THAT(run.err, HasSubstr("connections may be missing"));
}

}  // namespace
}  // namespace tcpfleet::controller

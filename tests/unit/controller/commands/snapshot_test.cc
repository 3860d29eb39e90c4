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

TEST(SnapshotCommand, LeavesOutTheLastColumnsOnANarrowTerminal) {
  FakeFleet fake = TwoAgents();
  ExpectGolden("snapshot_narrow.txt", RunOn(fake, {"snapshot", "--color", "never"}, 100).out);
}

TEST(SnapshotCommand, ShowsChosenFieldsSortedAndCut) {
  FakeFleet fake = TwoAgents();
  const CommandRun run =
      RunOn(fake, {"snapshot", "--fields", "rtt,snd_cwnd", "--sort", "-bytes_acked", "--top", "1"});
  EXPECT_EQ(run.out,
            "HOST  STATE  RECV-Q  SEND-Q             LOCAL            PEER     RTT  SND_CWND\n"
            "a1    ESTAB       0    1448  198.18.0.1:40000  198.18.0.9:443  250 µs        10\n");
}

TEST(SnapshotCommand, AsksForTheFieldsItNeeds) {
  FakeFleet fake(1);
  v1::SnapshotRequest asked;
  fake.clients[0]->on_snapshot = [&](const v1::SnapshotRequest& request) { asked = request; };
  RunOn(fake, {"snapshot", "--fields", "rtt,process", "dport", "=", ":443", "--sort", "lost"});
  EXPECT_EQ(asked.filter(), "dport = :443");
  EXPECT_THAT(asked.field_ids(), ::testing::IsSupersetOf({1, 2, 3, 35, 44}));
  EXPECT_THAT(asked.field_ids(), ::testing::Not(::testing::Contains(46)));
  EXPECT_TRUE(asked.processes());
  EXPECT_FALSE(asked.all_namespaces());
}

TEST(SnapshotCommand, AsksForEverythingUnlessFieldsAreNamed) {
  FakeFleet fake(1);
  v1::SnapshotRequest asked;
  fake.clients[0]->on_snapshot = [&](const v1::SnapshotRequest& request) { asked = request; };
  RunOn(fake, {"snapshot", "--all-namespaces", "--processes"});
  EXPECT_EQ(asked.field_ids_size(), 0);
  EXPECT_TRUE(asked.processes());
  EXPECT_TRUE(asked.all_namespaces());
}

TEST(SnapshotCommand, AsksOnlyHostsThatCanMatch) {
  FakeFleet fake = TwoAgents();
  fake.clients[1]->on_snapshot = [](const v1::SnapshotRequest&) { ADD_FAILURE(); };
  v1::SnapshotRequest asked;
  fake.clients[0]->on_snapshot = [&](const v1::SnapshotRequest& request) { asked = request; };
  const CommandRun run = RunOn(fake, {"snapshot", "host = a1 and rtt > 1us"});
  EXPECT_EQ(run.exit_code, kOk);
  EXPECT_THAT(asked.filter(), ::testing::Not(HasSubstr("host")));
  EXPECT_THAT(run.err, HasSubstr("2 connections on 1 host\n"));
}

TEST(SnapshotCommand, CountsByColumns) {
  FakeFleet fake = TwoAgents();
  const CommandRun run = RunOn(fake, {"snapshot", "--group-by", "host,state"});
  ExpectGolden("snapshot_groups.txt", run.out);
}

TEST(SnapshotCommand, OrdersAndCutsGroups) {
  FakeFleet fake = TwoAgents();
  EXPECT_THAT(RunOn(fake, {"snapshot", "--group-by", "lport", "--sort", "-lport", "--top", "1",
                           "--output", "csv"})
                  .out,
              ::testing::EndsWith("rtt_us_max\r\n40001,1,123456,99,3,1500,1500\r\n"));
}

TEST(SnapshotCommand, WritesGroupsAsJson) {
  FakeFleet fake = TwoAgents();
  v1::SnapshotReport report;
  const CommandRun run = RunOn(fake, {"snapshot", "--group-by", "host", "--output", "json"});
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(run.out, &report).ok()) << run.out;
  ASSERT_EQ(report.groups_size(), 2);
  EXPECT_EQ(report.groups(0).keys().at("host"), "a1");
  EXPECT_EQ(report.groups(0).connections(), 2u);
  EXPECT_EQ(report.groups(0).rtt_us_max(), 1500);
  EXPECT_FALSE(report.groups(1).has_rtt_us_max());
  EXPECT_EQ(report.connections_size(), 0);
}

// a1 and a2 hold the ends of one connection.
FakeFleet BothEnds() {
  FakeFleet fake(2);
  for (size_t i = 0; i < 2; ++i) {
    fake.clients[i]->describe = [i] {
      v1::DescribeResponse host;
      host.set_boot_id("boot " + std::to_string(i));
      return host;
    };
  }
  sockets::ConnectionSample sender = Connection(7, "198.18.0.1:40000", "198.18.0.2:443", 250);
  sender.values.Set(Field::kBusyTime, 1'000'000);
  sender.values.Set(Field::kRwndLimited, 900'000);
  sender.values.Set(Field::kSndbufLimited, 0);
  fake.clients[0]->frames = {FrameOf({sender})};
  fake.clients[1]->frames = {FrameOf({Connection(8, "198.18.0.2:443", "198.18.0.1:40000", 0)})};
  return fake;
}

TEST(SnapshotCommand, JoinsBothEndsInOneLine) {
  FakeFleet fake = BothEnds();
  ExpectGolden("snapshot_peers.txt", RunOn(fake, {"snapshot", "--peers"}).out);
}

TEST(SnapshotCommand, NamesTheOtherEndInRecords) {
  FakeFleet fake = BothEnds();
  v1::SnapshotReport report;
  const CommandRun run = RunOn(fake, {"snapshot", "--peers", "--output", "json"});
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(run.out, &report).ok()) << run.out;
  ASSERT_EQ(report.connections_size(), 2);
  EXPECT_EQ(report.connections(0).peer_end().agent(), "a2");
  EXPECT_EQ(report.connections(1).peer_end().cookie(), 7u);
  EXPECT_THAT(report.connections(1).peer_end().explanation(), HasSubstr("receive window"));
}

TEST(SnapshotCommand, ShowsTheQueueAndBacklogOfListeners) {
  FakeFleet fake(1);
  sockets::ConnectionSample listener;
  listener.identity.cookie = 5;
  listener.identity.local.port = 443;
  listener.values.Set(Field::kState, 10);
  listener.values.Set(Field::kAcceptQueue, 3);
  listener.values.Set(Field::kBacklog, 128);
  fake.clients[0]->frames = {FrameOf({listener})};
  EXPECT_THAT(RunOn(fake, {"snapshot", "state listening", "--fields", "cc"}).out,
              ::testing::EndsWith("LISTEN       3     128  0.0.0.0:443  0.0.0.0:*  -\n"));
}

TEST(SnapshotCommand, SaysWhatIsCountedButNotListed) {
  FakeFleet fake(1);
  v1::ConnectionFrame frame = FrameOf({});
  frame.mutable_completeness()->set_time_wait(37);
  frame.mutable_completeness()->set_syn_recv(2);
  frame.mutable_completeness()->set_unattributed(1);
  fake.clients[0]->frames = {frame};
  EXPECT_EQ(RunOn(fake, {"snapshot"}).err,
            "tcpfleet: 0 connections on 1 host; not listed: 37 in TIME_WAIT, 2 in SYN_RECV; the "
            "process of 1 is not known\n");
}

TEST(SnapshotCommand, RefusesOptionsThatDoNotGoTogether) {
  const auto error = [](std::vector<std::string> words) {
    FakeFleet fake(1);
    const CommandRun run = RunOn(fake, words);
    EXPECT_EQ(run.exit_code, kUsage);
    EXPECT_NE(fake.fleet, nullptr);
    return run.err;
  };
  EXPECT_THAT(error({"snapshot", "--group-by", "host", "--fields", "rtt"}),
              HasSubstr("--fields and --group-by exclude each other"));
  EXPECT_THAT(error({"snapshot", "--group-by", "host", "--peers"}),
              HasSubstr("--peers and --group-by exclude each other"));
  EXPECT_THAT(error({"snapshot", "--group-by", "host", "--sort", "snd_cwnd"}),
              HasSubstr("--sort: groups have no 'snd_cwnd'"));
  EXPECT_THAT(error({"snapshot", "--group-by", "hots"}), HasSubstr("did you mean 'host'"));
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
              StartsWith("tcpfleet: --fields: unknown column 'rrt', did you mean 'rtt'?\n"));
  EXPECT_THAT(RunOn(fake, {"snapshot", "--sort", "peeer"}).err,
              StartsWith("tcpfleet: --sort: unknown column 'peeer', did you mean 'peer'?\n"));
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

#include "controller/connections/fleet_table.h"

#include <cmath>
#include <map>
#include <random>

#include "common/sockets/frame_decoder.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/connections/scripted_host.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;
using ::tcpfleet::tests::IsOk;
using ::tcpfleet::tests::StatusIs;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::SizeIs;

// One host with connections 1 and 2, after its first frame.
class FleetTableTest : public ::testing::Test {
 protected:
  FleetTableTest() {
    host_.connections = {Connection(1, "198.18.0.1:40001", "198.18.0.9:443"),
                         Connection(2, "198.18.0.1:40002", "198.18.0.9:443")};
    for (sockets::ConnectionSample& sample : host_.connections) {
      sample.values.Set(Field::kBytesSent, 1000);
      sample.values.Set(Field::kBytesReceived, 500);
      sample.values.Set(Field::kTotalRetrans, 0);
      for (const Field field : {Field::kBusyTime, Field::kRwndLimited, Field::kSndbufLimited}) {
        sample.values.Set(field, 10);
      }
      sample.values.Set(Field::kRtt, 250);
    }
    Apply(host_.Up());
    Apply(host_.Frame());
  }
  void Apply(const v1::RecordingEntry& entry) {
    ASSERT_THAT(table_.Apply(entry, &changes_), IsOk());
  }
  const ConnectionRow* Row(uint64_t cookie) const {
    for (const ConnectionRow* row : table_.Rows()) {
      if (row->sample->identity.cookie == cookie) return row;
    }
    return nullptr;
  }
  const HostView& view() const { return table_.hosts()[0]; }

  ScriptedHost host_{0};
  FleetTable table_;
  FrameChanges changes_;
};

std::vector<float> Points(const Trace& trace) {
  std::vector<float> points;
  for (size_t i = 0; i < trace.size(); ++i) points.push_back(trace.at(i));
  return points;
}

TEST_F(FleetTableTest, ListsWhatTheFirstFrameHolds) {
  EXPECT_EQ(table_.size(), 2u);
  EXPECT_THAT(table_.Rows(), SizeIs(2));
  EXPECT_TRUE(changes_.first);
  EXPECT_THAT(changes_.opened, SizeIs(2));
  EXPECT_EQ(Row(1)->derived.send_rate, std::nullopt);
  EXPECT_EQ(view().name, "web1");
  EXPECT_TRUE(view().up);
  EXPECT_EQ(view().connections, 2u);
  EXPECT_EQ(view().last_frame_unix_ns,
            ScriptedHost::kUnixMinusMonotonicNs + host_.now_ms() * 1'000'000);
}

TEST_F(FleetTableTest, DerivesRatesFromTwoFrames) {
  host_.values(1).Set(Field::kBytesSent, 5000);
  host_.values(1).Set(Field::kTotalRetrans, 6);
  host_.values(1).Set(Field::kRtt, 300);
  Apply(host_.Frame(2000));
  EXPECT_THAT(Row(1)->derived.send_rate, Optional(DoubleEq(2000)));
  EXPECT_THAT(Row(1)->derived.receive_rate, Optional(DoubleEq(0)));
  EXPECT_THAT(view().send_rate, DoubleEq(2000));
  EXPECT_THAT(view().retransmits_per_second, DoubleEq(3));
  EXPECT_THAT(changes_.changed, ElementsAre(Row(1)));
  EXPECT_FALSE(changes_.first);
  EXPECT_THAT(Points(Row(1)->rtt_us), ElementsAre(250, 300));
}

TEST_F(FleetTableTest, AConnectionThatDoesNothingHasRateZero) {
  host_.values(1).Set(Field::kBytesSent, 5000);
  Apply(host_.Frame());
  Apply(host_.Frame());
  EXPECT_THAT(Row(1)->derived.send_rate, Optional(DoubleEq(0)));
  EXPECT_THAT(Row(1)->derived.limited, Optional(sockets::Limit::kApplication));
  EXPECT_THAT(view().send_rate, DoubleEq(0));
  const std::vector<float> points = Points(Row(1)->send_rate);
  ASSERT_THAT(points, SizeIs(3));
  EXPECT_TRUE(std::isnan(points[0]));
  EXPECT_NEAR(points[1], 4000, 16);
  EXPECT_EQ(points[2], 0);
  EXPECT_THAT(Points(Row(1)->rtt_us), ElementsAre(250, 250, 250));
}

TEST_F(FleetTableTest, FindsConnectionsOfHostsThatAreUp) {
  const ConnectionRow* const row = Row(1);
  const uint64_t network_namespace = row->sample->identity.network_namespace;
  EXPECT_EQ(table_.Find(0, 1, network_namespace), row);
  EXPECT_EQ(table_.Find(0, 3, network_namespace), nullptr);
  EXPECT_EQ(table_.Find(0, 1, network_namespace + 1), nullptr);
  EXPECT_EQ(table_.Find(1, 1, network_namespace), nullptr);
  Apply(host_.Down());
  EXPECT_EQ(table_.Find(0, 1, network_namespace), nullptr);
}

TEST_F(FleetTableTest, KeepsWhatItKnowsAcrossAReconnect) {
  const ConnectionRow* before = Row(1);
  Apply(host_.Down());
  EXPECT_FALSE(view().up);
  EXPECT_EQ(view().down_cause, "died: the connection broke");
  EXPECT_THAT(table_.Rows(), SizeIs(0));
  EXPECT_EQ(table_.size(), 0u);

  host_.Reconnect();
  host_.values(1).Set(Field::kBytesSent, 11'000);
  host_.connections.pop_back();
  host_.connections.insert(host_.connections.begin(),
                           Connection(3, "198.18.0.1:40003", "198.18.0.9:443"));
  host_.connections.push_back(Connection(1, "198.18.0.1:40001", "198.18.0.9:443"));
  host_.connections.back().values.Set(Field::kBytesSent, 11'000);
  Apply(host_.Up());
  Apply(host_.Frame(5000));
  EXPECT_EQ(Row(1), before);
  EXPECT_THAT(Row(1)->derived.send_rate, Optional(DoubleEq(2000)));
  EXPECT_THAT(changes_.opened, ElementsAre(Row(3)));
  EXPECT_THAT(changes_.changed, ElementsAre(Row(1)));
  EXPECT_THAT(changes_.closed, SizeIs(0));
}

TEST_F(FleetTableTest, AKeyframeAloneChangesNothing) {
  host_.values(1).Set(Field::kLastDataSentAtMs, 5000);
  Apply(host_.Frame());
  host_.values(1).Set(Field::kLastDataSentAtMs, 5020);  // jitter the encoder leaves out
  host_.Reconnect();
  Apply(host_.Frame());
  EXPECT_THAT(changes_.opened, SizeIs(0));
  EXPECT_THAT(changes_.changed, SizeIs(0));
  EXPECT_THAT(changes_.closed, SizeIs(0));
  EXPECT_EQ(Row(1)->sample->values.Get(Field::kLastDataSentAtMs), 5020u);
}

TEST_F(FleetTableTest, HandsOutEndedConnectionsWithTheirLastRecord) {
  host_.connections.erase(host_.connections.begin());
  Apply(host_.Frame());
  ASSERT_THAT(changes_.closed, SizeIs(1));
  EXPECT_EQ(changes_.closed[0].last.identity.cookie, 1u);
  EXPECT_EQ(changes_.closed[0].last.values.Get(Field::kBytesSent), 1000u);
  EXPECT_EQ(Row(1), nullptr);
  EXPECT_EQ(table_.size(), 1u);
}

TEST_F(FleetTableTest, AConnectionOfWhichMoreBecomesKnownStaysTheSame) {
  const ConnectionRow* before = Row(2);
  host_.connections[1].identity.process =
      std::make_shared<const sockets::Process>(sockets::Process{77, 1, "nginx", "nginx"});
  host_.values(2).Set(Field::kBytesSent, 3000);
  Apply(host_.Frame());
  EXPECT_EQ(Row(2), before);
  EXPECT_EQ(Row(2)->sample->identity.process->pid, 77u);
  EXPECT_THAT(Row(2)->derived.send_rate, Optional(DoubleEq(2000)));
  EXPECT_THAT(changes_.opened, SizeIs(0));
  EXPECT_THAT(changes_.closed, SizeIs(0));
  EXPECT_THAT(changes_.changed, ElementsAre(before));
}

TEST_F(FleetTableTest, CountsEverythingOfAConnectionThatBeganInTheInterval) {
  sockets::ConnectionSample fresh = Connection(3, "198.18.0.1:40003", "198.18.0.9:443");
  fresh.values.Set(Field::kBytesSent, 700);
  fresh.values.Set(Field::kOpeningSeen, 1);
  fresh.values.Set(Field::kFirstSeenAtMs, static_cast<uint64_t>(host_.now_ms() + 1000));
  sockets::ConnectionSample older = fresh;  // it only matches the filter since now
  older.identity.cookie = 4;
  older.values.Set(Field::kFirstSeenAtMs, 1);
  host_.connections.push_back(fresh);
  host_.connections.push_back(older);
  Apply(host_.Frame());
  EXPECT_THAT(Row(3)->derived.send_rate, Optional(DoubleEq(700)));
  EXPECT_EQ(Row(4)->derived.send_rate, std::nullopt);
  EXPECT_THAT(view().send_rate, DoubleEq(700));
}

TEST_F(FleetTableTest, ForgetsEverythingAfterAReboot) {
  Apply(host_.Up("another boot"));
  EXPECT_THAT(table_.Apply(host_.Frame()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("web1")));
  host_.Reconnect();
  host_.values(1).Set(Field::kBytesSent, 9000);
  Apply(host_.Frame());
  EXPECT_TRUE(changes_.first);
  EXPECT_EQ(Row(1)->derived.send_rate, std::nullopt);
}

TEST_F(FleetTableTest, CountsMergedPolls) {
  v1::RecordingEntry entry = host_.Frame();
  entry.mutable_frame()->set_merged_polls(4);
  Apply(entry);
  EXPECT_EQ(view().missed_polls, 3u);
}

TEST_F(FleetTableTest, StaysWholeWhenAFrameIsDamaged) {
  v1::RecordingEntry entry = host_.Frame();
  entry.mutable_frame()->set_rows_zstd("not zstd");
  EXPECT_THAT(table_.Apply(entry), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(table_.size(), 2u);
  EXPECT_THAT(table_.Apply(host_.Frame()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("keyframe")));
  host_.Reconnect();
  Apply(host_.Frame());
  EXPECT_THAT(Row(1)->derived.send_rate, Optional(DoubleEq(0)));
}

TEST_F(FleetTableTest, RefusesAgentsThatAreNotUpAndNumbersOutOfRange) {
  ScriptedHost stranger(1, "web2");
  EXPECT_THAT(table_.Apply(stranger.Frame()), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(table_.Apply(ScriptedHost(kMostHosts).Up()), StatusIs(absl::StatusCode::kDataLoss));
}

// Two sockets with one cookie cannot be: the frame must not leave rows that point nowhere.
TEST_F(FleetTableTest, RefusesASocketListedTwice) {
  sockets::FrameDecoder decoder;
  ScriptedHost liar(0);
  liar.connections = {Connection(8, "198.18.0.1:1", "198.18.0.9:2"),
                      Connection(9, "198.18.0.1:1", "198.18.0.9:2")};
  v1::RecordingEntry entry = liar.Frame();
  ASSERT_THAT(decoder.Apply(entry.frame()), IsOk());
  for (const auto& [row, sample] : decoder.rows()) {
    const_cast<sockets::ConnectionSample&>(sample).identity.cookie = 8;
  }
  *entry.mutable_frame() = decoder.Keyframe();
  EXPECT_THAT(table_.Apply(entry), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("twice")));
  EXPECT_THAT(table_.Rows(), SizeIs(0));
  host_.Reconnect();
  Apply(host_.Frame());
  EXPECT_EQ(table_.size(), 2u);
}

TEST(Trace, KeepsTheNewestPoints) {
  Trace trace;
  for (int i = 0; i < 20; ++i) trace.Add(static_cast<float>(i));
  EXPECT_EQ(trace.size(), kHistory);
  EXPECT_EQ(trace.at(0), 4);
  EXPECT_EQ(trace.at(kHistory - 1), 19);
}

TEST(Trace, MakesUpThePointsOfFramesThatDidNotTouchIt) {
  uint32_t frames = 1;
  Trace rate(&frames, Trace::Idle::kZero);
  Trace rtt(&frames, Trace::Idle::kSame);
  rate.Add(8);
  rtt.Add(8);
  frames = 3;
  EXPECT_THAT(Points(rate), ElementsAre(8, 0, 0));
  EXPECT_THAT(Points(rtt), ElementsAre(8, 8, 8));
  frames = 5;
  rate.Add(2);
  EXPECT_THAT(Points(rate), ElementsAre(8, 0, 0, 0, 2));
  frames = 100;
  EXPECT_THAT(Points(rate), ::testing::AllOf(SizeIs(kHistory), ::testing::Each(0)));
}

// Any history of a host gives the rows its agent saw last, with rates as Derive has them.
TEST(FleetTable, FollowsRandomHistories) {
  std::mt19937 random(7);
  ScriptedHost host(0);
  FleetTable table;
  ASSERT_THAT(table.Apply(host.Up()), IsOk());
  std::map<uint64_t, sockets::FieldValues> before;
  uint64_t next_cookie = 1;
  for (int step = 0; step < 300; ++step) {
    for (uint32_t i = random() % 4; i > 0; --i) {
      host.connections.push_back(Connection(next_cookie++, "198.18.0.1:40000", "198.18.0.9:443"));
    }
    std::erase_if(host.connections, [&](const auto&) { return random() % 20 == 0; });
    for (sockets::ConnectionSample& sample : host.connections) {
      if (random() % 3 != 0) continue;
      for (const Field field : {Field::kBytesSent, Field::kTotalRetrans, Field::kDataSegsOut,
                                Field::kBusyTime, Field::kRwndLimited, Field::kSndbufLimited,
                                Field::kBytesReceived, Field::kBytesAcked, Field::kRtt}) {
        sample.values.Set(field, (sample.values.Get(field) + random() % 900) & 0xffffff);
      }
    }
    if (random() % 30 == 0) {
      ASSERT_THAT(table.Apply(host.Down()), IsOk());
      ASSERT_THAT(table.Apply(host.Up()), IsOk());
      host.Reconnect();
    }
    const v1::RecordingEntry entry = host.Frame();
    ASSERT_THAT(table.Apply(entry), IsOk());
    // A keyframe still has what ended; the frame after it tells the end.
    ASSERT_GE(table.size(), host.connections.size());
    if (!entry.frame().keyframe()) {
      ASSERT_EQ(table.size(), host.connections.size());
    }
    std::map<uint64_t, const ConnectionRow*> rows;
    for (const ConnectionRow* row : table.Rows()) rows[row->sample->identity.cookie] = row;
    double send_rate = 0;
    for (const sockets::ConnectionSample& sample : host.connections) {
      const ConnectionRow* row = rows[sample.identity.cookie];
      ASSERT_NE(row, nullptr);
      ASSERT_EQ(*row->sample, sample);
      const auto known = before.find(sample.identity.cookie);
      if (known == before.end()) continue;
      const sockets::Derived expected =
          sockets::Derive(known->second, sample.values, 1'000'000'000);
      ASSERT_EQ(row->derived, expected);
      send_rate += expected.send_rate.value_or(0);
    }
    ASSERT_GE(table.hosts()[0].send_rate + 1e-6, send_rate);
    before.clear();
    for (const auto& sample : host.connections) before[sample.identity.cookie] = sample.values;
  }
}

}  // namespace
}  // namespace tcpfleet::controller

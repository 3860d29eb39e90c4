#include "agent/sockets/connection_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/unit/agent/sockets/fakes.h"

namespace tcpfleet::agent {
namespace {

using sockets::ConnectionSample;
using sockets::Field;
using testing::ElementsAre;
using testing::IsEmpty;

ConnectionSample WithRtt(uint64_t cookie, uint64_t rtt) {
  ConnectionSample sample = Connection(cookie);
  sample.values.Set(Field::kRtt, rtt);
  return sample;
}

class ConnectionTableTest : public testing::Test {
 protected:
  void Poll(const std::vector<ConnectionSample>& connections,
            ConnectionTable::PollOptions options = {.same_request = true}) {
    now_ns_ += 1'000 * kMillisecondNs;
    table_.StartPoll(options);
    table_.Begin(now_ns_);
    FakeSource::GiveAll(connections, table_);
    table_.FinishPoll();
  }
  const ConnectionTable::Row& RowOf(uint64_t cookie) {
    for (const ConnectionTable::Row& row : table_.rows()) {
      if (row.now && row.cookie == cookie) return row;
    }
    ADD_FAILURE() << "no connection " << cookie;
    return table_.rows()[0];
  }
  std::vector<uint64_t> EndedCookies() {
    std::vector<uint64_t> cookies;
    for (const auto& ended : table_.ended()) cookies.push_back(ended.last->identity.cookie);
    return cookies;
  }

  ConnectionTable table_;
  int64_t now_ns_ = 0;
};

TEST_F(ConnectionTableTest, KeepsTheRecordOfWhatDidNotChange) {
  Poll({WithRtt(1, 5), WithRtt(2, 5)});
  const ConnectionSample* record = RowOf(1).now.get();
  Poll({WithRtt(1, 5), WithRtt(2, 6)});
  EXPECT_EQ(RowOf(1).now.get(), record);
  EXPECT_EQ(RowOf(1).changed_at, 1u);
  EXPECT_EQ(RowOf(2).changed_at, 2u);
  EXPECT_THAT(table_.changed(), ElementsAre(1));
  EXPECT_EQ(AsSampled(*RowOf(2).now), WithRtt(2, 6));
}

TEST_F(ConnectionTableTest, LeavesASharedRecordAsItIs) {
  Poll({WithRtt(1, 5)});
  const sockets::SampleRef held = RowOf(1).now;
  Poll({WithRtt(1, 6)});
  EXPECT_EQ(held->values.Get(Field::kRtt), 5u);
  EXPECT_EQ(RowOf(1).now->values.Get(Field::kRtt), 6u);
}

TEST_F(ConnectionTableTest, GivesEndedConnectionsOnceAndTheirSlotsToOthers) {
  Poll({Connection(1), Connection(2), Connection(3)});
  Poll({Connection(1), Connection(3)});
  EXPECT_THAT(EndedCookies(), ElementsAre(2));
  EXPECT_EQ(table_.size(), 2u);
  Poll({Connection(1), Connection(3), Connection(4)});
  EXPECT_THAT(EndedCookies(), IsEmpty());
  EXPECT_EQ(table_.rows().size(), 3u);
}

TEST_F(ConnectionTableTest, SaysWhichOpeningsItSaw) {
  Poll({Connection(1)});
  Poll({Connection(1), Connection(2)});
  Poll({Connection(1), Connection(2), Connection(3)}, {.same_request = false});
  EXPECT_EQ(RowOf(1).now->values.Find(Field::kOpeningSeen), 0u);
  EXPECT_EQ(RowOf(1).now->values.Find(Field::kFirstSeenAtMs), 1000u);
  EXPECT_EQ(RowOf(2).now->values.Find(Field::kOpeningSeen), 1u);
  EXPECT_EQ(RowOf(2).now->values.Find(Field::kFirstSeenAtMs), 2000u);
  EXPECT_EQ(RowOf(3).now->values.Find(Field::kOpeningSeen), 0u);
}

TEST_F(ConnectionTableTest, RemembersThePollBeforeWhereAskedTo) {
  Poll({WithRtt(1, 5), WithRtt(2, 5)}, {.same_request = true, .keep_before = true});
  EXPECT_EQ(table_.Before(RowOf(1)), nullptr);
  Poll({WithRtt(1, 6), WithRtt(2, 5), WithRtt(3, 5)}, {.same_request = true, .keep_before = true});
  ASSERT_NE(table_.Before(RowOf(1)), nullptr);
  EXPECT_EQ(table_.Before(RowOf(1))->values.Get(Field::kRtt), 5u);
  EXPECT_EQ(table_.Before(RowOf(2)), RowOf(2).now.get());
  EXPECT_EQ(table_.Before(RowOf(3)), nullptr);
  EXPECT_EQ(table_.interval_ns(), 1'000 * kMillisecondNs);
  Poll({WithRtt(1, 6), WithRtt(2, 5), WithRtt(3, 5)}, {.same_request = true, .keep_before = true});
  EXPECT_EQ(table_.Before(RowOf(1))->values.Get(Field::kRtt), 6u);
}

TEST_F(ConnectionTableTest, EndsNothingWhenAPollFails) {
  Poll({Connection(1), Connection(2)});
  table_.StartPoll({.same_request = true, .keep_before = true});
  table_.Begin(now_ns_);
  FakeSource::GiveAll({WithRtt(1, 9)}, table_);
  table_.FailPoll();
  EXPECT_THAT(EndedCookies(), IsEmpty());
  Poll({WithRtt(1, 9), Connection(2), Connection(3)}, {.same_request = true, .keep_before = true});
  EXPECT_THAT(EndedCookies(), IsEmpty());
  EXPECT_EQ(table_.Before(RowOf(1)), nullptr);  // nobody knows how long ago
  EXPECT_EQ(RowOf(3).now->values.Find(Field::kOpeningSeen), 0u);
}

TEST_F(ConnectionTableTest, CountsOnlyTheLastAttemptOfAPoll) {
  Poll({Connection(1), Connection(2)});
  table_.StartPoll({.same_request = true});
  table_.Begin(now_ns_);
  FakeSource::GiveAll({Connection(1), Connection(2), Connection(3)}, table_);
  table_.Begin(now_ns_);
  FakeSource::GiveAll({Connection(2)}, table_);
  table_.FinishPoll();
  EXPECT_THAT(EndedCookies(), testing::UnorderedElementsAre(1, 3));
}

TEST_F(ConnectionTableTest, KnowsARecordByItsFingerprintAndMoments) {
  ConnectionSample sample = Connection(1);
  sample.values.Set(Field::kLastDataSentAtMs, 5000);
  const auto sighting = [](uint64_t fingerprint, uint32_t moment) {
    return Sighting{1, 0, fingerprint, {0, moment, 0, 0}};
  };
  table_.StartPoll({});
  table_.Begin(1);
  EXPECT_FALSE(table_.HasRecord(sighting(77, 5000)));
  EXPECT_TRUE(table_.Take(sighting(77, 5000), sample));
  table_.FinishPoll();
  for (int poll = 0; poll < 3; ++poll) {
    table_.StartPoll({});
    table_.Begin(2);
    EXPECT_FALSE(table_.HasRecord(sighting(78, 5000)));
    EXPECT_FALSE(table_.HasRecord(sighting(77, 5031)));
    EXPECT_TRUE(table_.HasRecord(sighting(77, 5030)));  // jitter does not add up
    table_.FinishPoll();
    EXPECT_THAT(table_.changed(), IsEmpty());
    EXPECT_EQ(table_.size(), 1u);
  }
}

TEST_F(ConnectionTableTest, KeepsWhatIsKnownOfAnOrphan) {
  ConnectionSample owned = Connection(1);
  owned.identity.inode = 55;
  owned.identity.uid = 1000;
  Poll({owned});
  const auto process = std::make_shared<const sockets::Process>(sockets::Process{1, 2, "a", "b"});
  table_.Describe(0, process, nullptr);
  EXPECT_THAT(table_.undescribed(), ElementsAre(0));
  Poll({Connection(1)});
  EXPECT_EQ(RowOf(1).now->identity.uid, 1000u);
  EXPECT_EQ(RowOf(1).now->identity.process, process);
}

TEST_F(ConnectionTableTest, ForgetsTheOwnerWhenAnotherInodeComes) {
  ConnectionSample first = Connection(1);
  first.identity.inode = 55;
  Poll({first});
  table_.Describe(0, std::make_shared<const sockets::Process>(), nullptr);
  first.identity.inode = 56;
  Poll({first});
  EXPECT_EQ(RowOf(1).described_at, 2u);
  EXPECT_EQ(RowOf(1).now->identity.inode, 56u);
  EXPECT_EQ(RowOf(1).now->identity.process, nullptr);
}

TEST_F(ConnectionTableTest, ListsEverySlotOnceForDescription) {
  for (uint64_t i = 1; i < 50; ++i) Poll({Connection(i)});
  EXPECT_LE(table_.undescribed().size(), table_.rows().size());
}

// Whatever comes, goes and changes, in whatever order the kernel lists it.
TEST_F(ConnectionTableTest, AgreesWithAMap) {
  std::mt19937_64 random(1);
  std::map<uint64_t, ConnectionSample> connections;
  uint64_t born = 0;
  for (int poll = 0; poll < 200; ++poll) {
    std::vector<uint64_t> ended;
    for (auto entry = connections.begin(); entry != connections.end();) {
      const auto here = entry++;
      if (random() % 4 == 0) here->second.values.Set(Field::kRtt, random() % 100);
      if (random() % 10 != 0) continue;
      ended.push_back(here->first);
      connections.erase(here);
    }
    for (uint64_t i = random() % 8; i > 0; --i, ++born) connections[born] = WithRtt(born, 1);
    std::vector<ConnectionSample> listed;
    for (const auto& [cookie, sample] : connections) listed.push_back(sample);
    if (poll % 5 == 0) std::shuffle(listed.begin(), listed.end(), random);
    Poll(listed);
    EXPECT_THAT(EndedCookies(), testing::UnorderedElementsAreArray(ended));
    ASSERT_EQ(table_.size(), connections.size());
    for (const auto& [cookie, sample] : connections) {
      EXPECT_EQ(AsSampled(*RowOf(cookie).now), sample);
    }
  }
}

}  // namespace
}  // namespace tcpfleet::agent

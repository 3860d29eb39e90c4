#include "agent/sockets/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/support/status_matchers.h"
#include "tests/unit/agent/sockets/fakes.h"

namespace tcpfleet::agent {
namespace {

using testing::UnorderedElementsAre;
using tests::IsOk;

class WatcherTest : public testing::Test {
 protected:
  std::unique_ptr<Watcher> Watching(const std::string& filter) {
    v1::WatchRequest request;
    request.set_filter(filter);
    return std::make_unique<Watcher>(*PlanWatch(request), &budget_);
  }
  void Poll(Watcher& watcher, const std::vector<sockets::ConnectionSample>& connections) {
    now_ns_ += 1'000 * kMillisecondNs;
    table_.StartPoll({.same_request = true, .keep_before = true});
    table_.Begin(now_ns_);
    FakeSource::GiveAll(connections, table_);
    table_.FinishPoll();
    poll_.monotonic_ns = now_ns_;
    watcher.Note(poll_, table_);
    watcher.IsDue(now_ns_, 0);
  }
  v1::ConnectionFrame Encode(Watcher& watcher) {
    const v1::ConnectionFrame frame = watcher.Encode(1, poll_, table_, writer_);
    EXPECT_THAT(decoder_.Apply(frame), IsOk());
    return frame;
  }

  ConnectionTable table_;
  PollResult poll_;
  sockets::RowBudget budget_{100'000};
  sockets::FrameWriter writer_;
  sockets::FrameDecoder decoder_;
  int64_t now_ns_ = 0;
};

TEST_F(WatcherTest, SaysWhenAConnectionNoLongerMatches) {
  const auto watcher = Watching("state established");
  Poll(*watcher, {Connection(1)});
  Encode(*watcher);
  const sockets::ConnectionSample closing = Connection(1, 443, 8);
  Poll(*watcher, {closing});
  Encode(*watcher);
  ASSERT_EQ(decoder_.closed().size(), 1u);
  EXPECT_EQ(decoder_.closed()[0].reason, v1::ConnectionClose::REASON_FILTERED);
  EXPECT_EQ(AsSampled(decoder_.closed()[0].last), closing);
  Poll(*watcher, {});  // its real end is not this subscriber's business any more
  Encode(*watcher);
  EXPECT_TRUE(decoder_.closed().empty());
}

TEST_F(WatcherTest, DoesNotEndWhatMatchesAgainByTheNextFrame) {
  const auto watcher = Watching("state established");
  Poll(*watcher, {Connection(1)});
  Encode(*watcher);
  Poll(*watcher, {Connection(1, 443, 2)});
  Poll(*watcher, {Connection(1)});
  Encode(*watcher);
  EXPECT_TRUE(decoder_.closed().empty());
  EXPECT_EQ(decoder_.rows().size(), 1u);
}

TEST_F(WatcherTest, SendsNothingForWhatDidNotChange) {
  const auto watcher = Watching("");
  Poll(*watcher, {Connection(1), Connection(2)});
  Encode(*watcher);
  Poll(*watcher, {Connection(1), Connection(2)});
  EXPECT_EQ(Encode(*watcher).rows_size(), 0u);
}

TEST_F(WatcherTest, SendsAllThatChangedInTheMeantime) {
  const auto watcher = Watching("");
  const auto connections = [](uint64_t a, uint64_t b) {
    std::vector<sockets::ConnectionSample> both = {Connection(1), Connection(2)};
    both[0].values.Set(sockets::Field::kRtt, a);
    both[1].values.Set(sockets::Field::kRtt, b);
    return both;
  };
  Poll(*watcher, connections(1, 1));
  Encode(*watcher);
  Poll(*watcher, connections(2, 1));
  Poll(*watcher, connections(2, 3));
  Poll(*watcher, connections(2, 4));
  Encode(*watcher);
  EXPECT_EQ(decoder_.changed().size(), 2u);
  std::vector<uint64_t> rtts;
  for (const auto& [row, sample] : decoder_.rows()) {
    rtts.push_back(sample.values.Get(sockets::Field::kRtt));
  }
  EXPECT_THAT(rtts, UnorderedElementsAre(2, 4));
}

TEST_F(WatcherTest, OpensAnewWhatIsDescribedLater) {
  const auto watcher = Watching("");
  Poll(*watcher, {Connection(1), Connection(2)});
  Encode(*watcher);
  table_.StartPoll({.same_request = true});
  table_.Begin(now_ns_);
  FakeSource::GiveAll({Connection(1), Connection(2)}, table_);
  table_.FinishPoll();
  table_.Describe(0, std::make_shared<const sockets::Process>(), nullptr);
  Encode(*watcher);
  ASSERT_EQ(decoder_.closed().size(), 1u);
  EXPECT_EQ(decoder_.closed()[0].reason, v1::ConnectionClose::REASON_REPLACED);
  EXPECT_EQ(decoder_.opened().size(), 1u);
}

TEST_F(WatcherTest, JudgesByWhatHappenedSinceThePollBefore) {
  const auto watcher = Watching("send_rate > 500B");
  const auto sent = [](uint64_t bytes) {
    sockets::ConnectionSample sample = Connection(1);
    sample.values.Set(sockets::Field::kBytesSent, bytes);
    return std::vector{sample};
  };
  Poll(*watcher, sent(0));
  EXPECT_EQ(Encode(*watcher).completeness().seen(), 0u);
  Poll(*watcher, sent(1000));
  EXPECT_EQ(Encode(*watcher).completeness().seen(), 1u);
  Poll(*watcher, sent(1000));  // the record stays, the rate falls
  EXPECT_EQ(Encode(*watcher).completeness().seen(), 0u);
}

TEST_F(WatcherTest, CountsUnknownOwnersOnlyWhereTheyAreWanted) {
  v1::WatchRequest request;
  request.set_processes(true);
  Watcher wants(*PlanWatch(request), &budget_);
  const auto does_not = Watching("");
  Poll(wants, {Connection(1), Connection(2)});
  EXPECT_EQ(Encode(wants).completeness().unattributed(), 2u);
  EXPECT_EQ(Encode(*does_not).completeness().unattributed(), 0u);
  Poll(wants, {Connection(1), Connection(2)});
  table_.Describe(0, std::make_shared<const sockets::Process>(), nullptr);
  EXPECT_EQ(wants.Encode(1, poll_, table_, writer_).completeness().unattributed(), 1u);
  Poll(wants, {Connection(1)});
  EXPECT_EQ(wants.Encode(1, poll_, table_, writer_).completeness().unattributed(), 0u);
}

TEST_F(WatcherTest, CountsEndsBeyondItsBound) {
  const auto watcher = Watching("");
  Poll(*watcher, {});
  Encode(*watcher);
  std::vector<sockets::ConnectionSample> many;
  for (uint64_t i = 0; i < kMostUnsentEnds + 5; ++i) many.push_back(Connection(i + 1));
  Poll(*watcher, many);
  Poll(*watcher, {});
  EXPECT_EQ(Encode(*watcher).completeness().dropped(), 5u);
}

TEST_F(WatcherTest, LeavesOutWhatTheBudgetHasNoRoomForUntilItHas) {
  budget_.left = 3;
  const auto first = Watching(""), second = Watching("");
  Poll(*first, {Connection(1), Connection(2)});
  EXPECT_EQ(Encode(*first).completeness().dropped(), 0u);
  EXPECT_EQ(second->Encode(1, poll_, table_, writer_).completeness().dropped(), 1u);
  Poll(*first, {Connection(2)});
  second->Note(poll_, table_);
  Encode(*first);
  EXPECT_EQ(budget_.left, 1u);
  EXPECT_EQ(second->Encode(1, poll_, table_, writer_).completeness().seen(), 1u);
}

TEST_F(WatcherTest, IsDueOnItsOwnGrid) {
  const auto watcher = Watching("");
  Poll(*watcher, {});  // at 1 s
  Encode(*watcher);
  EXPECT_FALSE(watcher->IsDue(1'900 * kMillisecondNs, 100 * kMillisecondNs));
  EXPECT_TRUE(watcher->IsDue(1'950 * kMillisecondNs, 100 * kMillisecondNs));
  EXPECT_EQ(Encode(*watcher).merged_polls(), 1u);
  EXPECT_FALSE(watcher->IsDue(2'999 * kMillisecondNs, 0));
  EXPECT_TRUE(watcher->IsDue(3'000 * kMillisecondNs, 0));
  EXPECT_TRUE(watcher->IsDue(3'100 * kMillisecondNs, 0));  // still
  EXPECT_EQ(Encode(*watcher).merged_polls(), 1u);
  // Ten seconds late: no burst to catch up.
  EXPECT_TRUE(watcher->IsDue(14'000 * kMillisecondNs, 0));
  Encode(*watcher);
  EXPECT_FALSE(watcher->IsDue(14'400 * kMillisecondNs, 0));
}

}  // namespace
}  // namespace tcpfleet::agent

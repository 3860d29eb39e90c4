#include "agent/sockets/watcher.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/agent/sockets/fakes.h"

namespace tcpfleet::agent {
namespace {

using tests::IsOk;

class WatcherTest : public testing::Test {
 protected:
  static Watcher Watching(const std::string& filter) {
    v1::WatchRequest request;
    request.set_filter(filter);
    return Watcher(*PlanWatch(request));
  }
  void Poll(Watcher& watcher, std::vector<sockets::ConnectionSample> connections) {
    history_.Advance(std::move(connections));
    watcher.Observe({}, history_);
  }
  v1::ConnectionFrame Encode(Watcher& watcher) {
    now_ns_ += 1'000 * kMillisecondNs;
    const v1::ConnectionFrame frame = watcher.Encode(1, now_ns_);
    EXPECT_THAT(decoder_.Apply(frame), IsOk());
    return frame;
  }

  ConnectionHistory history_;
  sockets::FrameDecoder decoder_;
  int64_t now_ns_ = 0;
};

TEST_F(WatcherTest, SaysWhenAConnectionNoLongerMatches) {
  Watcher watcher = Watching("state established");
  Poll(watcher, {Connection(1)});
  Encode(watcher);
  const sockets::ConnectionSample closing = Connection(1, 443, 8);
  Poll(watcher, {closing});
  Encode(watcher);
  ASSERT_EQ(decoder_.closed().size(), 1u);
  EXPECT_EQ(decoder_.closed()[0].reason, v1::ConnectionClose::REASON_FILTERED);
  EXPECT_EQ(decoder_.closed()[0].last, closing);
  Poll(watcher, {});  // its real end is not this subscriber's business any more
  Encode(watcher);
  EXPECT_TRUE(decoder_.closed().empty());
}

TEST_F(WatcherTest, DoesNotEndWhatMatchesAgainByTheNextFrame) {
  Watcher watcher = Watching("state established");
  Poll(watcher, {Connection(1)});
  Encode(watcher);
  Poll(watcher, {Connection(1, 443, 2)});
  Poll(watcher, {Connection(1)});
  Encode(watcher);
  EXPECT_TRUE(decoder_.closed().empty());
  EXPECT_EQ(decoder_.rows().size(), 1u);
}

TEST_F(WatcherTest, CountsEndsBeyondItsBound) {
  Watcher watcher = Watching("");
  Poll(watcher, {});
  std::vector<sockets::ConnectionSample> many;
  for (uint64_t i = 0; i < kMostUnsentEnds + 5; ++i) many.push_back(Connection(i + 1));
  Poll(watcher, std::move(many));
  Poll(watcher, {});
  EXPECT_EQ(Encode(watcher).completeness().dropped(), 5u);
}

TEST_F(WatcherTest, IsDueOnItsOwnGrid) {
  Watcher watcher = Watching("");
  EXPECT_TRUE(watcher.IsDue(0, 0));
  watcher.Encode(1, 10'000 * kMillisecondNs);
  EXPECT_FALSE(watcher.IsDue(10'900 * kMillisecondNs, 100 * kMillisecondNs));
  EXPECT_TRUE(watcher.IsDue(10'950 * kMillisecondNs, 100 * kMillisecondNs));
  watcher.Encode(2, 10'950 * kMillisecondNs);
  EXPECT_TRUE(watcher.IsDue(12'000 * kMillisecondNs, 0));
  EXPECT_FALSE(watcher.IsDue(11'999 * kMillisecondNs, 0));
  // Ten seconds late: no burst to catch up.
  watcher.Encode(3, 22'000 * kMillisecondNs);
  EXPECT_FALSE(watcher.IsDue(22'400 * kMillisecondNs, 0));
}

TEST(ConnectionHistory, PairsConnectionsByCookie) {
  ConnectionHistory history;
  history.Advance({Connection(1, 1), Connection(2, 2)});
  EXPECT_TRUE(history.ended().empty());
  EXPECT_EQ(history.before()[0], nullptr);
  history.Advance({Connection(3, 3), Connection(2, 22)});
  EXPECT_EQ(history.before()[0], nullptr);
  ASSERT_NE(history.before()[1], nullptr);
  EXPECT_EQ(*history.before()[1], Connection(2, 2));
  ASSERT_EQ(history.ended().size(), 1u);
  EXPECT_EQ(*history.ended()[0], Connection(1, 1));
  EXPECT_EQ(history.TakeStorage().size(), 2u);
  EXPECT_EQ(history.current().size(), 2u);
}

}  // namespace
}  // namespace tcpfleet::agent
